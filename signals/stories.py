"""Which events tell the same story: pure functions over one asset's open stories."""

import re
from collections.abc import Iterable
from typing import Final
from zlib import crc32

import msgspec

from core.contracts.event import Event
from core.contracts.identity import story_id
from core.contracts.signal import EventType
from core.contracts.story import Story
from signals.reader import Reading

MOST_STORIES: Final = 16
"""Open stories kept for one asset; the one told longest ago gives way."""

NS_PER_MS: Final = 1_000_000

_SKETCH: Final = 12  # hashes kept of a text: the smallest of all (bottom-k sketch, Broder 1997)
_SKETCHED_CHARACTERS: Final = 400
_ALIKE: Final = 0.5
_WORD: Final = re.compile(r"[^\W_]{3,}")

# Kinds that one incident is told as, one after the other: a hack, then a halt, then a bankruptcy.
_FAMILIES: Final = (
    {
        EventType.HACK,
        EventType.INSOLVENCY,
        EventType.OUTAGE,
        EventType.TRADING_SUSPENDED,
        EventType.DEPEG,
    },
    {EventType.LAWSUIT, EventType.REGULATION_AGAINST},
    {EventType.SETTLEMENT, EventType.REGULATION_FOR},
    {EventType.LISTING, EventType.LAUNCH},
    {EventType.DELISTING, EventType.TRADING_SUSPENDED},
)
_RELATED: Final[dict[EventType, frozenset[EventType]]] = {
    kind: frozenset({kind}).union(*(family for family in _FAMILIES if kind in family))
    for kind in EventType
}


def opened_by(stories: Iterable[Story], event_id: str) -> Story | None:
    """Find the story that this very event opened: it has come a second time."""
    for story in stories:
        if story.first_event_id == event_id:
            return story
    return None


def changed_by(stories: Iterable[Story], event_id: str) -> Story | None:
    """Find the story that this very event raised or closed: it has come a second time."""
    for story in stories:
        if event_id in (story.raised_by, story.closed_by):
            return story
    return None


def match(stories: Iterable[Story], event: Event, reading: Reading, window_ms: int) -> Story | None:
    """Find the open story that an event tells again.

    The same story points the same way, was told less than a window ago, and shares an actor,
    unless one of the two names none: "X is listed" confirms "Binance lists X", while "Kraken
    lists X" is another story. It is of the same kind, or of one that the same incident is told
    as, or has the same words.
    """
    sketch: tuple[int, ...] | None = None
    for story in stories:
        if (
            story.direction is not reading.direction
            or abs(event.received_ns - story.last_received_ns) >= window_ms * NS_PER_MS
            or not _may_share(story.actors, reading.actors)
        ):
            continue
        if reading.event_type in _RELATED[story.event_type]:
            return story
        sketch = sketch_of(event) if sketch is None else sketch
        if resemblance(sketch, story.sketch) >= _ALIKE:
            return story
    return None


def deniable(
    stories: Iterable[Story], event: Event, reading: Reading, window_ms: int
) -> Story | None:
    """Find the story that a denial or correction is about: the latest that traded and fits.

    It has to share an actor or most of its words; a denial that names nobody denies nothing.
    """
    fitting = [
        story
        for story in stories
        if story.signalled
        and abs(event.received_ns - story.last_received_ns) < window_ms * NS_PER_MS
        and (
            not set(story.actors).isdisjoint(reading.actors)
            or resemblance(sketch_of(event), story.sketch) >= _ALIKE
        )
    ]
    return max(fitting, key=_last_told, default=None)


def _may_share(actors: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return not actors or not others or not set(actors).isdisjoint(others)


def sketch_of(event: Event) -> tuple[int, ...]:
    """Sketch the first words of an event, so that near-copies can be told without the text."""
    text = f"{event.title} {event.text}" if event.title else event.text
    words = set(_WORD.findall(text[:_SKETCHED_CHARACTERS].lower()))
    return tuple(sorted({crc32(word.encode("utf-8", "replace")) for word in words})[:_SKETCH])


def resemblance(sketch: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Estimate how many words two texts share, of all that they have, in [0, 1]."""
    if not sketch or not other:
        return 0.0
    smallest = sorted({*sketch, *other})[:_SKETCH]
    shared = set(sketch).intersection(other)
    return sum(one in shared for one in smallest) / len(smallest)


def open_story(
    event: Event,
    asset: str,
    reading: Reading,
    *,
    signalled: bool,
    share: float = 1.0,
    teller: str = "",
) -> Story:
    """Begin a story at its first event."""
    return Story(
        id=story_id(event.id, asset),
        asset=asset,
        event_type=reading.event_type,
        direction=reading.direction,
        first_event_id=event.id,
        actors=reading.actors,
        signalled=signalled,
        first_received_ns=event.received_ns,
        last_received_ns=event.received_ns,
        mentions=1,
        share=share,
        teller=teller,
        sketch=sketch_of(event),
    )


def tell_again(
    stories: Iterable[Story],
    told: Story,
    received_ns: int,
    *,
    raised_by: str | None = None,
    closed_by: str | None = None,
) -> tuple[Story, ...]:
    """Count one more mention of a story and keep it open for another window.

    Args:
        stories: the asset's.
        told: which of them.
        received_ns: when, UTC ns.
        raised_by: the event, where it confirmed the story independently.
        closed_by: the event, where it denied the story.
    """
    again = msgspec.structs.replace(
        told,
        last_received_ns=max(told.last_received_ns, received_ns),
        mentions=told.mentions + 1,
        raised_by=raised_by or told.raised_by,
        closed_by=closed_by or told.closed_by,
    )
    return tuple(again if story is told else story for story in stories)


def prune(stories: Iterable[Story], now_ns: int, window_ms: int) -> tuple[Story, ...]:
    """Drop stories whose window has passed, and the stalest beyond `MOST_STORIES`."""
    oldest_ns = now_ns - window_ms * NS_PER_MS
    kept = [story for story in stories if story.last_received_ns > oldest_ns]
    while len(kept) > MOST_STORIES:
        kept.remove(min(kept, key=_last_told))
    return tuple(kept)


def _last_told(story: Story) -> int:
    return story.last_received_ns
