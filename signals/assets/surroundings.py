"""Describes where a candidate stands: what the weights that tell coins from other words see."""

from typing import Final

from signals.assets.candidates import Candidate, Found
from signals.assets.context import (
    AIMED,
    BASES,
    FOLLOWERS,
    HYPHENS,
    JARGON,
    PAIR_QUOTES,
    PAYMENTS,
    PLACES,
    SUMS,
)
from signals.assets.known import Universe
from signals.assets.text import Text

Value = str | int | tuple[str | int | bool, ...] | None

SLOTS: Final = (
    "form", "code", "style", "word_before", "word_after", "second_before", "second_after",
    "gap_before", "gap_after", "use", "jargon", "coins", "standing", "elsewhere", "neighbour",
    "place", "bracket",
)  # fmt: skip
"""What is looked at; each has one value, or none, for a candidate. Left out is what held-out texts
were read no worse without: concepts of the words around, parties beside, its rank among coins."""

HARD, SOFT = "hard", "soft"
"""A candidate that looks like a coin by itself, and one that only its surroundings can make one:
each has weights of its own."""

Description = tuple[str, tuple[Value, ...]]

_START, _END = "^", "|"
_NUMBER, _AMOUNT = "0", "0k"
_AFTER_DIGITS: Final = ":"
_MOST: Final = 3
_YEAR: Final = 4
_LONG: Final = 6
_LATE: Final = 12
_HYPHENS: Final = HYPHENS | {""}
_ARTICLES: Final = frozenset(("the", "a", "native"))
_NOWHERE: Final = (None,) * 8
_HARD_KINDS: Final = frozenset(("name", "product", "foreign"))
_HARD_MARKS: Final = frozenset(("$", "/"))


def describe(universe: Universe, text: Text, found: Found) -> list[Description]:
    """Describe each candidate: its hardness, and a value for each of `SLOTS`."""
    candidates = found.candidates
    style = text.style
    jargon = min(_MOST, len(JARGON.intersection(text.words)))
    if len(candidates) == 1:
        each = candidates[0]
        hard = _hardness(universe, style, text, each)
        coins = 1 if hard is HARD else 0
        return [(hard, _values(universe, text, each, style, jargon, coins, None))]
    hardness = [_hardness(universe, style, text, each) for each in candidates]
    hard_codes = {
        each.code for each, hard in zip(candidates, hardness, strict=True) if hard is HARD
    }
    coins = min(len(hard_codes), _MOST)
    around = _Neighbours(universe, candidates)
    return [
        (hard, _values(universe, text, each, style, jargon, coins, around))
        for each, hard in zip(candidates, hardness, strict=True)
    ]


class _Neighbours:
    """Which candidates begin and end where, and as what each coin stands in the text."""

    __slots__ = ("begins", "ends", "kinds", "money")

    def __init__(self, universe: Universe, candidates: list[Candidate]) -> None:
        self.begins = {each[0]: each for each in candidates}
        self.ends = {each[1]: each for each in candidates}
        self.kinds: dict[str, set[str]] = {}
        for _, _, code, kind, _, _, _ in candidates:
            if code in self.kinds:
                self.kinds[code].add(kind)
            else:
                self.kinds[code] = {kind}
        self.money = {code: code in BASES or code in universe.stable for code in self.kinds}

    def standing(self, code: str) -> Value:
        """Tell whether a coin is what others are paid in or run on, and whether the others are."""
        if len(self.kinds) == 1:
            return None
        others = {money for other, money in self.money.items() if other != code}
        return self.money[code], True in others, False in others

    def elsewhere(self, code: str, kind: str) -> Value:
        """Give as what else the same coin stands in the text."""
        kinds = self.kinds[code]
        return tuple(sorted(kinds - {kind})) if len(kinds) > 1 else None

    def beside(
        self, each: Candidate, word: str, gap_before: str, gap_after: str, token: str
    ) -> tuple[Value, Value]:
        """Give the candidate that stands before, perhaps behind `and`, or else behind.

        With it comes what is told of the candidate's bracket: that the next is another's.
        """
        first, last = each[0], each[1]
        previous = self.ends.get(first - 1)
        if previous is None and word in ("and", "or"):
            previous = self.ends.get(first - 2)
        if previous is not None:
            return (gap_before, previous.kind, token.upper() in PAIR_QUOTES), None
        following = self.begins.get(last + 1)
        if following is None:
            return None, None
        bracket = (
            "another's" if following.mark == "(" and following.first == following.last else None
        )
        return (gap_after, following.kind), bracket


def _values(
    universe: Universe,
    text: Text,
    each: Candidate,
    style: str,
    jargon: int,
    coins: int,
    around: _Neighbours | None,
) -> tuple[Value, ...]:
    first, last, code, kind, mark, _, _ = each
    elsewhere = around.elsewhere(code, kind) if around else None
    if first < 0:
        return (kind, code, *_NOWHERE, jargon, coins, None, elsewhere, None, None, None)
    words = text.words
    token = text.tokens[first]
    gap_before, gap_after = text.gaps[first], text.gaps[last + 1]
    before = words[first - 1] if first else _START
    second_before = words[first - 2] if first > 1 else _START
    end = len(words) - 1 - last
    after = words[last + 1] if end > 0 else _END
    second_after = words[last + 2] if end > 1 else _END
    if "\n" in gap_before:
        before, gap_before = _START, "\n"
    else:
        gap_before = "" if gap_before == " " else gap_before.strip()[:2]
    gap_after = "" if gap_after == " " else gap_after.strip()[:2]
    neighbour: Value = None
    bracket: Value = None
    if around is not None:
        neighbour, bracket = around.beside(each, before, gap_before, gap_after, token)
    if mark == "(":
        bracket = _bracket(universe, text, each, before)
    sort = ""
    if code in universe.stable:
        sort = "money"
    elif token.upper() in universe.everyday:
        sort = "everyday"
    return (
        (kind, mark, sort, _shape(token), min(len(token), _LONG) if first == last else 0),
        code,
        (style, kind),
        before if before > _AFTER_DIGITS else _number(before),
        after if after > _AFTER_DIGITS else _number(after),
        second_before if second_before > _AFTER_DIGITS else _number(second_before),
        second_after if second_after > _AFTER_DIGITS else _number(second_after),
        gap_before,
        gap_after if end > 0 else _END + gap_after,
        _use(words, first, gap_after, after),
        jargon,
        coins,
        around.standing(code) if around else None,
        elsewhere,
        neighbour,
        first // 3 if first < _LATE else _LATE // 3,
        bracket,
    )


def _use(words: list[str], first: int, gap_after: str, after: str) -> Value:
    """Tell what a coin often is in such a place: a kind of thing, a sum, an amount, a place."""
    if after in FOLLOWERS and gap_after in _HYPHENS:
        return "kind"
    place = first - 1
    if place > 0 and words[place] in _ARTICLES:
        place -= 1
    if place < 0:
        return None
    word, word_before = words[place], words[place - 1] if place else _START
    if word in PLACES:
        return "target" if word_before in AIMED else "place"
    if word in ("of", "in") and (word_before in SUMS or word_before < _AFTER_DIGITS):
        return "sum"
    if word == "in" and word_before in PAYMENTS:
        return "payment"
    if word < _AFTER_DIGITS and not (len(word) == _YEAR and word[:2] in ("19", "20")):
        return "amount"
    return None


def _bracket(universe: Universe, text: Text, each: Candidate, before: str) -> str:
    """Tell how a code in brackets fits the word before it."""
    if each.kind not in ("own", "tail", "strange"):
        return "own name"
    assets = universe.assets
    if any(before in assets[code].name_ends for code in each.claims if code in assets):
        return "own name"
    if before == _START:
        return "nothing"
    return "a name" if text.tokens[each.first - 1][0].isupper() else "a word"


def _hardness(universe: Universe, style: str, text: Text, each: Candidate) -> str:
    first, _, code, kind, mark, _, _ = each
    if kind in _HARD_KINDS or mark in _HARD_MARKS or (mark == "(" and kind == "weak"):
        return HARD
    if kind != "own":
        return SOFT
    token = text.tokens[first]
    if not token.isupper():
        return SOFT
    if code in universe.major:
        return HARD
    return HARD if style != "shouted" and token not in universe.everyday else SOFT


def _shape(token: str) -> str:
    if token.isupper():
        return "capitals"
    if token.islower():
        return "small"
    return "name" if token.istitle() else "mixed"


def _number(word: str) -> str:
    return _NUMBER if word.isdigit() else _AMOUNT
