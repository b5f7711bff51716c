"""Learns the weights that tell coins from other words, and subjects from what is mentioned."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from models.training.samples import Sample
from signals.assets.candidates import Candidate
from signals.assets.known import ASSET_KINDS, Phrase, Phrases, Universe, begin
from signals.assets.mentions import Role
from signals.assets.resolve import Resolver
from signals.assets.senses import BIAS
from signals.assets.surroundings import HARD, SLOTS, SOFT, Description, Value, describe

Feature = tuple[str, str, Value]

LEAST_CANDIDATES: Final = 2
"""A value that fewer candidates have is not learnt."""

LOOSENESS: Final = 0.3
"""Inverse strength of the regularisation; chosen on held-out stories."""

UNKNOWN_PARTS: Final = 3

_NONE, _MENTIONED, _SUBJECT = range(3)


class Example(NamedTuple):
    """One candidate of a text, and what it is.

    Attributes:
        features: hardness, slot and value of each slot that has one.
        meaning: 0 for no coin, 1 for a coin mentioned, 2 for what the text is about.
    """

    features: list[Feature]
    meaning: int


def examples(universe: Universe, samples: Sequence[Sample]) -> Iterator[Example]:
    """Describe the candidates of all samples of which somebody said what they are about.

    Tables know nearly every coin of the texts, and none of the coins that are listed tomorrow: so
    the texts are read again as if a part of the coins were unknown, each coin once, and what then
    looks like a strange ticker is described, too.
    """
    told = [sample for sample in samples if sample.subjects is not None]
    yield from _described(universe, told)
    for part in range(UNKNOWN_PARTS):
        yield from _described(_without(universe, part), told, only="strange")


def _described(
    universe: Universe, samples: Iterable[Sample], only: str | None = None
) -> Iterator[Example]:
    find = Resolver(universe).find
    for sample in samples:
        text, found = find(None, sample.words)
        if not found.candidates:
            continue
        described = describe(universe, text, found)
        for candidate, description in zip(found.candidates, described, strict=True):
            if only is None or candidate.kind == only:
                yield Example(features_of(description), _meaning(candidate, sample))


def _without(universe: Universe, part: int) -> Universe:
    """Give a universe in which one of `UNKNOWN_PARTS` parts of the coins is unknown."""

    def known(codes: Iterable[str]) -> bool:
        return not all(crc32(code.encode()) % UNKNOWN_PARTS == part for code in codes)

    def keep(phrases: tuple[Phrase, ...]) -> tuple[Phrase, ...]:
        return tuple(p for p in phrases if p.kind not in ASSET_KINDS or known(p.meanings))

    left = universe._replace(
        codes={code: claims for code, claims in universe.codes.items() if known(claims)},
        phrases={
            first: Phrases(keep(begun.single), {w: keep(p) for w, p in begun.longer.items()})
            for first, begun in universe.phrases.items()
        },
    )
    return left._replace(triggers={word: begin(left, word) for word in universe.triggers})


def features_of(description: Description) -> list[Feature]:
    """Give the features of one candidate."""
    hardness, values = description
    return [
        (hardness, slot, value)
        for slot, value in zip(SLOTS, values, strict=True)
        if value is not None
    ]


def _meaning(candidate: Candidate, sample: Sample) -> int:
    claims = set(candidate.claims)
    if claims.intersection(sample.subjects or ()):
        return _SUBJECT
    return _MENTIONED if claims.intersection(sample.mentioned) else _NONE


def learn(known: Sequence[Example]) -> dict[Feature, tuple[float, float]]:
    """Fit the weights; the same examples in the same order give the same weights.

    Returns:
        For each feature, and a bias for each hardness, what it adds to the logits of "mentioned"
        and of "subject" against "no coin".
    """
    counted: dict[Feature, int] = {}
    for example in known:
        for feature in example.features:
            counted[feature] = counted.get(feature, 0) + 1
    kept = [feature for feature, count in counted.items() if count >= LEAST_CANDIDATES]
    biases: list[Feature] = [(HARD, BIAS, None), (SOFT, BIAS, None)]
    columns = {feature: at for at, feature in enumerate([*biases, *kept])}
    matrix = _matrix(known, columns)
    model = LogisticRegression(C=LOOSENESS, max_iter=1_000)
    model.fit(matrix, [example.meaning for example in known])
    weights = model.coef_ - model.coef_[_NONE]
    intercepts = model.intercept_ - model.intercept_[_NONE]
    learnt: dict[Feature, tuple[float, float]] = {}
    for feature, at in columns.items():
        extra = intercepts if feature[1] == BIAS else np.zeros(3)
        learnt[feature] = (
            float(weights[_MENTIONED, at] + extra[_MENTIONED]),
            float(weights[_SUBJECT, at] + extra[_SUBJECT]),
        )
    return learnt


def subjects_f1(resolver: Resolver, samples: Iterable[Sample]) -> float:
    """Give the F1 of the subjects found, over all pairs of text and coin."""
    both = all_ = 0
    for sample in samples:
        if sample.subjects is None:
            continue
        right = set(sample.subjects)
        found = {
            mention.code
            for mention in resolver.resolve(None, sample.words).mentions
            if mention.role is Role.SUBJECT
        }
        both += len(right & found)
        all_ += len(right) + len(found)
    return 2 * both / all_ if all_ else 1.0


def _matrix(known: Sequence[Example], columns: Mapping[Feature, int]) -> sparse.csr_matrix:
    rows: list[int] = []
    places: list[int] = []
    for row, example in enumerate(known):
        hardness = example.features[0][0]
        for feature in ((hardness, BIAS, None), *example.features):
            place = columns.get(feature)
            if place is not None:
                rows.append(row)
                places.append(place)
    ones: NDArray[np.float64] = np.ones(len(rows))
    return sparse.csr_matrix((ones, (rows, places)), shape=(len(known), len(columns)))
