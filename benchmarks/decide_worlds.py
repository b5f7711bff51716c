"""What the decision benchmark runs in: a signal stage with stories in it, and events for it."""

from collections.abc import Sequence
from itertools import count
from time import perf_counter_ns
from typing import Final

from core.contracts.clock import ManualClock
from core.contracts.event import Event
from core.contracts.signal import Direction, EventType
from core.contracts.story import AssetStories, Story
from signals.classifier import MemoryStories
from signals.pipeline import Context, Limits, decide
from signals.reader import Reader
from signals.trust.trust import bundled_trust

STORIES_PER_ASSET: Final = 5
ASSETS_IN_THE_NEWS: Final = 200
"""So many coins have stories at a time; ten and a hundred times as many where growth is shown."""

NOW_NS: Final = ManualClock().now_ns()
_HOUR_NS: Final = 3_600_000_000_000
_KINDS: Final = (
    (EventType.LISTING, Direction.BUY),
    (EventType.HACK, Direction.SELL),
    (EventType.PARTNERSHIP, Direction.BUY),
    (EventType.LAWSUIT, Direction.SELL),
    (EventType.WHALE, Direction.SELL),
)
_ids = count(1)


def kept_stories(coins: Sequence[str], times: int = 1) -> list[AssetStories]:
    """Make the stories of a busy day.

    Args:
        coins: the first have stories; made-up coins come behind them where they are too few.
        times: how many times the usual number.
    """
    wanted = ASSETS_IN_THE_NEWS * times
    names = [*coins[:wanted], *(f"MADE{number}" for number in range(wanted - len(coins[:wanted])))]
    return [
        AssetStories(
            asset=name,
            stories=tuple(_story(name, at) for at in range(STORIES_PER_ASSET)),
            changed_ns=NOW_NS - _HOUR_NS,
        )
        for name in names
    ]


def _story(asset: str, at: int) -> Story:
    kind, direction = _KINDS[at]
    return Story(
        id=f"story-{asset}-{at}",
        asset=asset,
        event_type=kind,
        direction=direction,
        first_event_id=f"event-{asset}-{at}",
        actors=("OKX", "made-up actor"),
        signalled=True,
        first_received_ns=NOW_NS - 2 * _HOUR_NS,
        last_received_ns=NOW_NS - _HOUR_NS,
        mentions=3,
        teller=f"rss:outlet-{at}:",
        sketch=tuple(hash((asset, at, n)) & 0xFFFFFFFF for n in range(12)),
    )


def events_of(texts: Sequence[str], source: str) -> list[Event]:
    """Make an event of each text, with an id that no other has."""
    numbers = [next(_ids) for _ in texts]
    return [
        Event(
            id=f"{source}:desk:{number}",
            source=source,
            channel="desk",
            native_id=str(number),
            text=text,
            author="somebody",
            published_ns=NOW_NS - 1_000_000,
            received_ns=NOW_NS,
        )
        for number, text in zip(numbers, texts, strict=True)
    ]


class Stage:
    """The signal stage as the fast lane runs it, without a bus behind it.

    Args:
        reader: reads the texts.
        kept: the stories that it begins each round with.
    """

    def __init__(self, reader: Reader, kept: Sequence[AssetStories]) -> None:
        self._reader = reader
        self._kept = kept
        self._limits = Limits()
        self._trust = bundled_trust()
        self._stories = MemoryStories()

    def time(self, events: Sequence[Event]) -> list[int]:
        """Decide about each event; gives what each took, ns."""
        self._stories = MemoryStories()
        self._stories.restore(self._kept)
        took = []
        for event in events:
            begun = perf_counter_ns()
            self.decide(event)
            took.append(perf_counter_ns() - begun)
        return took

    def decide(self, event: Event) -> None:
        """Take one event, for all of its keys."""
        reader, stories = self._reader, self._stories
        for key in reader.keys_for(event):
            context = Context(NOW_NS, reader, stories.get(key), self._limits, self._trust)
            decision = decide(event, key, context)
            if decision.stories is not None:
                stories.put(
                    AssetStories(asset=key, stories=decision.stories, changed_ns=event.received_ns)
                )
