"""The test set of quality: our latest texts, and everyday headlines where they are at hand."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.quality_figures import Right
from models.training.samples import LABELS, Origin, Sample, own_samples, shared_samples
from models.training.split import split
from models.training.texts import BUNDLED, Text, read_texts

SHARED: Final = Path(__file__).resolve().parents[2] / "shared/data/text"
"""Where everyday headlines stand; they are no part of the project."""

_SUBJECTS_COLUMN: Final = 3


class Asked(NamedTuple):
    """One text of the test set."""

    title: str | None
    text: str
    right: Right

    @property
    def words(self) -> str:
        """Title and text as one."""
        return f"{self.title}\n{self.text}" if self.title else self.text


class Texts(NamedTuple):
    """What is measured on, and what may be learnt from.

    Attributes:
        own: our own texts of the latest days.
        headlines: everyday headlines of the latest days; empty where they are not at hand.
        train: for baselines: nothing of a story in the other two, and no near-copy.
        earlier: our own texts among those.
    """

    own: list[Asked]
    headlines: list[Asked]
    train: list[Sample]
    earlier: list[Asked]


def latest_texts(folder: Path = BUNDLED, shared: Path = SHARED) -> Texts:
    """Read and part the texts, as training does.

    Raises:
        ConfigurationError: a text or label is malformed.
    """
    samples = own_samples(_unmasked, folder)
    if shared.is_dir():
        samples += shared_samples(_unmasked, shared)
    parted = split(samples)
    texts = {(text.title, text.text): text for text in read_texts(folder)}
    by_words = {_words(text): text for text in texts.values()}
    subjects = _subjects(LABELS)
    return Texts(
        own=[_own(by_words[s.words]) for s in parted.test if s.origin is Origin.OWN],
        headlines=[_headline(s, subjects) for s in parted.test if s.origin is Origin.HEADLINE],
        train=parted.train,
        earlier=[_own(by_words[s.words]) for s in parted.train if s.origin is Origin.OWN],
    )


def _unmasked(title: str | None, text: str) -> str:
    return f"{title}\n{text}" if title else text


def _words(text: Text) -> str:
    return _unmasked(text.title, text.text)


def _own(text: Text) -> Asked:
    right = Right(text.event_type, text.direction, frozenset(text.subjects), text.story)
    return Asked(text.title, text.text, right)


def _headline(sample: Sample, subjects: dict[str, frozenset[str]]) -> Asked:
    digest = hashlib.sha256(sample.words.encode()).hexdigest()
    right = Right(sample.event_type, sample.direction, subjects[digest], sample.story)
    return Asked(None, sample.words, right)


def _subjects(folder: Path) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for path in sorted(folder.glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            columns = line.split("\t")
            if not line.startswith("#") and len(columns) > _SUBJECTS_COLUMN:
                codes: Sequence[str] = columns[_SUBJECTS_COLUMN].split(",")
                found[columns[0]] = frozenset(filter(None, codes))
    return found
