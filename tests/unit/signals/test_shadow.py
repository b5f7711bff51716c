from collections.abc import Sequence
from typing import Any

import pytest

from core.contracts.clock import ManualClock
from core.contracts.signal import Direction, Signal
from core.contracts.topics import SHADOW_SIGNALS, SIGNALS, Topic
from core.contracts.trace import Trace
from signals.classifier import Classifier, MemoryStories
from signals.reader import Reader
from signals.shadow import Shadow
from tests.unit.signals.events import NOW, an_event
from tests.unit.signals.test_reloading import Says

BUY, SELL, NONE = Direction.BUY, Direction.SELL, Direction.NEUTRAL


class Published:
    """A bus that keeps what it is given, in order."""

    def __init__(self) -> None:
        self.records: list[tuple[str, Signal]] = []

    def publish(
        self,
        topic: Topic[Any],
        record: Signal,
        *,
        record_id: str,
        keys: Sequence[str],
        trace: Trace,
    ) -> None:
        assert (record_id, keys) == (record.id, ("KAS",))
        self.records.append((topic.name, record))


def both(live: Direction, shadow: Direction | None) -> tuple[Classifier, Shadow, Published]:
    bus, beside = Published(), Shadow()
    reader = Reader(predictor=Says(live))
    classifier = Classifier(bus, reader=reader, stories=MemoryStories(), clock=ManualClock(NOW))
    beside.stand_beside(classifier)
    if shadow is not None:
        beside.use(Reader(predictor=Says(shadow)), "rival")
    return classifier, beside, bus


def tell(classifier: Classifier, number: int = 0) -> None:
    event = an_event("Kaspa (KAS) zorbles the quimby", number)
    classifier.on_event(event, "KAS", Trace())


def test_shadows_signal_is_published_on_its_own_topic_after_the_live_one() -> None:
    classifier, shadow, bus = both(BUY, SELL)
    tell(classifier)
    assert [(topic, signal.direction) for topic, signal in bus.records] == [
        (SIGNALS.name, BUY),
        (SHADOW_SIGNALS.name, SELL),
    ]
    assert classifier.signals == 1
    assert shadow.agreement == {("opposed", "buy"): 1}


@pytest.mark.parametrize(
    ("live", "rival", "counted"),
    [
        (BUY, BUY, ("both", "buy")),
        (SELL, NONE, ("live", "sell")),
        (NONE, SELL, ("shadow", "sell")),
        (NONE, NONE, ("neither", "none")),
    ],
)
def test_agreement_is_counted_by_who_gave_a_signal_and_its_direction(
    live: Direction, rival: Direction, counted: tuple[str, str]
) -> None:
    classifier, shadow, _ = both(live, rival)
    tell(classifier)
    assert shadow.agreement == {counted: 1}


def test_nothing_is_done_without_a_shadow() -> None:
    classifier, shadow, bus = both(BUY, None)
    tell(classifier)
    assert [topic for topic, _ in bus.records] == [SIGNALS.name]
    assert not shadow.agreement


def test_shadow_that_begins_later_takes_no_old_story_for_a_new_one() -> None:
    classifier, shadow, bus = both(BUY, None)
    tell(classifier)
    shadow.use(Reader(predictor=Says(BUY)), "rival")
    tell(classifier, number=1)
    assert [topic for topic, _ in bus.records] == [SIGNALS.name]
    assert shadow.agreement == {("neither", "none"): 1}


def test_shadow_keeps_stories_of_its_own() -> None:
    classifier, shadow, bus = both(NONE, BUY)
    tell(classifier)
    tell(classifier, number=1)
    assert [topic for topic, _ in bus.records] == [SHADOW_SIGNALS.name]
    assert shadow.agreement == {("shadow", "buy"): 1, ("neither", "none"): 1}


def test_counts_begin_anew_with_another_version_only() -> None:
    classifier, shadow, _ = both(BUY, BUY)
    tell(classifier)
    shadow.use(Reader(predictor=Says(BUY)), "rival")
    assert shadow.agreement
    shadow.use(Reader(predictor=Says(BUY)), "another")
    assert not shadow.agreement
