"""Measures how far what a model reads now has drifted from what it was made for."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import log
from typing import Final

from core.contracts.signal import Direction, EventType
from models.labels import label_name
from models.predictor import Prediction, Predictor

WINDOW: Final = 2_000
"""At so many readings all counts are halved: older ones weigh less and less."""

LEAST: Final = 200
"""Fewer readings say nothing."""

SMALLEST_SHARE: Final = 0.001
"""A class rarer than this counts as this rare: one reading more or less is no drift."""

SURELY_NONE: Final = "none"
"""Stands for the texts that a model passes over at its first look."""


_Class = tuple[EventType, Direction, str] | None


def class_of(prediction: Prediction | None) -> str:
    """Name the class of a prediction as manifests' `reference` does."""
    return _name(prediction and (prediction.event_type, prediction.direction, prediction.detail))


def _name(known: _Class) -> str:
    if known is None:
        return SURELY_NONE
    kind, direction, detail = known
    return label_name(detail or kind.value, direction)


def stability_index(reference: Mapping[str, float], now: Mapping[str, float]) -> float:
    """Give the population stability index of two distributions over classes.

    The sum over all classes of (now - reference) * ln(now / reference): 0 where they are equal;
    by the custom of credit scoring, where it comes from, 0.1 asks for a look and 0.25 for another
    model.
    """
    total = 0.0
    for name in reference.keys() | now.keys():
        before = max(reference.get(name, 0.0), SMALLEST_SHARE)
        after = max(now.get(name, 0.0), SMALLEST_SHARE)
        total += (after - before) * log(after / before)
    return total


class Drift:
    """Counts a model's predictions by class, and compares them with its manifest's reference."""

    __slots__ = ("_counts", "_reference", "_seen")

    def __init__(self, reference: Mapping[str, float]) -> None:
        """Take each class's share; empty where the manifest gives none."""
        self._reference = reference
        self._counts: Counter[_Class] = Counter()
        self._seen = 0

    def saw(self, prediction: Prediction | None) -> None:
        """Count one prediction."""
        known = prediction and (prediction.event_type, prediction.direction, prediction.detail)
        self._counts[known] += 1
        self._seen += 1
        if self._seen >= WINDOW:
            self._counts = Counter({known: n // 2 for known, n in self._counts.items() if n > 1})
            self._seen = self._counts.total()

    def index(self) -> float | None:
        """Give the stability index; None without a reference or with fewer than `LEAST` counts."""
        if not self._reference or self._seen < LEAST:
            return None
        now = {_name(known): n / self._seen for known, n in self._counts.items()}
        return stability_index(self._reference, now)


class Watched:
    """A predictor whose predictions are counted."""

    __slots__ = ("_predict", "_saw")

    def __init__(self, predictor: Predictor, drift: Drift) -> None:
        self._predict = predictor.predict
        self._saw = drift.saw

    def predict(self, lead: str) -> Prediction | None:
        """Predict as the predictor does."""
        prediction = self._predict(lead)
        self._saw(prediction)
        return prediction


def spread_of(predictions: Iterable[Prediction | None]) -> dict[str, float]:
    """Give each class's share of some predictions: what a manifest has as its reference."""
    counts = Counter(map(class_of, predictions))
    return {known: n / counts.total() for known, n in counts.items()}
