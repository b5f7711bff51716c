"""Serves a trained classifier from flat tables: sums of weights, no pipeline, microseconds."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, compress, count, islice, pairwise, repeat
from math import exp, log, sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.contracts.errors import ConfigurationError
from core.contracts.signal import Direction
from models.features import VERSION, pieces_of, telling, tokens_of
from models.labels import DIRECTIONS, ways_of
from models.predictor import Prediction

Floats = NDArray[np.float64]

REASONS: Final = 3
"""How many words a prediction gives as its reasons."""

REMEMBERED_TOKENS: Final = 20_000
"""Tokens whose sums are kept; past it they are forgotten and summed again as they come."""

LEAST_KNOWN: Final = 0.35
"""Of a text with a smaller part of words that training has seen, such as one in another language,
the model says nothing."""

Pair = tuple[str, str]
_Seconds = dict[str, bytes]  # rows of pairs, by what comes second
_Token = tuple[bytes, _Seconds, str | None, _Seconds]  # row, pairs, concept, concept's pairs

_NONE: Final[_Seconds] = {}
_ONES: Final = np.ones(200)  # a product with more rows might make the library start threads
_STEEP: Final = 600.0  # exponentials of a little more are infinite, those of its opposite 0
_SQUARES: Final = 1  # which column behind the classes
_NEUTRAL: Final = DIRECTIONS.index(Direction.NEUTRAL)
_SHOWN: Final = {
    "<a>": "COIN",
    "<m>": "OTHER-COIN",
    "<x>": "EXCHANGE",
    "<c>": "COMPANY",
    "<f>": "FUND",
    "<r>": "AUTHORITY",
    "\n": "|",
}


class Weights(NamedTuple):
    """A trained model as arrays; F features, K classes.

    Attributes:
        features: names of the features, as `models.features.grams` gives them; F.
        scale: what a feature's count is multiplied by; F.
        screen: weights of "this is news"; F.
        screen_bias: added to their sum.
        screen_at: below this probability of being news a text is not looked at further.
        classes: weights of the classes; K rows of F.
        bias: added to their sums; K.
        labels: names of the classes; K.
        version: of `models.features`, which has to be the one that the model learnt from.
    """

    features: Sequence[str]
    scale: Floats
    screen: Floats
    screen_bias: float
    screen_at: float
    classes: Floats
    bias: Floats
    labels: Sequence[str]
    version: str = VERSION


class FlatModel:
    """A predictor of two stages: one sum says whether it may be news, then one for each class.

    A feature weighs its count times its scale, divided by the root of the sum of count times
    squared scale over all features. Both are sums over tokens and pairs of tokens, so that what a
    token adds is summed once and remembered, as one row: to the classes, to being news, to the
    squares, whether it is a word, and one that training has seen. Rows are kept as bytes: to join
    them takes less time than to gather them from a table. It is not for several threads at once.

    Attributes:
        labels: names of the classes, as `probabilities` orders them.
    """

    __slots__ = (
        "_after", "_bias", "_classes", "_cut", "_labels", "_of_way", "_screen_bias", "_size",
        "_tokens", "_ways", "_width", "labels",
    )  # fmt: skip

    def __init__(self, weights: Weights) -> None:
        """Lay the tables out.

        Raises:
            ConfigurationError: the arrays don't fit together, or a class is unknown.
        """
        _check(weights)
        self.labels = tuple(weights.labels)
        self._labels = ways_of(weights.labels).labels
        self._of_way = [[label.direction is way for label in self._labels] for way in DIRECTIONS]
        self._ways = np.array(self._of_way, float).T.copy()
        self._bias = weights.bias
        self._screen_bias = weights.screen_bias
        # p < at is the same as sum / length < cut, which needs no exponential.
        self._cut = _logit(weights.screen_at) - weights.screen_bias
        features = {name: at for at, name in enumerate(weights.features)}
        rows = _rows(weights)
        self._classes, self._width = len(self.labels), rows.shape[1]
        self._size = rows.itemsize * self._width
        self._after: dict[str, _Seconds] = {}
        for name, at in features.items():
            first, between, second = name.partition(" ")
            if between:
                self._after.setdefault(first, {})[second] = rows[at].tobytes()
        self._tokens = _Tokens(features, rows, self._after)

    def predict(self, lead: str) -> Prediction | None:
        """Judge a masked lead; None where the first stage sees no news, or few words it knows."""
        tokens = tokens_of(lead)
        found, names, pairs = self._look_up(tokens)
        sums = _sum(found)
        news, squares, words, known = sums[self._classes :].tolist()
        length = sqrt(squares) or 1.0
        if news < self._cut * length or known < LEAST_KNOWN * words:
            return None
        logits = sums[: self._classes] / length
        logits += self._bias
        best = int(logits.argmax())
        if abs(most := logits.item(best)) > _STEEP:
            logits -= most
        shares = np.exp(logits, logits)
        ways = shares.dot(self._ways).tolist()
        likeliest = max(ways)
        way = ways.index(likeliest)
        confidence = likeliest / sum(ways)
        if not self._of_way[way][best]:  # the likeliest direction need not be the likeliest class's
            best = int((shares * self._of_way[way]).argmax())
        label = self._labels[best]
        if way == _NEUTRAL:
            return Prediction(label.event_type, label.direction, confidence, (), label.detail)
        reasons = _reasons(found[:, best], len(tokens), names, pairs)
        return Prediction(label.event_type, label.direction, confidence, reasons)

    def knows(self, lead: str) -> bool:
        """Whether enough of a masked lead's words stood in training to judge it at all."""
        _, _, words, known = self._sums(lead)[self._classes :].tolist()
        return bool(known >= LEAST_KNOWN * words)

    def news_probability(self, lead: str) -> float:
        """Give the first stage's probability that a masked lead is news."""
        news, squares, _, _ = self._sums(lead)[self._classes :].tolist()
        return 1 / (1 + exp(-news / (sqrt(squares) or 1.0) - self._screen_bias))

    def probabilities(self, lead: str) -> Floats:
        """Give the second stage's calibrated probability of each of `labels`."""
        sums = self._sums(lead)
        logits = sums[: self._classes] / self._length(sums) + self._bias
        chances: Floats = np.exp(logits - logits.max())
        chances /= chances.sum()
        return chances

    def weigh(self, lead: str, label: str) -> list[tuple[str, float]]:
        """Say what each token and pair of a masked lead adds to a class, heaviest first.

        Args:
            lead: the masked lead.
            label: one of `labels`.
        """
        tokens = tokens_of(lead)
        found, names, pairs = self._look_up(tokens)
        column = found[:, self.labels.index(label)] / self._length(_sum(found))
        named: list[str | Pair] = [*tokens, *compress(pairwise(names), pairs)]
        weighed = zip(map(_shown, named), column.tolist(), strict=True)
        return sorted(weighed, key=lambda pair: -abs(pair[1]))

    def _look_up(self, tokens: list[str]) -> tuple[Floats, list[str], tuple[bytes, ...]]:
        """Give rows of tokens and known pairs; tokens and concepts; their pairs' rows."""
        known = map(self._tokens.__getitem__, tokens)
        rows, after, concepts, concepts_after = zip(*known, strict=True)
        names = [*tokens, *filter(None, concepts)]
        seconds = chain(after, compress(concepts_after, concepts))
        pairs = tuple(map(dict.get, seconds, islice(names, 1, None), repeat(b"")))
        raw = b"".join(rows + pairs)
        return np.ndarray((len(raw) // self._size, self._width), buffer=raw), names, pairs

    def _sums(self, lead: str) -> Floats:
        return _sum(self._look_up(tokens_of(lead))[0])

    def _length(self, sums: Floats) -> float:
        return sqrt(sums[self._classes + _SQUARES]) or 1.0


class _Tokens(dict[str, "_Token"]):
    """What each token adds, made when it is first asked for."""

    __slots__ = ("_after", "_features", "_rows")

    def __init__(
        self, features: dict[str, int], rows: Floats, after: dict[str, "_Seconds"]
    ) -> None:
        super().__init__()
        self._features = features
        self._rows = rows
        self._after = after

    def __missing__(self, token: str) -> "_Token":
        if len(self) >= REMEMBERED_TOKENS:
            self.clear()
        features = self._features
        at = [features[piece] for piece in pieces_of(token) if piece in features]
        row = self._rows[at].sum(axis=0)
        row[-2:] = token.isalnum(), token.isalnum() and token in features
        after, concept = self._after, telling(token)
        made = row.tobytes(), after.get(token, _NONE), concept, after.get(concept or "", _NONE)
        self[token] = made
        return made


def _rows(weights: Weights) -> Floats:
    """Lay out what each feature adds: to the classes, to news, to the squares; no word as yet."""
    scale = weights.scale
    none = np.zeros((2, len(scale)))
    return np.vstack([weights.classes * scale, weights.screen * scale, scale**2, none]).T.copy()


def _sum(found: Floats) -> Floats:
    ones = _ONES[: len(found)]
    sums: Floats = ones.dot(found) if len(ones) == len(found) else np.add.reduce(found)
    return sums


def _reasons(
    weights: Floats, tokens: int, names: list[str], pairs: tuple[bytes, ...]
) -> tuple[str, ...]:
    """Show the heaviest rows: each a token, then each a known pair."""
    known = [*compress(count(), pairs)]
    found = []
    for row in weights.argsort()[: -REASONS - 1 : -1].tolist():
        if weights.item(row) <= 0:
            break
        if row < tokens:
            found.append(_shown(names[row]))
        else:
            at = known[row - tokens]
            found.append(_shown((names[at], names[at + 1])))
    return tuple(found)


def _check(weights: Weights) -> None:
    if weights.version != VERSION:
        raise ConfigurationError(
            f"the model was trained on features {weights.version}, here they are {VERSION}: train"
            " it again"
        )
    features, classes = len(weights.features), len(weights.labels)
    shapes = {
        "scale": (weights.scale.shape, (features,)),
        "screen": (weights.screen.shape, (features,)),
        "classes": (weights.classes.shape, (classes, features)),
        "bias": (weights.bias.shape, (classes,)),
    }
    for name, (shape, expected) in shapes.items():
        if shape != expected:
            raise ConfigurationError(f"weights: {name} has the shape {shape}, not {expected}")
    for name in shapes:
        if not np.isfinite(getattr(weights, name)).all():
            raise ConfigurationError(f"weights: {name} holds what is no number")
    if not 0 < weights.screen_at < 1:
        raise ConfigurationError(f"weights: screen_at is {weights.screen_at}, not a probability")
    ways = ways_of(weights.labels)
    if not all(ways.columns):
        raise ConfigurationError("weights: a label set needs buy, sell and no news")


@lru_cache(REMEMBERED_TOKENS)
def _shown(feature: str | Pair) -> str:
    """Write a token or pair as people read it."""
    if isinstance(feature, tuple):
        first, second = feature
        between = " .. " if first[0] == "@" else " "  # what stands between concepts is left out
        return f"{_shown(first)}{between}{_shown(second)}"
    token = feature.removeprefix("@")
    return _SHOWN.get(token, token)


def _pair(name: str) -> Pair:
    first, _, second = name.partition(" ")
    return first, second


def _logit(probability: float) -> float:
    return log(probability / (1 - probability))
