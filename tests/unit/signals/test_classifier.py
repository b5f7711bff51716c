from collections.abc import Sequence
from typing import Any

import pytest

from core.contracts.clock import ManualClock
from core.contracts.errors import Fatal
from core.contracts.signal import Signal
from core.contracts.story import AssetStories
from core.contracts.topics import SIGNALS, Topic
from core.contracts.trace import Trace
from signals import classifier as module
from signals.classifier import Classifier, MemoryStories
from signals.reader import Reader
from tests.unit.signals.events import NOW, an_event

LISTING = "Binance will list Kaspa (KAS) and Jito (JTO)"


class Published:
    """A bus that keeps what it is given."""

    def __init__(self) -> None:
        self.signals: list[tuple[Signal, str, Sequence[str], Trace]] = []

    def publish(
        self,
        topic: Topic[Any],
        record: Signal,
        *,
        record_id: str,
        keys: Sequence[str],
        trace: Trace,
    ) -> None:
        assert topic is SIGNALS
        self.signals.append((record, record_id, keys, trace))


def a_classifier(bus: Published, stories: MemoryStories) -> Classifier:
    return Classifier(bus, reader=Reader(), stories=stories, clock=ManualClock(NOW))


def test_each_asset_has_its_signal_under_its_own_key() -> None:
    bus = Published()
    classifier = a_classifier(bus, MemoryStories())
    for key in Reader().keys_for(an_event(LISTING)):
        classifier.on_event(an_event(LISTING), key, Trace())
    assert [(s.asset, i == s.id, k) for s, i, k, _ in bus.signals] == [
        ("JTO", True, ("JTO",)),
        ("KAS", True, ("KAS",)),
    ]
    assert bus.signals[0][3].decided == NOW
    assert classifier.signals == 2


def test_skips_are_counted_by_reason() -> None:
    classifier = a_classifier(Published(), MemoryStories())
    classifier.on_event(an_event("Kaspa stands still"), "KAS", Trace())
    classifier.on_event(an_event("Kaspa stands still", 2), "KAS", Trace())
    assert classifier.skipped == {"not_news": 2}


def test_stories_are_kept_before_the_signal_is_published() -> None:
    bus = Published()

    def keep(stories: AssetStories) -> None:
        assert not bus.signals
        raise Fatal("disk full")

    classifier = a_classifier(bus, MemoryStories(keep))
    with pytest.raises(Fatal, match="disk full"):
        classifier.on_event(an_event(LISTING), "KAS", Trace())
    assert not bus.signals


def test_restart_with_kept_stories_repeats_the_signal_and_trades_no_retelling() -> None:
    kept: list[AssetStories] = []
    first = Published()
    a_classifier(first, MemoryStories(kept.append)).on_event(an_event(LISTING), "KAS", Trace())
    restored = MemoryStories()
    restored.restore(kept)
    second = Published()
    classifier = a_classifier(second, restored)
    classifier.on_event(an_event(LISTING), "KAS", Trace())
    classifier.on_event(an_event(LISTING, 2), "KAS", Trace())
    assert [s for s, *_ in second.signals] == [s for s, *_ in first.signals]
    assert classifier.skipped == {"known_story": 1}


def test_memory_is_bounded_by_forgetting_the_asset_changed_longest_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_ASSETS", 2)
    stories = MemoryStories()
    bus = Published()
    classifier = a_classifier(bus, stories)
    for number, key in enumerate(("KAS", "JTO")):
        classifier.on_event(an_event(LISTING, number), key, Trace())
    classifier.on_event(an_event("Kraken lists Kaspa", 7), "KAS", Trace())
    classifier.on_event(an_event("Kraken lists Tezos", 8), "XTZ", Trace())
    assert stories.get("JTO") == ()
    assert len(stories.get("KAS")) == 2
