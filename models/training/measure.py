"""Measures a predictor on a test set: figures with confidence intervals, drawn by story."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.contracts.signal import Direction, EventType
from models.manifest import Figure
from models.predictor import Prediction, Predictor
from models.training.samples import Sample

Strings = NDArray[np.str_]
Floats = NDArray[np.float64]

DRAWS: Final = 400
"""Bootstrap samples behind each interval; stories are drawn, not texts."""

INTERVAL: Final = (2.5, 97.5)
BINS: Final = 10


class Readings(NamedTuple):
    """What was asked and answered, one entry a sample.

    Attributes:
        types: the right `EventType`s.
        directions: the right directions.
        said_types: those predicted.
        said_directions: those predicted.
        confidences: of the predictions; 1 where the first stage saw no news.
        stories: which samples are drawn together.
    """

    types: Strings
    directions: Strings
    said_types: Strings
    said_directions: Strings
    confidences: Floats
    stories: Strings

    def take(self, places: NDArray[np.intp]) -> "Readings":
        """Give some of the entries."""
        return Readings(
            self.types[places],
            self.directions[places],
            self.said_types[places],
            self.said_directions[places],
            self.confidences[places],
            self.stories[places],
        )


def read(predictor: Predictor, samples: Sequence[Sample]) -> Readings:
    """Ask a predictor about every sample's masked lead."""
    return _readings([predictor.predict(sample.lead) for sample in samples], samples)


def read_words(predictor: Predictor, samples: Sequence[Sample]) -> Readings:
    """Ask what judges texts as written, as baselines do."""
    return _readings([predictor.predict(sample.words) for sample in samples], samples)


def _readings(said: Sequence[Prediction | None], samples: Sequence[Sample]) -> Readings:
    return Readings(
        types=np.array([sample.event_type.value for sample in samples]),
        directions=np.array([sample.direction.value for sample in samples]),
        said_types=np.array([(p.event_type if p else EventType.NOT_NEWS).value for p in said]),
        said_directions=np.array([(p.direction if p else Direction.NEUTRAL).value for p in said]),
        confidences=np.array([p.confidence if p else 1.0 for p in said]),
        stories=np.array([sample.story for sample in samples]),
    )


def measure(readings: Readings, threshold: float, seed: int) -> dict[str, Figure]:
    """Give every figure that `models.registry`'s gate compares.

    Precision, coverage and false signals are those of what would trade: news of a confidence of
    at least `threshold`. Coverage is the part of the buy (sell) news that is right there.
    """
    figures: dict[str, Callable[[Readings], float]] = {
        "type_macro_f1": lambda some: macro_f1(some.types, some.said_types),
        "direction_macro_f1": lambda some: macro_f1(some.directions, some.said_directions),
        "buy_precision": lambda some: traded_precision(some, Direction.BUY, threshold),
        "buy_coverage": lambda some: _coverage(some, Direction.BUY, threshold),
        "sell_precision": lambda some: traded_precision(some, Direction.SELL, threshold),
        "sell_coverage": lambda some: _coverage(some, Direction.SELL, threshold),
        "false_signals": lambda some: _false_signals(some, threshold),
        "calibration_error": calibration_error,
    }
    drawn = _draws(readings.stories, seed)
    made: dict[str, Figure] = {}
    for name, figure in figures.items():
        low, high = np.percentile([figure(readings.take(some)) for some in drawn], INTERVAL)
        made[name] = Figure(figure(readings), float(low), float(high))
    return made


def macro_f1(right: Strings, said: Strings) -> float:
    """Give the mean F1 over the classes that occur among the right answers."""
    scores = []
    for name in np.unique(right):
        both = float(((right == name) & (said == name)).sum())
        scores.append(2 * both / float((right == name).sum() + (said == name).sum()))
    return float(np.mean(scores))


def calibration_error(readings: Readings) -> float:
    """Give the expected calibration error of the confidence that the direction is right.

    Over ten equal steps of confidence: how far it is from the part that was right, on average
    over the predictions.
    """
    right = readings.directions == readings.said_directions
    total = 0.0
    for confidence, share, part in reliability(readings.confidences, right):
        total += part * abs(confidence - share)
    return total


def traded_precision(readings: Readings, direction: Direction, threshold: float) -> float:
    """Give how much of what would trade this way was right; 1 where nothing would."""
    traded = _traded(readings, direction, threshold)
    if not traded.any():
        return 1.0
    return float((readings.directions[traded] == direction.value).mean())


def reliability(confidences: Floats, right: NDArray[np.bool_]) -> list[tuple[float, float, float]]:
    """Give for each step of confidence: its mean, the part that was right, the part that it is."""
    steps = np.minimum((confidences * BINS).astype(int), BINS - 1)
    found = []
    for step in range(BINS):
        here = steps == step
        if here.any():
            mean, share = float(confidences[here].mean()), float(right[here].mean())
            found.append((mean, share, float(here.mean())))
    return found


def _traded(readings: Readings, direction: Direction, threshold: float) -> NDArray[np.bool_]:
    said: NDArray[np.bool_] = readings.said_directions == direction.value
    return said & (readings.confidences >= threshold)


def _coverage(readings: Readings, direction: Direction, threshold: float) -> float:
    there = readings.directions == direction.value
    if not there.any():
        return 1.0
    return float(_traded(readings, direction, threshold)[there].mean())


def _false_signals(readings: Readings, threshold: float) -> float:
    there = readings.directions == Direction.NEUTRAL.value
    if not there.any():
        return 0.0
    traded = _traded(readings, Direction.BUY, threshold)
    traded |= _traded(readings, Direction.SELL, threshold)
    return float(traded[there].mean())


def _draws(stories: Strings, seed: int) -> list[NDArray[np.intp]]:
    _, numbers = np.unique(stories, return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(numbers))[:-1])
    generator = np.random.default_rng(seed)
    return [
        np.concatenate([groups[at] for at in generator.integers(0, len(groups), len(groups))])
        for _ in range(DRAWS)
    ]
