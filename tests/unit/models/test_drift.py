import pytest

from core.contracts.signal import Direction, EventType
from models.drift import LEAST, WINDOW, Drift, Watched, spread_of, stability_index
from models.predictor import Prediction

HACK = Prediction(EventType.HACK, Direction.SELL, 0.9, ())
CHAT = Prediction(EventType.NOT_NEWS, Direction.NEUTRAL, 0.8, (), "chat")


class Alternating:
    """Predicts what it is told to, in turns."""

    def __init__(self, *predictions: Prediction | None) -> None:
        self._predictions = predictions
        self._turn = -1

    def predict(self, lead: str) -> Prediction | None:
        self._turn += 1
        return self._predictions[self._turn % len(self._predictions)]


def read(drift: Drift, times: int, *predictions: Prediction | None) -> None:
    watched = Watched(Alternating(*predictions), drift)
    for number in range(times):
        assert watched.predict("") == predictions[number % len(predictions)]


def test_spread_names_classes_as_labels_do_and_what_is_passed_over() -> None:
    assert spread_of([HACK, None, None, CHAT]) == {
        "hack/sell": 0.25,
        "none": 0.5,
        "chat/neutral": 0.25,
    }


def test_index_is_none_where_nothing_has_changed() -> None:
    drift = Drift({"hack/sell": 0.5, "none": 0.5})
    read(drift, 400, HACK, None)
    assert drift.index() == pytest.approx(0.0)


def test_index_follows_its_definition() -> None:
    found = stability_index({"a": 0.5, "b": 0.5}, {"a": 0.9, "b": 0.1})
    assert found == pytest.approx(0.4 * 0.5877867 + 0.4 * 1.6094379)


def test_too_few_readings_or_no_reference_tell_nothing() -> None:
    few, without = Drift({"none": 1.0}), Drift({})
    read(few, LEAST - 1, HACK)
    read(without, LEAST, HACK)
    assert few.index() is None
    assert without.index() is None


def test_class_that_was_never_expected_counts_without_end_or_error() -> None:
    drift = Drift({"none": 1.0})
    read(drift, LEAST, HACK)
    index = drift.index()
    assert index is not None
    assert 5 < index < 20


def test_old_readings_are_forgotten() -> None:
    drift = Drift({"none": 1.0})
    read(drift, 10 * WINDOW, None)
    read(drift, 3 * WINDOW, HACK)
    index = drift.index()
    assert index is not None
    assert index > 1.0
