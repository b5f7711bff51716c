"""Runs a second model beside the live one: decides about the same events, and trades nothing."""

from collections import Counter

from core.contracts.event import Event
from core.contracts.signal import Signal, Skipped
from core.contracts.story import AssetStories, Story
from core.contracts.topics import SHADOW_SIGNALS
from core.contracts.trace import Trace
from signals.classifier import Classifier, MemoryStories, SignalBus
from signals.pipeline import Context, decide
from signals.reader import Reader


class Shadow:
    """What the live model's rival would have done; off without a reader.

    Its stories are its own and live in memory only. An asset's begin as the live ones stand when
    it first hears of that asset, so that it does not take an old story for a new one. After a
    restart, or where another worker takes the partition over, it may tell a story again.

    Attributes:
        version: of its model; None where none runs.
        agreement: decisions by who gave a signal (`both`, `opposed` where they point opposite
            ways, `live`, `shadow`, `neither`) and the direction, the live one's where it gave
            one; since this version runs.
    """

    __slots__ = ("_bus", "_reader", "_stories", "agreement", "version")

    def __init__(self) -> None:
        self._bus: SignalBus
        self._reader: Reader | None = None
        self._stories = MemoryStories()
        self.version: str | None = None
        self.agreement: Counter[tuple[str, str]] = Counter()

    def stand_beside(self, classifier: Classifier) -> None:
        """Hear of each of a classifier's decisions, and publish to its bus."""
        self._bus = classifier.bus
        classifier.on_decided = self._on_decided

    def use(self, reader: Reader | None, version: str | None = None) -> None:
        """Run another version from the next event on, or none; call it between two events."""
        if version != self.version:
            self._stories = MemoryStories()
            self.agreement.clear()
        self._reader, self.version = reader, version

    def _on_decided(
        self,
        event: Event,
        key: str,
        context: Context,
        outcome: Signal | Skipped,
    ) -> None:
        """Decide again, once the live decision is out.

        Args:
            event: what was said.
            key: which of its keys.
            context: what the live decision was made in; its stories as they were before.
            outcome: what the live decision was.

        Raises:
            Fatal: the bus has failed.
            Retryable: the bus is full.
        """
        if self._reader is None:
            return
        if key not in self._stories:
            self._keep(key, context.stories, event)
        decision = decide(
            event, key, context._replace(reader=self._reader, stories=self._stories.get(key))
        )
        if decision.stories is not None:
            self._keep(key, decision.stories, event)
        mine = decision.outcome
        self.agreement[_compare(outcome, mine)] += 1
        if isinstance(mine, Signal):
            trace = Trace(event.received_ns)
            trace.decided = context.now_ns
            self._bus.publish(SHADOW_SIGNALS, mine, record_id=mine.id, keys=(key,), trace=trace)

    def _keep(self, key: str, stories: tuple[Story, ...], event: Event) -> None:
        if stories:
            kept = AssetStories(asset=key, stories=stories, changed_ns=event.received_ns)
            self._stories.put(kept)


def _compare(live: Signal | Skipped, shadow: Signal | Skipped) -> tuple[str, str]:
    if isinstance(live, Signal):
        if not isinstance(shadow, Signal):
            return "live", live.direction
        return "both" if live.direction is shadow.direction else "opposed", live.direction
    return ("shadow", shadow.direction) if isinstance(shadow, Signal) else ("neither", "none")
