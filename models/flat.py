"""Serves a trained classifier from flat tables: sums of weights, no pipeline, microseconds."""

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.contracts.errors import ConfigurationError
from core.contracts.signal import Direction
from models.features import VERSION, pairs_of, pieces_of, tokens_of
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
    token adds is summed once and remembered. It is not for several threads at once.

    Attributes:
        labels: names of the classes, as `probabilities` orders them.
    """

    __slots__ = (
        "_bias", "_cut", "_groups", "_labels", "_pair_rows", "_pair_sums", "_pairs", "_rows",
        "_screen_bias", "_sums", "_table", "_ways", "labels",
    )  # fmt: skip

    def __init__(self, weights: Weights) -> None:
        """Lay the tables out.

        Raises:
            ConfigurationError: the arrays don't fit together, or a class is unknown.
        """
        _check(weights)
        ways = ways_of(weights.labels)
        self.labels = tuple(weights.labels)
        self._labels = ways.labels
        self._groups = ways.columns
        self._ways = np.array(
            [[label.direction is way for way in DIRECTIONS] for label in ways.labels], float
        )
        self._bias = weights.bias
        self._screen_bias = weights.screen_bias
        # p < at is the same as sum / length < cut, which needs no exponential.
        self._cut = _logit(weights.screen_at) - weights.screen_bias
        features = {name: at for at, name in enumerate(weights.features)}
        pairs = [(_pair(name), at) for name, at in features.items() if " " in name]
        # One complex number holds two sums: of weights, and of squares for the length.
        squares = weights.scale**2
        sums = (weights.scale * weights.screen + 1j * squares).tolist()
        self._sums = _Sums(features, sums)
        self._pair_sums = {pair: sums[at] for pair, at in pairs}
        rows = (weights.classes * weights.scale).T
        self._pairs = len(pairs)
        self._pair_rows = {pair: row for row, (pair, _) in enumerate(pairs)}
        self._table = np.empty((len(pairs) + REMEMBERED_TOKENS, len(self.labels)))
        self._table[: len(pairs)] = rows[[at for _, at in pairs]]
        self._rows = _Rows(features, rows, self._table, len(pairs))

    def predict(self, lead: str) -> Prediction | None:
        """Judge a masked lead; None where the first stage sees no news, or few words it knows."""
        tokens = tokens_of(lead)
        pairs = pairs_of(tokens)
        total = self._sum(tokens, pairs)
        length = sqrt(total.imag) or 1.0
        if total.real < self._cut * length or not self._sums.knows(tokens):
            return None
        found = self._gather(tokens, pairs)
        chances = self._chances(found, length)
        ways = chances.dot(self._ways).tolist()
        confidence = max(ways)
        way = ways.index(confidence)
        best = max(self._groups[way], key=chances.tolist().__getitem__)
        label = self._labels[best]
        if way == _NEUTRAL:
            return Prediction(label.event_type, label.direction, confidence, (), label.detail)
        reasons = self._reasons(tokens, pairs, found[:, best])
        return Prediction(label.event_type, label.direction, confidence, reasons)

    def knows(self, lead: str) -> bool:
        """Whether enough of a masked lead's words stood in training to judge it at all."""
        return self._sums.knows(tokens_of(lead))

    def news_probability(self, lead: str) -> float:
        """Give the first stage's probability that a masked lead is news."""
        tokens = tokens_of(lead)
        total = self._sum(tokens, pairs_of(tokens))
        return 1 / (1 + exp(-total.real / (sqrt(total.imag) or 1.0) - self._screen_bias))

    def probabilities(self, lead: str) -> Floats:
        """Give the second stage's calibrated probability of each of `labels`."""
        tokens = tokens_of(lead)
        pairs = pairs_of(tokens)
        length = sqrt(self._sum(tokens, pairs).imag) or 1.0
        return self._chances(self._gather(tokens, pairs), length)

    def weigh(self, lead: str, label: str) -> list[tuple[str, float]]:
        """Say what each token and pair of a masked lead adds to a class, heaviest first.

        Args:
            lead: the masked lead.
            label: one of `labels`.
        """
        tokens = tokens_of(lead)
        pairs = pairs_of(tokens)
        length = sqrt(self._sum(tokens, pairs).imag) or 1.0
        column = self._gather(tokens, pairs)[:, self.labels.index(label)] / length
        names: list[str | Pair] = [*tokens, *filter(self._pair_rows.__contains__, pairs)]
        weighed = zip(map(_shown, names), column.tolist(), strict=True)
        return sorted(weighed, key=lambda pair: -abs(pair[1]))

    def _sum(self, tokens: list[str], pairs: list[Pair]) -> complex:
        sums = sum(map(self._sums.__getitem__, tokens), 0j)
        return sum(filter(None, map(self._pair_sums.get, pairs)), sums)

    def _gather(self, tokens: list[str], pairs: list[Pair]) -> Floats:
        """Give one row of classes' weights for each token, then for each known pair."""
        self._rows.make_room(len(tokens))
        at = list(map(self._rows.__getitem__, tokens))
        known = self._pair_rows
        at += [known[pair] for pair in pairs if pair in known]
        return self._table.take(at, axis=0)

    def _chances(self, found: Floats, length: float) -> Floats:
        logits = np.add.reduce(found, axis=0)
        logits /= length
        logits += self._bias
        logits -= np.maximum.reduce(logits)
        chances: Floats = np.exp(logits, out=logits)
        chances /= np.add.reduce(chances)
        return chances

    def _reasons(self, tokens: list[str], pairs: list[Pair], weights: Floats) -> tuple[str, ...]:
        heaviest = weights.argsort()[: -REASONS - 1 : -1]
        names: list[str | Pair] = [*tokens, *filter(self._pair_rows.__contains__, pairs)]
        return tuple(_shown(names[at]) for at in heaviest.tolist() if weights[at] > 0)


class _Sums(dict[str, complex]):
    """What each token adds in the first stage, summed when it is first asked for."""

    __slots__ = ("_by_feature",)

    def __init__(self, features: dict[str, int], sums: list[complex]) -> None:
        super().__init__()
        self._by_feature = {name: sums[at] for name, at in features.items() if " " not in name}

    def knows(self, tokens: list[str]) -> bool:
        """Whether enough of a text's words, marks and signs aside, stood in training."""
        known = self._by_feature
        words = [token in known for token in tokens if token.isalnum()]
        return sum(words) >= LEAST_KNOWN * len(words)

    def __missing__(self, token: str) -> complex:
        if len(self) >= REMEMBERED_TOKENS:
            self.clear()
        made = sum(filter(None, map(self._by_feature.get, pieces_of(token))), 0j)
        self[token] = made
        return made


class _Rows(dict[str, int]):
    """Where in the table each token's sums for the classes stand; made when first asked for."""

    __slots__ = ("_features", "_first", "_table", "_weights")

    def __init__(
        self, features: dict[str, int], weights: Floats, table: Floats, first: int
    ) -> None:
        super().__init__()
        self._features = features
        self._weights = weights
        self._table = table
        self._first = first

    def make_room(self, tokens: int) -> None:
        """See to it that none of the next `tokens` takes another one's row."""
        if len(self) + tokens > REMEMBERED_TOKENS:
            self.clear()

    def __missing__(self, token: str) -> int:
        known = self._features
        at = [known[piece] for piece in pieces_of(token) if piece in known]
        row = self._first + len(self)
        self._table[row] = self._weights[at].sum(axis=0)
        self[token] = row
        return row


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
