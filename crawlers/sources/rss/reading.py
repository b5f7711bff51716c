"""Compares a feed's document with what it showed before: what is new, what changed, what is not."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final, NamedTuple

from core.contracts.event import Event, TimePrecision
from crawlers.http import Fetched
from crawlers.intake import Intake
from crawlers.item import Item, Refusal
from crawlers.sources.rss.document import FeedDocument
from crawlers.sources.rss.versions import Known, key_of, revise

Parse = Callable[[bytes, str | None, str], FeedDocument]
"""Reads a document, given its content type and where it came from."""

_DIGEST_BYTES: Final = 16


class Shown(NamedTuple):
    """What became of an entry of the last document, so that the same again costs nothing.

    Attributes:
        key: of `key_of`.
        known: as it was then.
        published_ns: for the order, UTC ns.
        exact: whether the entry told that.
    """

    key: str
    known: Known
    published_ns: int
    exact: bool


class Reading(NamedTuple):
    """What a document says, compared with what was known.

    Attributes:
        document: as parsed.
        refusals: entries that can't be events.
        new: events of entries and versions not known before, the oldest first.
        old: events of those that were, although they look otherwise than in the last document.
        same: how many stand as in the last document, or a second time in this one.
        shown: by digest of the entry as it stands, the oldest first.
    """

    document: FeedDocument
    refusals: list[Refusal]
    new: list[Event]
    old: list[Event]
    same: int
    shown: dict[bytes, Shown]


def read(
    fetched: Fetched,
    received_ns: int,
    parse: Parse,
    intake: Intake,
    known: dict[str, Known],
    before: dict[bytes, Shown],
) -> Reading:
    """Parse and normalise a document, and compare it with what is known; for another thread.

    Args:
        fetched: the answer with the document.
        received_ns: when it came, UTC ns.
        parse: see `Parse`.
        intake: the channel's.
        known: of the channel's entries.
        before: what this address showed the last time.
    """
    document = parse(fetched.body, fetched.content_type, fetched.url)
    listed = _list(document, received_ns, intake, before)
    shown: dict[bytes, Shown] = {}
    new: list[Event] = []
    old: list[Event] = []
    ordered = list(listed.entries.items())[::-1]  # feeds list the newest first
    ordered.sort(key=lambda pair: pair[1][1].published_ns)
    for key, (digest, found) in ordered:
        known_before = known.get(key)
        if isinstance(found, Shown):
            shown[digest] = found._replace(known=known_before or found.known)
            continue
        event, known_now = revise(
            found, known_before, dated_by_update=found.native_id in document.dated_by_update
        )
        is_old = known_before is not None and known_before.revision == event.revision
        (old if is_old else new).append(event)
        exact = event.published_precision is TimePrecision.EXACT
        shown[digest] = Shown(key, known_now, event.published_ns, exact)
    by_key = {one.key: one for one in shown.values()}
    shown |= {digest: by_key[key] for digest, key in listed.passed_over.items()}
    return Reading(document, listed.refusals, new, old, listed.same, shown)


class _Listed:
    """A document's entries, each once."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[bytes, Event | Shown]] = {}  # by key
        self.passed_over: dict[bytes, str] = {}  # keys of entries listed twice, by digest
        self.refusals: list[Refusal] = []
        self.same = 0


def _list(
    document: FeedDocument, received_ns: int, intake: Intake, before: dict[bytes, Shown]
) -> _Listed:
    """Normalise what a document lists, except for what stands as it stood before."""
    listed = _Listed()
    for entry in document.entries:
        if isinstance(entry, Refusal):
            listed.refusals.append(entry)
            continue
        digest = _digest(entry)
        found = before.get(digest) or intake.normalise(entry, received_ns)
        if isinstance(found, Refusal):
            listed.refusals.append(found)
            continue
        listed.same += isinstance(found, Shown)
        key = found.key if isinstance(found, Shown) else key_of(found)
        other = listed.entries.get(key)
        if other is None:
            listed.entries[key] = digest, found
            continue
        # The same entry twice: its last version counts, else the one listed first.
        if _revision(found) > _revision(other[1]):
            listed.entries[key] = digest, found
            digest, found = other
        listed.passed_over[digest] = key
        listed.same += isinstance(found, Event)
    return listed


def _revision(found: Event | Shown) -> int:
    return found.known.base if isinstance(found, Shown) else found.revision


def _digest(item: Item) -> bytes:
    """Digest an entry as it stands."""
    said = (
        item.native_id,
        item.kind,
        str(item.revision),
        item.title or "",
        item.text or "",
        item.author or "",
        item.url or "",
        str(item.published),
        item.language or "",
    )
    return blake2b(
        "\x1f".join(said).encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES
    ).digest()
