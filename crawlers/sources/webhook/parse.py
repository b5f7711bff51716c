"""Reads what was posted: one item, a JSON array of them, or one a line."""

from typing import Annotated, Final, NamedTuple

import msgspec

from core.contracts.event import DELETED_REVISION, EventKind, OriginKind
from crawlers.item import Item, ItemOrigin, Refusal, RefusalReason, TextFormat

LINES: Final = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
"""Content types of one JSON object a line."""


class PostedOrigin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a posted item was made from; see `ItemOrigin`."""

    kind: OriginKind
    author: str | None = None
    id: str | int | None = None
    url: str | None = None
    text: str | None = None
    published: str | int | float | None = None


class PostedItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One item as senders write it: `id`, and `title` or `text` unless it is a deletion.

    An unknown field is refused: a misspelt `published` must not pass for an item without a time.
    """

    id: str | int
    text: str | None = None
    title: str | None = None
    format: TextFormat = TextFormat.PLAIN
    author: str | None = None
    url: str | None = None
    published: str | int | float | None = None
    language: str | None = None
    kind: EventKind = EventKind.PUBLISHED
    revision: Annotated[int, msgspec.Meta(ge=0, lt=DELETED_REVISION)] = 0
    origin: PostedOrigin | None = None


class Posted(NamedTuple):
    """One request's body.

    Attributes:
        entries: in the body's order.
        single: one object alone, whose answer is not a list.
    """

    entries: tuple[Item | Refusal, ...]
    single: bool


_decode_item: Final = msgspec.json.Decoder(PostedItem).decode
_decode_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_WHITE: Final = b" \t\r\n"


def parse(body: bytes, content_type: str) -> Posted:
    """Read a request's body; never raises for what a sender may post.

    Sample: {"id":"8123","title":"Exchange lists Coin (COIN)","published":"2026-09-21T14:13:20Z"}

    Args:
        body: as it came.
        content_type: without parameters; see `LINES`. Anything else is taken as JSON.
    """
    if content_type in LINES:
        return Posted(tuple(_item(line) for line in body.splitlines() if line.strip(_WHITE)), False)
    if body.lstrip(_WHITE)[:1] != b"[":
        return Posted((_item(body),), True)
    try:
        listed = _decode_list(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Posted((Refusal(RefusalReason.BAD_JSON, str(error)),), True)
    return Posted(tuple(_item(one) for one in listed), False)


def _item(written: bytes | msgspec.Raw) -> Item | Refusal:
    """Read one item."""
    try:
        posted = _decode_item(written)
    except msgspec.ValidationError as error:
        return Refusal(RefusalReason.BAD_SHAPE, str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Refusal(RefusalReason.BAD_JSON, str(error))
    native_id = str(posted.id)
    if posted.kind is EventKind.EDITED and posted.revision < 1:
        detail = "an edit needs a revision above 0: the number of edits, or the edit's Unix second"
        return Refusal(RefusalReason.BAD_SHAPE, detail, native_id)
    if posted.kind is EventKind.PUBLISHED and posted.revision:
        detail = 'an item with a revision is an edit: say kind "edited"'
        return Refusal(RefusalReason.BAD_SHAPE, detail, native_id)
    return Item(
        native_id=native_id,
        kind=posted.kind,
        revision=posted.revision,
        title=posted.title,
        title_format=posted.format,
        text=posted.text,
        text_format=posted.format,
        author=posted.author,
        url=posted.url,
        published=posted.published,
        language=posted.language,
        origin=None if posted.origin is None else _origin(posted.origin, posted.format),
    )


def _origin(posted: PostedOrigin, form: TextFormat) -> ItemOrigin:
    return ItemOrigin(
        kind=posted.kind,
        author=posted.author,
        native_id=None if posted.id is None else str(posted.id),
        url=posted.url,
        text=posted.text,
        text_format=form,
        published=posted.published,
    )
