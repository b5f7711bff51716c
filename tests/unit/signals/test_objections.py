"""An index that skips a pattern which would have matched makes rumours trade: it must never."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.contracts.errors import ConfigurationError
from signals.rules import engine
from signals.rules.objections import Objection, Sentence

_TABLES: dict[str, Any] = engine.bundled_tables()
_ROWS = [(row, row["patterns"]) for row in _TABLES["veto"]] + [
    (row, row.get("unless", [])) for row in _TABLES["rule"]
]
BUNDLED = sorted({pattern for _, patterns in _ROWS for pattern in patterns})


def plainly(_: str, pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def with_macros(_: str, pattern: str) -> re.Pattern[str]:
    for macro in ("{W2}", "{W4}", "{W8}"):
        pattern = pattern.replace(macro, "(?: [a-z]+){0,2}")
    return re.compile(pattern)


ALL = Objection("all", (), BUNDLED, with_macros)


@pytest.mark.parametrize("pattern", BUNDLED)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_whatever_a_bundled_pattern_fits_is_found_through_the_index(
    pattern: str, data: st.DataObject
) -> None:
    compiled = with_macros("", pattern)
    fits = data.draw(st.from_regex(compiled, alphabet=st.characters(codec="utf-8")))
    text = data.draw(st.sampled_from(["", "<x> lists <a> ", "(", "it\u2019s"])) + fits.lower()
    match = compiled.search(text)
    alone = Objection("", (), (pattern,), with_macros)
    assert alone.find(Sentence(text)) == (match.group().strip() if match else None)
    assert ALL.may_find(Sentence(text)) or match is None


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"\b(?:co|sub)-editor\b", "the co-editor"),
        (r"\babcd?\w*", "x abc"),
        (r"\b\d+x\b", "at 50x"),
        (r"\b(?:19|20)\d\d\b", "of 2019"),
        ("\\w+n['\u2019]t\\b", "don\u2019t"),
        ("<a>/", "<a>/<m>"),
        (r"\b(?:up|down) \d+", "went up 7"),
        (r"\b(?:(?:re|un)do|in)ing\b", "undoing"),
        (r"\bxyz[|)]y\b", "xyz|y"),
        (r"\bcolou?r", "a color"),
        (r"\bno\b(?! one)", "no, none"),
        (r"\b(?:very |)bad\b", "so bad"),
        ("\\bi['\u2019]m\\b", "i\u2019m"),
        (r"\b(?:today|tomorrow)\b", "tomorrow"),
    ],
)
def test_pattern_is_found_however_its_first_word_is_written(pattern: str, text: str) -> None:
    assert Objection("", (), (pattern,), plainly).find(Sentence(text)) is not None


def test_word_objects_before_any_pattern_and_silence_is_none() -> None:
    objection = Objection("", ("zeta", "eta"), (r"\balpha\b",), plainly)
    assert objection.find(Sentence("alpha eta zeta")) == "eta"
    assert objection.find(Sentence("alphabet")) is None
    assert not objection.may_find(Sentence("beta"))
    assert Objection("", (), (), plainly).find(Sentence("anything?")) is None


@pytest.mark.parametrize(
    "pattern",
    [
        r"\b(?:co|sub)-?editor\b",
        r"\bab?c?\w*",
        r"\b(?:very )?bad\b",
        r"\bto(?:day)?\b",
        r"[a/]b",
        "x",
    ],
)
def test_pattern_that_cannot_be_indexed_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigurationError, match="odd: cannot index"):
        Objection("odd", (), (pattern,), plainly)
