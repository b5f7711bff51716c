"""Weighs where a candidate stands: is it a coin here, and is the text about it?"""

from collections.abc import Mapping
from functools import cache
from math import exp
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from core.contracts.errors import ConfigurationError
from signals.assets.surroundings import HARD, SLOTS, SOFT, Description, Value

BUNDLED: Final = Path(__file__).with_name("senses.tsv")

SUBJECT_FROM: Final = 0.5
"""From this chance on a text is about a candidate: lower ones gave no better F1."""

BIAS: Final = "bias"
"""The slot of what is added whatever the values are."""

_FURTHEST: Final = 50.0
_get: Final = dict.get
_new: Final = tuple.__new__
_NOTHING: Final = (0j,) * len(SLOTS)
_COLUMNS: Final = ["hardness", "slot", "value", "mentioned", "subject"]

Tables = tuple[dict[Value, complex], ...]


class Chances(NamedTuple):
    """How probable it is that a candidate is a coin in its place.

    Attributes:
        mentioned: a coin, and not what the text is about.
        subject: a coin that the text is about.
    """

    mentioned: float
    subject: float


class Senses:
    """A linear model of three classes: no coin, a coin mentioned, the text's subject.

    A weight is two sums in one complex number: of the logits of "mentioned" and of "subject",
    both against "no coin".
    """

    __slots__ = ("_bias", "_tables")

    def __init__(self, tables: Mapping[str, Tables], bias: Mapping[str, complex]) -> None:
        """Take for each hardness a table for each of `SLOTS`, and a bias."""
        self._tables = dict(tables)
        self._bias = dict(bias)

    def judge(self, description: Description) -> Chances:
        """Weigh one candidate, as `signals.assets.surroundings.describe` gives it."""
        hardness, values = description
        total = sum(map(_get, self._tables[hardness], values, _NOTHING), self._bias[hardness])
        mentioned, subject = total.real, total.imag
        if mentioned > _FURTHEST or subject > _FURTHEST:
            mentioned, subject = min(mentioned, _FURTHEST), min(subject, _FURTHEST)
        mentioned, subject = exp(mentioned), exp(subject)
        whole = 1 + mentioned + subject
        return _new(Chances, (mentioned / whole, subject / whole))


def read_senses(path: Path) -> Senses:
    """Read weights. Blocks for the disk.

    Raises:
        ConfigurationError: a line is malformed; the message names it.
        OSError: the file cannot be read.
    """
    tables: dict[str, Tables] = {way: tuple({} for _ in SLOTS) for way in (HARD, SOFT)}
    bias = dict.fromkeys((HARD, SOFT), 0j)
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0].split("\t") != _COLUMNS:
        raise ConfigurationError(f"{path.name}: its first line must name {', '.join(_COLUMNS)}")
    places = {slot: place for place, slot in enumerate(SLOTS)}
    for number, line in enumerate(lines[1:], start=2):
        try:
            hardness, slot, written, mentioned, subject = line.split("\t")
            weight = complex(float(mentioned), float(subject))
            if slot == BIAS:
                bias[hardness] += weight
            else:
                tables[hardness][places[slot]][_value(written)] = weight
        except (ValueError, KeyError, msgspec.DecodeError) as error:
            raise ConfigurationError(
                f"{path.name}, line {number}: {error!r}: learn the weights again"
            ) from error
    return Senses(tables, bias)


@cache
def bundled_senses() -> Senses:
    """Read the weights that come with the project; once a process.

    Raises:
        ConfigurationError: they are malformed.
    """
    return read_senses(BUNDLED)


def write_senses(path: Path, weights: Mapping[tuple[str, str, Value], tuple[float, float]]) -> None:
    """Write weights by hardness, slot and value, in that order."""
    rows = sorted(
        (hardness, slot, msgspec.json.encode(value).decode(), mentioned, subject)
        for (hardness, slot, value), (mentioned, subject) in weights.items()
    )
    lines = ["\t".join(_COLUMNS)]
    lines += [f"{way}\t{slot}\t{value}\t{m:.3f}\t{s:.3f}" for way, slot, value, m, s in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _value(written: str) -> Value:
    value = msgspec.json.decode(written)
    return tuple(value) if isinstance(value, list) else value
