"""Tells an edit of a feed's entry from the entry as it was, with what is kept in the cursor."""

from base64 import b64encode
from hashlib import blake2b
from typing import Final

import msgspec

from core.contracts.event import Event, EventKind
from core.contracts.identity import event_id

_VERSIONS: Final = 4  # of an entry, the last ones: caches give older ones again
_DIGEST_BYTES: Final = 6
_KEY_CHARS: Final = 12
_SECOND_NS: Final = 1_000_000_000


class Known(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What is known of an entry.

    Attributes:
        base: the revision that its times tell: see `version_of`.
        count: changes since then that its times don't tell.
        versions: digests of what it said, the latest last.
        published_s: when it was first seen dated, where it only tells its last change.
    """

    base: int
    count: int = 0
    versions: tuple[str, ...] = ()
    published_s: int = 0

    @property
    def revision(self) -> int:
        """The latest version's."""
        return self.base + self.count


def key_of(event: Event) -> str:
    """Name an entry in the cursor, whatever its version."""
    if event.kind is EventKind.DELETED:
        return f"-{event.id[:_KEY_CHARS]}"
    if event.revision == 0:
        return event.id[:_KEY_CHARS]
    return event_id(event.source, event.channel, event.native_id)[:_KEY_CHARS]


def revise(event: Event, known: Known | None, *, dated_by_update: bool) -> tuple[Event, Known]:
    """Give an entry's event its revision, by what was known of the entry.

    A change is a later time of change, or another title or text. One that the entry's times
    tell has that time as its revision; another one counts up. What an entry said before, and
    what is older than what is known, comes from a cache and is no change.

    Args:
        event: from the entry alone.
        known: of the entry; None at first sight.
        dated_by_update: the entry tells its last change, not its first publication.

    Returns:
        The event, and what is known from now on.
    """
    if event.kind is EventKind.DELETED:
        return event, Known(event.revision)
    said = _digest(event)
    if known is None:
        dated = event.published_ns // _SECOND_NS if dated_by_update else 0
        return event, Known(event.revision, 0, (said,), dated)
    base = event.revision
    published_ns = event.published_ns
    if dated_by_update and known.published_s:
        changed_s = published_ns // _SECOND_NS
        base = changed_s if changed_s > known.published_s else 0
        published_ns = known.published_s * _SECOND_NS
    if base > known.base:
        known = Known(
            base,
            max(0, known.revision + 1 - base),
            (*known.versions, said)[-_VERSIONS:],
            known.published_s,
        )
    elif base == known.base and said not in known.versions:
        known = Known(
            base,
            known.count + 1,
            (*known.versions, said)[-_VERSIONS:],
            known.published_s,
        )
    return _as_revision(event, known.revision, published_ns), known


def _as_revision(event: Event, revision: int, published_ns: int) -> Event:
    if revision == event.revision and published_ns == event.published_ns:
        return event
    return msgspec.structs.replace(
        event,
        id=event_id(event.source, event.channel, event.native_id, revision),
        revision=revision,
        kind=EventKind.EDITED if revision else EventKind.PUBLISHED,
        published_ns=published_ns,
    )


def _digest(event: Event) -> str:
    """Digest what a reader sees; 48 bits, since a missed edit is the worst of it."""
    said = f"{event.title}\x1f{event.text}".encode()
    return b64encode(blake2b(said, digest_size=_DIGEST_BYTES).digest()).decode()
