"""Parts samples into training and test: by story, by day, and without near-copies."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from models.training.samples import Origin, Sample

TEST_SHARE: Final = 0.2
NEAR_COPY: Final = 0.5
"""Texts are near-copies when they share this part (Jaccard) of their pairs of words."""


_TESTED: Final = (Origin.OWN, Origin.HEADLINE)


class Split(NamedTuple):
    """Training and test.

    Attributes:
        train: what may be learnt from.
        test: told on the latest days, of stories that began then.
        dropped: how many samples are in neither: told late of an early story, or near-copies of
            what is in the test.
    """

    train: list[Sample]
    test: list[Sample]
    dropped: int


def split(samples: Sequence[Sample], share: float = TEST_SHARE) -> Split:
    """Part samples; what is not our own or headlines only trains.

    Each origin is parted at its own day, so that both parts have some of each. A story that runs
    over that day trains up to it, and the rest of it is dropped.
    """
    train = [sample for sample in samples if sample.origin not in _TESTED]
    test: list[Sample] = []
    for origin in _TESTED:
        own = [sample for sample in samples if sample.origin is origin]
        if not own:
            continue
        days = sorted(sample.day for sample in own)
        first = days[min(int(len(days) * (1 - share)), len(days) - 1)]
        early = {sample.story for sample in own if sample.day < first}
        train += [sample for sample in own if sample.day < first]
        test += [sample for sample in own if sample.day >= first and sample.story not in early]
    copies = near_copies(train, test)
    train = [sample for at, sample in enumerate(train) if at not in copies]
    return Split(train, test, len(samples) - len(train) - len(test))


def near_copies(
    candidates: Sequence[Sample], originals: Sequence[Sample], least: float = NEAR_COPY
) -> set[int]:
    """Find which of the candidates nearly repeat one of the originals; gives their places."""
    shingles = [_shingles(sample.words) for sample in originals]
    having: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, found in enumerate(shingles):
        for shingle in found:
            having[shingle].append(at)
    copies: set[int] = set()
    for place, candidate in enumerate(candidates):
        own = _shingles(candidate.words)
        common = Counter(at for shingle in own for at in having.get(shingle, ()))
        if any(
            count >= least * (len(own) + len(shingles[at]) - count) for at, count in common.items()
        ):
            copies.add(place)
    return copies


def _shingles(text: str) -> set[tuple[str, str]]:
    words = ["", *text.lower().split()]
    return set(pairwise(words))
