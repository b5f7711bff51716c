"""The stage itself: events in, signals out, on either lane."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from core.contracts.clock import Clock
from core.contracts.event import Event
from core.contracts.signal import Signal, Skipped
from core.contracts.story import AssetStories, Story
from core.contracts.topics import SIGNALS, Topic
from core.contracts.trace import Trace
from signals.pipeline import Context, Limits, decide
from signals.reader import Reader
from signals.trust.trust import Trust, bundled_trust

MOST_ASSETS: Final = 20_000


OnDecided = Callable[[Event, str, Context, Signal | Skipped], None]


class SignalBus(Protocol):
    """As much of the bus as a classifier needs: `core.runtime.bus.port.Bus` has it."""

    def publish(
        self,
        topic: Topic[Signal],
        record: Signal,
        *,
        record_id: str,
        keys: Sequence[str],
        trace: Trace,
    ) -> None:
        """Take a signal over; never blocks."""


class StoryTable(Protocol):
    """Where open stories are kept, by asset."""

    def get(self, asset: str) -> tuple[Story, ...]:
        """Give an asset's stories, none if it has none."""
        ...

    def put(self, stories: AssetStories) -> None:
        """Replace an asset's stories.

        Raises:
            Fatal: they can't be kept.
        """


class MemoryStories:
    """Stories in this process, made durable by whoever hears of each change.

    Bounded: beyond `MOST_ASSETS` the one changed longest ago is forgotten.
    """

    __slots__ = ("_by_asset", "_on_change")

    def __init__(self, on_change: Callable[[AssetStories], None] | None = None) -> None:
        """Call `on_change` with each new value before it counts; what it raises is passed on."""
        self._by_asset: dict[str, tuple[Story, ...]] = {}
        self._on_change = on_change

    def __contains__(self, asset: str) -> bool:
        """Whether stories of an asset are kept."""
        return asset in self._by_asset

    def __len__(self) -> int:
        """Count the stories that are kept."""
        return sum(map(len, self._by_asset.values()))

    def get(self, asset: str) -> tuple[Story, ...]:
        """Give an asset's stories, none if it has none."""
        return self._by_asset.get(asset, ())

    def put(self, stories: AssetStories) -> None:
        """Replace an asset's stories, once `on_change` has taken them."""
        if self._on_change is not None:
            self._on_change(stories)
        self._keep(stories)

    def restore(self, kept: Iterable[AssetStories]) -> None:
        """Take back what was kept before a restart; of several for an asset the last counts."""
        for stories in kept:
            self._keep(stories)

    def _keep(self, stories: AssetStories) -> None:
        by_asset = self._by_asset
        by_asset.pop(stories.asset, None)  # so that the oldest change stands first
        by_asset[stories.asset] = stories.stories
        if len(by_asset) > MOST_ASSETS:
            del by_asset[next(iter(by_asset))]


class Classifier:
    """Handles events: decides, keeps the stories, publishes the signals.

    Attributes:
        bus: takes the signals.
        on_skipped: told of each event that gave no signal, and why.
        on_decided: told of each decision once its signal is out: event, key, what it was decided
            in, and the outcome; None where nobody asks.
        skipped: how many events (one for each key) gave no signal, by reason.
        signals: how many signals were published, repeated ones included.
    """

    __slots__ = (
        "_clock",
        "_limits",
        "_reader",
        "_stories",
        "_trust",
        "bus",
        "on_decided",
        "on_skipped",
        "signals",
        "skipped",
    )

    def __init__(
        self,
        bus: SignalBus,
        *,
        reader: Reader,
        stories: StoryTable,
        clock: Clock,
        limits: Limits | None = None,
        trust: Trust | None = None,
    ) -> None:
        """Take the bundled limits and tiers for what is not given."""
        self.bus = bus
        self._reader = reader
        self._stories = stories
        self._clock = clock
        self._limits = limits or Limits()
        self._trust = trust or bundled_trust()
        self.on_skipped: Callable[[Event, Skipped], None] = lambda _event, _skipped: None
        self.on_decided: OnDecided | None = None
        self.skipped: Counter[str] = Counter()
        self.signals = 0

    def on_event(self, event: Event, key: str, trace: Trace) -> None:
        """Decide about one event under one of its keys.

        The stories are kept before the signal is published: after a crash in between, the event
        comes again and gives the same signal.

        Raises:
            Fatal: the stories can't be kept or the bus has failed.
            Retryable: the bus is full; nothing was published.
        """
        now_ns = self._clock.now_ns()
        stories = self._stories.get(key)
        context = Context(now_ns, self._reader, stories, self._limits, self._trust)
        decision = decide(event, key, context)
        if decision.stories is not None:
            self._stories.put(
                AssetStories(asset=key, stories=decision.stories, changed_ns=event.received_ns)
            )
        outcome = decision.outcome
        if isinstance(outcome, Signal):
            self.signals += 1
            trace.decided = self._clock.now_ns()
            self.bus.publish(SIGNALS, outcome, record_id=outcome.id, keys=(key,), trace=trace)
        else:
            self.skipped[outcome.reason] += 1
            self.on_skipped(event, outcome)
        if self.on_decided is not None:
            self.on_decided(event, key, context, outcome)
