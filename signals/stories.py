"""Which events tell the same story: pure functions over one asset's open stories."""

from collections.abc import Iterable
from typing import Final

import msgspec

from core.contracts.event import Event
from core.contracts.identity import story_id
from core.contracts.story import Story
from signals.reader import Reading

MOST_STORIES: Final = 16
"""Open stories kept for one asset; the one told longest ago gives way."""

NS_PER_MS: Final = 1_000_000


def opened_by(stories: Iterable[Story], event_id: str) -> Story | None:
    """Find the story that this very event opened: it has come a second time."""
    for story in stories:
        if story.first_event_id == event_id:
            return story
    return None


def match(
    stories: Iterable[Story], reading: Reading, received_ns: int, window_ms: int
) -> Story | None:
    """Find the open story that a reading tells again.

    The same story has the same type and direction, was told less than a window ago, and shares
    an actor, unless one of the two names none: "X is listed" confirms "Binance lists X", while
    "Kraken lists X" is another story.
    """
    for story in stories:
        if (
            story.event_type is reading.event_type
            and story.direction is reading.direction
            and abs(received_ns - story.last_received_ns) < window_ms * NS_PER_MS
            and (
                not story.actors
                or not reading.actors
                or not set(story.actors).isdisjoint(reading.actors)
            )
        ):
            return story
    return None


def open_story(event: Event, asset: str, reading: Reading, *, signalled: bool) -> Story:
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
    )


def tell_again(stories: Iterable[Story], told: Story, received_ns: int) -> tuple[Story, ...]:
    """Count one more mention of a story and keep it open for another window."""
    again = msgspec.structs.replace(
        told,
        last_received_ns=max(told.last_received_ns, received_ns),
        mentions=told.mentions + 1,
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
