"""What any feed document is read into, whatever its format."""

from datetime import UTC
from hashlib import blake2b
from typing import Final

import msgspec

from core.contracts.event import EventKind
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.times import parse_time

_SECOND_NS: Final = 1_000_000_000
_END_OF_TIMES_NS: Final = 253_402_300_800 * _SECOND_NS  # the year 10000: no time is too late


class FeedDocument(msgspec.Struct, frozen=True):
    """What one document held.

    Attributes:
        entries: each an item or a refusal, in the document's order; never empty. Deletions
            (RFC 6721) come after them.
        whole: False when the document was ill-formed, so that its rest may be missing.
        refused: why no entry could be read; None when some could, or the feed is just empty.
        interval_ms: how often the publisher says the feed changes; None where it doesn't.
        older_url: where older entries are (RFC 5005, JSON Feed), as written; None where nowhere.
        generator: what wrote the document, as it says.
        dated_by_update: ids of entries that tell when they were last changed, and not when they
            were first published.
    """

    entries: tuple[Item | Refusal, ...]
    whole: bool = True
    refused: Refusal | None = None
    interval_ms: int | None = None
    older_url: str | None = None
    generator: str | None = None
    dated_by_update: frozenset[str] = frozenset()


def refused(reason: RefusalReason, detail: str) -> FeedDocument:
    """Make what a document that can't be read gives."""
    refusal = Refusal(reason, detail)
    return FeedDocument((refusal,), whole=False, refused=refusal)


def version_of(published: str | None, updated: str | None) -> tuple[EventKind, int]:
    """Tell from an entry's times alone whether it is an edit, and which.

    Every client of a feed, and who reads its archives, names a version the same.

    Returns:
        EDITED and the time of the change in seconds, where that is later than the publication;
        PUBLISHED and 0 otherwise.
    """
    if not published or not updated or published == updated:
        return EventKind.PUBLISHED, 0
    first, last = _seconds(published), _seconds(updated)
    if first is None or last is None or last <= first:
        return EventKind.PUBLISHED, 0
    return EventKind.EDITED, last


def _seconds(at: str) -> int | None:
    """Read a time; without a zone it counts as UTC, wherever it is read."""
    parsed = parse_time(at, _END_OF_TIMES_NS, UTC)
    return parsed[0] // _SECOND_NS if isinstance(parsed, tuple) else None


def text_of(value: object) -> str | None:
    """Keep a string that says something."""
    return value.strip() or None if isinstance(value, str) else None


def hash_of(*parts: str | None) -> str:
    """Name an entry that has neither id nor link by what it says."""
    said = "\x1f".join(part or "" for part in parts).encode("utf-8", "surrogatepass")
    return f"hash:{blake2b(said, digest_size=16).hexdigest()}"
