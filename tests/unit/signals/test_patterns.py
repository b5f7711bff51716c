"""A screen that leaves out a pattern which would have matched loses news: it must never."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signals.rules import engine
from signals.rules.objections import Sentence
from signals.rules.patterns import Screen, members, needs_of, outside_groups, split

_TABLES: dict[str, Any] = engine.bundled_tables()
BUNDLED = sorted({pattern for row in _TABLES["rule"] for pattern in row["patterns"]})
# Short forms of the same build, of which examples are drawn faster.
SHORTER = {
    "{A}": "(?P<a><a>(?:, <a>)*)",
    "{AM}": "(?P<a><a>|<m>)",
    "{C}": "(?:<c>|<f>)",
    "{N}": r"(?:\W?s)?(?: (?:network|labs)){0,3}",
    "{MON}": r"\$?\d[\d.,]*\+?(?: ?(?:million|m))?\b",
    "{W2}": r"(?: [^\s.<]+){0,2}?",
    "{W4}": r"(?: (?!<a>)[^\s;]+){0,4}?",
    "{W8}": r"(?: (?!<a>)[^\s;]+){0,4}?",
    "{AUX}": "(?:(?:will|gets?) )*",
}


def shorter(pattern: str) -> str:
    for form, meaning in SHORTER.items():
        pattern = pattern.replace(form, meaning)
    return pattern


@pytest.mark.parametrize("pattern", BUNDLED)
@given(data=st.data())
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_sentence_that_a_bundled_pattern_fits_has_all_that_it_needs(
    pattern: str, data: st.DataObject
) -> None:
    compiled = re.compile(shorter(pattern))
    fits = data.draw(st.from_regex(compiled, alphabet=st.characters(codec="utf-8")))
    text = data.draw(st.sampled_from(["", "x", "<x> lists <a> ", "(", "it\u2019s"])) + fits.lower()
    stems = Sentence(text).stems
    needs = needs_of(compiled.pattern)
    if compiled.search(text):
        assert all(not need.isdisjoint(stems) for need in needs)
        assert Screen([needs]).passing(stems) == 1


@pytest.mark.parametrize(
    ("pattern", "needs"),
    [
        (r"<x> lists <a>", ["x", "a", "lis"]),
        (r"\b(?:hack|exploit)ed\b", ["hac exp"]),
        (r"(?:hack|exploit)ed", []),
        (r"\b(?:re-)?opens?\b", ["ope"]),
        (r"\bopens?\b", ["ope"]),
        (r"\bopen?\b", ["ope"]),
        (r"\bgo+al\b", []),
        (r"\bup\b", ["up"]),
        (r"\bupw?", []),
        (r"\b(?:up|down)\b", ["up dow"]),
        (r"\b(?:up|down)s", []),
        (r"<a>(?: [a-z]+)* falls", ["a", "fal"]),
        (r"<a>(?: [a-z]+)*falls", ["a"]),
        (r"<a>(?: token)? falls", ["a", "fal"]),
        (r"<a>(?: token){1,2} falls", ["a", "fal", "tok"]),
        (r"<a>(?! falls)", ["a"]),
        (r"^news", ["new"]),
        (r"\d falls[.!]", ["fal"]),
        (r"\u2014\bfalls", ["fal"]),
        (r"\u00e9falls", []),
        (r"(?i)\bfalls", []),
        (r"\bfalls\b|\brises\b", ["fal ris"]),
        (r"\bfalls\b|rises", []),
        (r"[ -/]falls", []),
        (r"[ /-]falls", ["fal"]),
    ],
)
def test_needs_are_the_words_that_stand_whole_in_whatever_matches(
    pattern: str, needs: list[str]
) -> None:
    assert sorted(map(sorted, needs_of(pattern))) == sorted(sorted(n.split()) for n in needs)


def test_screen_passes_patterns_whose_needs_are_met() -> None:
    needs = [needs_of(pattern) for pattern in (r"\blists <a>", r"\bdrops <a>", "free")]
    assert list(members(Screen(needs).passing({"lis", "a"}))) == [0, 2]
    assert list(members(Screen(needs).passing({"dro"}))) == [2]


def test_pattern_is_split_outside_groups_and_classes() -> None:
    assert split(r"a(?:b|c)|[|]d|\|e") == [r"a(?:b|c)", "[|]d", r"\|e"]
    assert outside_groups(r"<x>(?:b|c)+[d]\bf*") == "<x>f"
