"""A screen that leaves out a pattern which would have matched loses news: it must never."""

from typing import Final

import pytest

from core.contracts.signal import EventType
from models.training.texts import read_texts
from signals.assets.resolve import Resolver
from signals.assets.universe import bundled_universe
from signals.rules.engine import bundled_rules
from signals.rules.lead import Lead
from signals.rules.objections import Sentence
from signals.rules.patterns import Screen, members, needs_of, outside_groups, split

_EVERY: Final = 5
"""Which of the training texts are searched: all would take a minute."""


def leads() -> list[str]:
    resolver = Resolver(bundled_universe())
    texts = [text for text in read_texts() if text.event_type is not EventType.NOT_NEWS][::_EVERY]
    found = [Lead(resolver.resolve(text.title, text.text)) for text in texts]
    return [sentence for lead in found for sentence in lead.sentences]


def test_sentence_that_a_bundled_pattern_fits_has_all_that_it_needs() -> None:
    sentences = [(text, Sentence(text).stems) for text in leads()]
    fitting = 0
    for rule in bundled_rules().rules:
        for pattern in rule.patterns:
            needs = needs_of(pattern.pattern)
            fits = [stems for text, stems in sentences if pattern.search(text)]
            fitting += bool(fits)
            for stems in fits:
                assert all(not need.isdisjoint(stems) for need in needs), pattern.pattern
                assert Screen([needs]).passing(stems) == 1
    assert fitting > 100


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
