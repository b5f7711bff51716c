"""The labels of headlines that stand elsewhere: well-formed, and of the headlines they say."""

import csv
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import pytest

from core.contracts.event_types import MEANINGS, NotNews
from core.contracts.signal import Direction

LABELS: Final = Path(__file__).resolve().parents[3] / "models" / "training" / "labels"
SHARED: Final = Path(__file__).resolve().parents[4] / "shared" / "data" / "text"
HEADLINES: Final = "cryptopanic-2026-02.tsv"
INCIDENTS: Final = "hack-incidents.tsv"

HASH: Final = re.compile(r"[0-9a-f]{64}")
CODES: Final = re.compile(r"(?:[0-9A-Z]+(?:,[0-9A-Z]+)*)?")

each_file = pytest.mark.parametrize("name", [HEADLINES, INCIDENTS])


class Line(NamedTuple):
    """One line of a file."""

    title: str
    type: str
    direction: str
    subjects: str
    mentioned: str


def lines_of(name: str) -> list[Line]:
    """Read a file's lines, the comment left out."""
    text = (LABELS / name).read_text(encoding="utf-8")
    return [Line(*line.split("\t")) for line in text.splitlines()[1:]]


def titles_of(name: str) -> Iterator[str]:
    """Read the titles that a file's labels are of."""
    if name == HEADLINES:
        rows = msgspec.json.decode((SHARED / "cryptopanic_2026_02.json").read_bytes())
        yield from (row["title"] for row in rows.values())
        return
    with (SHARED / "hack_incidents.csv").open(encoding="utf-8", newline="") as incidents:
        yield from (row["title"] for row in csv.DictReader(incidents))


@each_file
def test_file_opens_with_its_only_comment(name: str) -> None:
    first, *rest = (LABELS / name).read_text(encoding="utf-8").splitlines()

    assert first.startswith("# ")
    assert rest
    assert not [line for line in rest if line.startswith("#")]


@each_file
def test_every_line_has_a_hash_and_codes(name: str) -> None:
    bad = [
        line
        for line in lines_of(name)
        if not HASH.fullmatch(line.title)
        or not CODES.fullmatch(line.subjects)
        or not CODES.fullmatch(line.mentioned)
    ]

    assert not bad


@each_file
def test_no_coin_is_named_twice_in_a_line(name: str) -> None:
    for line in lines_of(name):
        codes = [code for code in f"{line.subjects},{line.mentioned}".split(",") if code]
        assert len(codes) == len(set(codes)), line


@each_file
def test_titles_are_sorted_and_unique(name: str) -> None:
    hashes = [line.title for line in lines_of(name)]

    assert hashes == sorted(set(hashes))


@each_file
def test_no_news_is_neutral_and_news_points_its_usual_way(name: str) -> None:
    for line in lines_of(name):
        if line.type in set(NotNews):
            assert line.direction == Direction.NEUTRAL, line
            continue
        usual = next(meaning for kind, meaning in MEANINGS.items() if kind == line.type).direction
        ways = {usual} if usual is not Direction.NEUTRAL else {Direction.BUY, Direction.SELL}
        assert line.direction in ways, line


@each_file
def test_only_macro_news_is_of_every_coin(name: str) -> None:
    assert not [line for line in lines_of(name) if line.type == "macro" and line.subjects]


@each_file
@pytest.mark.skipif(not SHARED.is_dir(), reason="the headlines (../shared/data/text) are not here")
def test_labels_are_of_exactly_the_titles_there(name: str) -> None:
    hashes = {hashlib.sha256(title.encode()).hexdigest() for title in titles_of(name)}

    assert {line.title for line in lines_of(name)} == hashes
