"""Turns one item of any source into an event, or says why not."""

from datetime import UTC, tzinfo
from hashlib import blake2b
from typing import Final

import msgspec

from core.contracts.event import DELETED_REVISION, Event, EventKind, Origin
from core.contracts.identity import event_id
from crawlers.item import Item, ItemOrigin, Refusal, RefusalReason, TextFormat
from crawlers.languages import detect
from crawlers.lookalikes import find
from crawlers.text import clean
from crawlers.times import parse_time
from crawlers.urls import canonical

_LONGEST_NAME: Final = 200  # author
_LONGEST_ID: Final = 300
_LONGEST_LANGUAGE: Final = 35  # RFC 5646 section 4.4.1


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much text an event may hold, and what a missing zone means.

    Attributes:
        title_chars: longest title; the rest is cut and the event marked.
        text_chars: longest text.
        default_zone: the zone of times without one; None refuses such times.
        detect_language: tell the language from the text where the source does not.
    """

    title_chars: int = 1_000
    text_chars: int = 50_000
    default_zone: tzinfo | None = UTC
    detect_language: bool = False


def normalise(
    item: Item, *, source: str, channel: str, received_ns: int, limits: Limits
) -> Event | Refusal:
    """Turn one item into an event.

    Pure: the same item received at the same time gives the same event. `source` and `channel`
    come from the configuration and are taken as they are.
    """
    native_id = item.native_id.strip()
    if not is_plain_id(native_id):
        if not native_id:
            return Refusal(RefusalReason.NO_ID, "the entry has no id")
        native_id = _short_id(native_id)
    title: str | None = None
    removed = 0
    truncated = False
    if item.title:
        title, removed, truncated = clean(item.title, item.title_format, limits.title_chars)
    text = ""
    if item.text:
        text, removed_from_text, text_cut = clean(item.text, item.text_format, limits.text_chars)
        removed += removed_from_text
        truncated = truncated or text_cut
    deleted = item.kind is EventKind.DELETED
    if not title and not text and not deleted:
        return Refusal(RefusalReason.NO_TEXT, "neither title nor text", native_id)
    published = parse_time(item.published, received_ns, limits.default_zone)
    if isinstance(published, RefusalReason):
        return Refusal(published, f"published {str(item.published)[:100]!r}", native_id)
    whole: str | None = None  # put together only where something looks at it
    lookalikes: tuple[str, ...] = ()
    if not (text.isascii() and (title is None or title.isascii())):
        whole = f"{title}\n{text}" if title else text
        lookalikes = find(whole)
    language = _language(item.language) if item.language else None
    if language is None and limits.detect_language:
        language = detect(whole or (f"{title}\n{text}" if title else text))
    revision = DELETED_REVISION if deleted else max(0, min(item.revision, DELETED_REVISION - 1))
    return Event(
        id=event_id(source, channel, native_id, revision),
        source=source,
        channel=channel,
        native_id=native_id,
        revision=revision,
        kind=item.kind,
        title=title or None,
        text=text,
        author=_name(item.author) if item.author else None,
        url=canonical(item.url) if item.url else None,
        language=language,
        published_ns=published[0],
        published_precision=published[1],
        received_ns=received_ns,
        truncated=truncated,
        removed_characters=removed,
        lookalikes=lookalikes,
        origin=None if item.origin is None else _origin(item.origin, received_ns, limits),
    )


def _origin(origin: ItemOrigin, received_ns: int, limits: Limits) -> Origin:
    """Normalise what an item was made from; a time that can't be told is left out."""
    published = None
    if origin.published is not None:
        parsed = parse_time(origin.published, received_ns, limits.default_zone)
        published = parsed[0] if isinstance(parsed, tuple) else None
    native_id = (origin.native_id or "").strip()
    if native_id and not is_plain_id(native_id):
        native_id = _short_id(native_id)
    return Origin(
        kind=origin.kind,
        author=_name(origin.author) if origin.author else None,
        native_id=native_id or None,
        url=canonical(origin.url) if origin.url else None,
        text=clean(origin.text, origin.text_format, limits.text_chars)[0] if origin.text else "",
        published_ns=published,
    )


def is_plain_id(native_id: str) -> bool:
    """Say whether a source's id can be used and kept as it is."""
    return 0 < len(native_id) <= _LONGEST_ID and native_id.isprintable()


def _short_id(native_id: str) -> str:
    """Stand in for an id that is too long or holds characters no id should hold."""
    digest = blake2b(native_id.encode("utf-8", "surrogatepass"), digest_size=16)
    return f"hash:{digest.hexdigest()}"


def _name(author: str) -> str | None:
    return clean(author, TextFormat.PLAIN, _LONGEST_NAME)[0] or None


def _language(tag: str) -> str | None:
    """Keep what looks like a BCP 47 tag."""
    tag = tag.strip()
    plausible = tag.isascii() and len(tag) <= _LONGEST_LANGUAGE and tag.replace("-", "").isalnum()
    return tag if plausible else None
