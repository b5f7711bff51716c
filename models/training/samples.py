"""Gathers what a model learns from: our own texts, labelled headlines, and a little of FiQA."""

import csv
import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from core.contracts.errors import ConfigurationError
from core.contracts.event_types import NotNews
from core.contracts.signal import Direction, EventType
from models.labels import label_name, read_label
from models.training.texts import BUNDLED, read_texts

LABELS: Final = Path(__file__).with_name("labels")
"""Labels of titles that stand elsewhere, by their hash."""

HEADLINES: Final = "cryptopanic_2026_02.json"
INCIDENTS: Final = "hack_incidents.csv"
FIQA: Final = "fiqa"

FIQA_WEIGHT: Final = 0.3
"""Posts on shares count this much of one on coins."""

_FIQA_FILES: Final = ("task1_post_ABSA_train.json", "task1_post_ABSA_test.json")
_FIQA_KINDS: Final = {
    "Stock/Price Action": NotNews.PRICE_TALK,
    "Stock/Technical Analysis": NotNews.ANALYSIS,
    "Stock/Options": NotNews.PRICE_TALK,
    "Stock/Coverage": NotNews.ANALYSIS,
    "Stock/Signal": NotNews.ADVERTISEMENT,
}
_DATE: Final = "%b %d %Y %H:%M:%S"

Mask = Callable[[str | None, str], str]
"""Makes of a title and text the masked lead that a predictor gets; see `models.predictor`."""

log = logging.getLogger(__name__)


class Origin(StrEnum):
    """Where a sample is from."""

    OWN = "own"
    HEADLINE = "headline"  # everyday ones, as they came in
    INCIDENT = "incident"  # titles of thefts, told afterwards
    FIQA = "fiqa"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One text to learn from, or to be judged by.

    Attributes:
        lead: the masked lead.
        words: the text as written, for finding near-copies.
        label: the class's name.
        story: texts of one story share it.
        day: when it was, or would have been, published.
        origin: where it is from.
        subjects: codes of the coins it is about; None where nobody said.
        mentioned: codes of other coins in it.
        weight: how much it counts in training.
    """

    lead: str
    words: str
    label: str
    story: str
    day: date
    origin: Origin = Origin.OWN
    subjects: tuple[str, ...] | None = None
    mentioned: tuple[str, ...] = ()
    weight: float = 1.0

    @property
    def event_type(self) -> EventType:
        """The kind of news, `NOT_NEWS` for all that is none."""
        return read_label(self.label).event_type

    @property
    def direction(self) -> Direction:
        """Which way it points."""
        return read_label(self.label).direction


def own_samples(mask: Mask, folder: Path = BUNDLED) -> list[Sample]:
    """Read our own texts.

    Raises:
        ConfigurationError: a line of them is malformed.
    """
    return [
        Sample(
            lead=mask(text.title, text.text),
            words=f"{text.title}\n{text.text}" if text.title else text.text,
            label=label_name(text.type, text.direction),
            story=text.story,
            day=text.day,
            subjects=text.subjects,
            mentioned=text.mentioned,
        )
        for text in read_texts(folder)
    ]


def shared_samples(mask: Mask, folder: Path, labels: Path = LABELS) -> list[Sample]:
    """Read what is labelled in `folder`: everyday headlines, incidents, and FiQA's posts.

    What is not there is left out, and the log says so.

    Args:
        mask: masks a text.
        folder: has `HEADLINES`, `INCIDENTS` and `FIQA` in it.
        labels: labels of the titles.

    Raises:
        ConfigurationError: a label is unknown, or a file is not what it should be.
    """
    found: list[Sample] = []
    known = read_labels(labels)
    readers: dict[str, Callable[[Path], Iterator[Sample]]] = {
        HEADLINES: lambda path: _labelled(mask, _headlines(path), known, Origin.HEADLINE),
        INCIDENTS: lambda path: _labelled(mask, _incidents(path), known, Origin.INCIDENT),
        FIQA: lambda path: _fiqa(mask, path),
    }
    for name, read in readers.items():
        path = folder / name
        if not path.exists():
            log.warning("%s is not there: training goes on without it", path)
            continue
        try:
            found.extend(read(path))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ConfigurationError(f"{path} is not what it should be: {error!r}") from error
    return found


class Labelled(NamedTuple):
    """What a title that stands elsewhere says.

    Attributes:
        label: the class's name.
        subjects: codes of the coins it is about.
        mentioned: codes of other coins in it.
    """

    label: str
    subjects: tuple[str, ...]
    mentioned: tuple[str, ...]


def read_labels(folder: Path = LABELS) -> dict[str, Labelled]:
    """Read labels of titles that stand elsewhere, by the SHA-256 of a title in hex.

    The columns, parted by tabs, are hash, type, direction, subjects, mentioned.

    Raises:
        ConfigurationError: a line is malformed; the message names file and line.
    """
    labels: dict[str, Labelled] = {}
    for path in sorted(folder.glob("*.tsv")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line or line.startswith("#"):
                continue
            try:
                digest, kind, direction, subjects, mentioned = line.split("\t")
                label = label_name(kind, Direction(direction))
                read_label(label)
                labels[digest] = Labelled(label, _codes(subjects), _codes(mentioned))
            except (ValueError, ConfigurationError) as error:
                raise ConfigurationError(f"{path.name}:{number}: {error}") from error
    return labels


def _codes(column: str) -> tuple[str, ...]:
    return tuple(filter(None, column.split(",")))


def data_hash(samples: Sequence[Sample]) -> str:
    """Give the SHA-256 of all that the samples hold, in their order."""
    return hashlib.sha256(msgspec.json.encode(samples)).hexdigest()


def _headlines(path: Path) -> Iterator[tuple[str, date]]:
    rows: dict[str, dict[str, Any]] = msgspec.json.decode(path.read_bytes())
    for row in rows.values():
        # "Sat Feb 07 2026 17:11:01 GMT-0500 (...)": the day that it is there is near enough.
        told = datetime.strptime(" ".join(row["date"].split()[1:5]), _DATE).replace(tzinfo=UTC)
        yield row["title"], told.date()


def _incidents(path: Path) -> Iterator[tuple[str, date]]:
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield row["title"], date.fromisoformat(row["date"])


def _labelled(
    mask: Mask, titles: Iterable[tuple[str, date]], labels: Mapping[str, Labelled], origin: Origin
) -> Iterator[Sample]:
    first: dict[str, date] = {}
    for title, day in titles:
        first[title] = min(first.get(title, day), day)
    for title, day in first.items():
        digest = hashlib.sha256(title.encode()).hexdigest()
        if (said := labels.get(digest)) is not None:
            yield Sample(
                lead=mask(None, title),
                words=title,
                label=said.label,
                story=digest,
                day=day,
                origin=origin,
                subjects=said.subjects,
                mentioned=said.mentioned,
            )


def _fiqa(mask: Mask, folder: Path) -> Iterator[Sample]:
    for name in _FIQA_FILES:
        rows: dict[str, dict[str, Any]] = msgspec.json.decode((folder / name).read_bytes())
        for number, row in rows.items():
            aspects = row["info"][0]["aspects"]
            kind = next((kind for key, kind in _FIQA_KINDS.items() if key in aspects), None)
            if kind is not None:
                yield Sample(
                    lead=mask(None, row["sentence"]),
                    words=row["sentence"],
                    label=label_name(kind, Direction.NEUTRAL),
                    story=f"fiqa-{number}",
                    day=date.min,
                    origin=Origin.FIQA,
                    weight=FIQA_WEIGHT,
                )
