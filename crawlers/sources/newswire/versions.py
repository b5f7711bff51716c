"""Tells a stream's corrections and kills from its first versions, by the configured mapping."""

from collections.abc import Callable
from datetime import tzinfo
from typing import Final

from msgspec.structs import replace

from core.contracts.event import EventKind
from crawlers.fields import Json, Pick, pick_from
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.sources.newswire.settings import NewswireSettings
from crawlers.times import SECOND_NS, parse_time

Read = Callable[[dict[str, Json]], Item | Refusal]
Kinds = dict[str, EventKind]

_LONGEST_COUNT: Final = 99_999_999  # what is greater is a time
_NO_LIMIT_NS: Final = 1 << 62  # no time of an edit is refused for lying ahead


def kinds_of(settings: NewswireSettings) -> Kinds:
    """Give the configured words for edits and deletions."""
    return dict.fromkeys(settings.edited_types, EventKind.EDITED) | dict.fromkeys(
        settings.deleted_types, EventKind.DELETED
    )


def with_versions(read: Read, settings: NewswireSettings) -> Read:
    """Make a reader that also tells an item's kind and revision, from the item's own fields.

    Gives `read` itself where nothing of the kind is configured.
    """
    fields = settings.fields
    if fields.kind is not None:
        kinds = kinds_of(settings)
        pick_kind = pick_from(fields.kind)

        def kind_of(found: dict[str, Json]) -> EventKind:
            word = pick_kind(found)
            known = kinds.get(word) if isinstance(word, str) else None
            return known or EventKind.PUBLISHED

        return _versioned(read, settings, kind_of)
    if settings.edited_types or settings.deleted_types:
        return read  # a message's type tells, see `of_kind`
    if fields.revision is not None or fields.edited is not None:
        return _versioned(read, settings, None)
    return read


def of_kind(read: Read, settings: NewswireSettings, kind: EventKind) -> Read:
    """Make a reader of items that are all of one kind, as their messages' type says."""
    return _versioned(read, settings, lambda _found: kind)


def _versioned(
    read: Read,
    settings: NewswireSettings,
    kind_of: Callable[[dict[str, Json]], EventKind] | None,
) -> Read:
    """Make the reader; without `kind_of` an item that was edited is an edit."""
    fields, zone = settings.fields, settings.zone
    pick_revision, pick_edited = pick_from(fields.revision), pick_from(fields.edited)

    def read_version(found: dict[str, Json]) -> Item | Refusal:
        item = read(found)
        if isinstance(item, Refusal):
            return item
        kind = kind_of(found) if kind_of is not None else None
        if kind is EventKind.DELETED:
            return replace(item, kind=kind)
        if kind is EventKind.PUBLISHED:
            return item
        revision = _revision(found, item, pick_revision, pick_edited, zone)
        if isinstance(revision, Refusal):
            return revision
        if revision:
            return replace(item, kind=EventKind.EDITED, revision=revision)
        if kind is EventKind.EDITED:
            detail = "an edit that tells neither its number nor its time"
            return Refusal(RefusalReason.BAD_SHAPE, detail, item.native_id)
        return item

    return read_version


def _revision(
    found: dict[str, Json], item: Item, pick_revision: Pick, pick_edited: Pick, zone: tzinfo | None
) -> int | Refusal:
    """Give an item's revision: its count of edits, or the last edit's second; 0 where unedited."""
    count = pick_revision(found)
    if isinstance(count, str) and count.isdecimal() and len(count) <= len(str(_LONGEST_COUNT)):
        count = int(count)
    if type(count) is int and 0 <= count <= _LONGEST_COUNT:
        return count
    if count is not None:
        detail = f"a revision is no count: {str(count)[:50]!r}"
        return Refusal(RefusalReason.BAD_SHAPE, detail, item.native_id)
    at = pick_edited(found)
    if at is None or at == "":
        return 0
    edited_s = _second(at, zone)
    if isinstance(edited_s, RefusalReason):
        return Refusal(edited_s, f"edited {str(at)[:100]!r}", item.native_id)
    if item.published is not None and edited_s == _second(item.published, zone):
        return 0
    return edited_s


def _second(at: Json, zone: tzinfo | None) -> int | RefusalReason:
    """Read a time to whole seconds since 1970."""
    if type(at) is bool or not isinstance(at, str | int | float):
        return RefusalReason.BAD_TIME
    read = parse_time(at, _NO_LIMIT_NS, zone)
    return read if isinstance(read, RefusalReason) else read[0] // SECOND_NS
