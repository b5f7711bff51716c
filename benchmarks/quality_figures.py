"""The arithmetic of quality: figures over answers, with confidence intervals drawn by story."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.contracts.signal import Direction, EventType

Floats = NDArray[np.float64]

DRAWS: Final = 1_000
"""Bootstrap samples behind each interval; stories are drawn, not texts."""

BINS: Final = 10
_INTERVAL: Final = (2.5, 97.5)


class Right(NamedTuple):
    """What a text says.

    Attributes:
        event_type: the kind of news.
        direction: which way it points.
        subjects: codes of the coins it is about.
        story: texts of one story are drawn together.
    """

    event_type: EventType
    direction: Direction
    subjects: frozenset[str]
    story: str


class Answer(NamedTuple):
    """What a system takes a text for.

    Attributes:
        event_type: the kind of news.
        direction: neutral where it sees no news.
        confidence: that the direction is right.
        subjects: codes of the coins that it takes the text to be about.
        traded: those of `subjects` that it would trade.
    """

    event_type: EventType
    direction: Direction
    confidence: float
    subjects: frozenset[str]
    traded: frozenset[str] = frozenset()


class Figure(NamedTuple):
    """A measured value and its 95% confidence interval."""

    value: float
    low: float
    high: float


class Scores:
    """Answers beside what is right, ready for figures.

    Args:
        right: what each text says.
        said: what a system answered, in the same order.
        seed: of the draws; the same seed draws the same stories of the same texts.
    """

    def __init__(self, right: Sequence[Right], said: Sequence[Answer], seed: int) -> None:
        self._pairs = list(zip(right, said, strict=True))
        _, stories = np.unique([each.story for each in right], return_inverse=True)
        count = int(stories.max()) + 1
        chances = np.full(count, 1 / count)
        drawn = np.random.default_rng(seed).multinomial(count, chances, DRAWS)
        # The first row counts every text once; the others as often as its story was drawn.
        self._weights = np.vstack([np.ones(len(right)), drawn[:, stories]]).astype(float)

    def assets_f1(self) -> Figure:
        """Give the F1 of the subjects, over all pairs of text and coin."""
        both = self._sum(lambda right, said: len(right.subjects & said.subjects))
        all_ = self._sum(lambda right, said: len(right.subjects) + len(said.subjects))
        return _figure(_ratio(2 * both, all_))

    def type_macro_f1(self) -> Figure:
        """Give the mean F1 over the kinds of news that occur, no news included."""
        return self._macro_f1(lambda each: each.event_type)

    def direction_macro_f1(self) -> Figure:
        """Give the mean F1 over buy, sell and neutral."""
        return self._macro_f1(lambda each: each.direction)

    def precision(self, direction: Direction) -> Figure:
        """Give how many of the signals that point this way are right in coin and direction.

        1 where there is none: coverage tells.
        """

        def good(right: Right, said: Answer) -> int:
            return _signals(said, direction) and _right_signals(right, said, direction)

        total = self._sum(lambda _, said: _signals(said, direction))
        return _figure(_ratio(self._sum(good), total))

    def coverage(self, direction: Direction) -> Figure:
        """Give how many of the coins that news points this way for gave the right signal."""
        good = self._sum(lambda right, said: _right_signals(right, said, direction))
        there = self._sum(lambda right, _: (right.direction is direction) * len(right.subjects))
        return _figure(_ratio(good, there))

    def type_precision(self, kind: EventType) -> Figure:
        """Give how many of the signals of one kind are right in coin, direction and kind."""

        def good(right: Right, said: Answer) -> int:
            if said.event_type is not kind or right.event_type is not kind:
                return 0
            return _right_signals(right, said, said.direction)

        total = self._sum(
            lambda _, said: (said.event_type is kind) * _signals(said, said.direction)
        )
        return _figure(_ratio(self._sum(good), total))

    def type_signals(self, kind: EventType) -> int:
        """Count the signals of one kind."""
        return sum(
            _signals(said, said.direction) for _, said in self._pairs if said.event_type is kind
        )

    def false_signals(self) -> Figure:
        """Give the part of what is no news that is traded all the same."""
        silent = self._sum(lambda right, _: right.direction is Direction.NEUTRAL)
        traded = self._sum(
            lambda right, said: (
                right.direction is Direction.NEUTRAL and _signals(said, said.direction) > 0
            )
        )
        return _figure(_ratio(traded, silent, empty=0.0))

    def calibration_error(self) -> Figure:
        """Give the expected calibration error of the confidence of whatever is taken for news.

        Over ten equal steps of confidence: how far it is from the part whose direction was right,
        on average over the answers.
        """
        news = [(right, said) for right, said in self._pairs if _is_news(said)]
        if not news:
            return Figure(0.0, 0.0, 0.0)
        weights = self._weights[:, [_is_news(said) for _, said in self._pairs]]
        confidences = np.array([said.confidence for _, said in news])
        good = np.array([right.direction is said.direction for right, said in news], float)
        steps = np.minimum((confidences * BINS).astype(int), BINS - 1)
        missed = np.zeros(len(weights))
        for step in range(BINS):
            here = np.where(steps == step, confidences - good, 0.0)
            missed += np.abs(weights @ here)
        return _figure(_ratio(missed, weights.sum(axis=1), empty=0.0))

    def _macro_f1(self, classes: Callable[[Right | Answer], str]) -> Figure:
        there = np.array([classes(right) for right, _ in self._pairs])
        found = np.array([classes(said) for _, said in self._pairs])
        scores = []
        for name in np.unique(there):
            is_there, is_found = there == name, found == name
            occurs = self._weights @ is_there
            both = self._weights @ (is_there & is_found)
            score = _ratio(2 * both, occurs + self._weights @ is_found)
            scores.append(np.where(occurs > 0, score, np.nan))
        return _figure(np.nanmean(scores, axis=0))

    def _sum(self, count: Callable[[Right, Answer], int]) -> Floats:
        counts = np.array([count(right, said) for right, said in self._pairs], float)
        found: Floats = self._weights @ counts
        return found


def _is_news(said: Answer) -> bool:
    return said.direction is not Direction.NEUTRAL


def _signals(said: Answer, direction: Direction) -> int:
    if said.direction is not direction or direction is Direction.NEUTRAL:
        return 0
    return len(said.traded)


def _right_signals(right: Right, said: Answer, direction: Direction) -> int:
    if right.direction is not direction or not _signals(said, direction):
        return 0
    return len(right.subjects & said.traded)


def _ratio(part: Floats, whole: Floats, empty: float = 1.0) -> Floats:
    filled: Floats = np.full(len(part), empty)
    np.divide(part, whole, out=filled, where=whole > 0)
    return filled


def _figure(drawn: Floats) -> Figure:
    """Take the first as the value, the others as draws."""
    low, high = np.percentile(drawn[1:], _INTERVAL)
    return Figure(float(drawn[0]), float(low), float(high))
