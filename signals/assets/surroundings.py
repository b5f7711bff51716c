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
    "gap_before", "gap_after", "use", "jargon", "coins", "standing", "elsewhere", "neighbour", "place", "bracket",
)  # fmt: skip
"""What is looked at; each has one value, or none, for a candidate. Left out is what held-out texts
were read no worse without: concepts of the words around, parties beside it, its rank among coins."""

HARD, SOFT = "hard", "soft"
"""A candidate that looks like a coin by itself, and one that only its surroundings can make one:
each has weights of its own."""

Description = tuple[str, tuple[Value, ...]]

_START, _END = "^", "|"
_NUMBER, _AMOUNT = "0", "0k"
_AFTER_DIGITS: Final = ":"
_MOST: Final = 3
_YEAR: Final = 4
_HYPHENS: Final = HYPHENS | {""}
_ARTICLES: Final = frozenset(("the", "a", "native"))
_NOWHERE: Final = (None,) * 8


def describe(universe: Universe, text: Text, found: Found) -> list[Description]:
    """Describe each candidate: its hardness, and a value for each of `SLOTS`."""
    candidates = found.candidates
    style = text.style
    hardness = [_hardness(universe, style, text, each) for each in candidates]
    coins = {each.code for each, hard in zip(candidates, hardness, strict=True) if hard is HARD}
    jargon = min(_MOST, len(JARGON.intersection(text.words)))
    around = _Neighbours(universe, candidates) if len(candidates) > 1 else None
    return [
        (hard, _values(universe, text, each, (style, jargon, min(len(coins), _MOST)), around))
        for each, hard in zip(candidates, hardness, strict=True)
    ]


class _Neighbours:
    """Which candidates begin and end where, and as what each coin stands in the text."""

    __slots__ = ("begins", "ends", "kinds", "money")

    def __init__(self, universe: Universe, candidates: list[Candidate]) -> None:
        self.begins = {each.first: each for each in candidates}
        self.ends = {each.last: each for each in candidates}
        self.kinds: dict[str, set[str]] = {}
        for each in candidates:
            self.kinds.setdefault(each.code, set()).add(each.kind)
        assets = universe.assets
        self.money = {
            code: code in BASES or (code in assets and assets[code].stable)
            for code in self.kinds
        }

    def standing(self, each: Candidate) -> Value:
        """Tell whether a coin is what others are paid in or run on, and whether the others are."""
        if len(self.kinds) == 1:
            return None
        own = self.money[each.code]
        others = [money for code, money in self.money.items() if code != each.code]
        return own, True in others, False in others

    def elsewhere(self, each: Candidate) -> Value:
        """Give as what else the same coin stands in the text."""
        kinds = self.kinds[each.code]
        return tuple(sorted(kinds - {each.kind})) if len(kinds) > 1 else None

    def before(self, each: Candidate, word: str) -> Candidate | None:
        """Give the candidate that stands before, perhaps behind `and`."""
        found = self.ends.get(each.first - 1)
        if found is None and word in ("and", "or"):
            found = self.ends.get(each.first - 2)
        return found


def _values(
    universe: Universe,
    text: Text,
    each: Candidate,
    whole: tuple[str, int, int],
    around: _Neighbours | None,
) -> tuple[Value, ...]:
    first, last, code, kind, mark, _, claims = each
    style, jargon, coins = whole
    elsewhere = around.elsewhere(each) if around else None
    if first < 0:
        return (kind, code, *_NOWHERE, jargon, coins, None, elsewhere, None, None, None)
    words, gaps = text.words, text.gaps
    end = len(words) - 1
    before = words[first - 1] if first else _START
    after = words[last + 1] if last < end else _END
    second_before = words[first - 2] if first > 1 else _START
    second_after = words[last + 2] if last + 1 < end else _END
    token = text.tokens[first]
    gap_before = gaps[first].strip()[:2]
    if "\n" in gaps[first]:
        before, gap_before = _START, "\n"
    gap_after = gaps[last + 1].strip()[:2]
    neighbour: Value = None
    bracket: Value = None
    if around is not None:
        previous, following = around.before(each, before), around.begins.get(last + 1)
        if previous is not None:
            neighbour = (gap_before, previous.kind, token.upper() in PAIR_QUOTES)
        elif following is not None:
            neighbour = (gap_after, following.kind)
            if following.mark == "(" and following.first == following.last:
                bracket = "another's"
    if mark == "(":
        bracket = _bracket(universe, text, each, before)
    asset = universe.assets.get(code)
    sort = (
        "money"
        if asset is not None and asset.stable
        else "everyday"
        if token.upper() in universe.everyday
        else ""
    )
    return (
        (kind, mark, sort, _shape(token), min(len(token), 6) if first == last else 0),
        code,
        (style, kind),
        before if before > _AFTER_DIGITS else _number(before),
        after if after > _AFTER_DIGITS else _number(after),
        second_before if second_before > _AFTER_DIGITS else _number(second_before),
        second_after if second_after > _AFTER_DIGITS else _number(second_after),
        gap_before,
        gap_after if last < end else _END + gap_after,
        _use(words, first, gap_after, after),
        jargon,
        coins,
        around.standing(each) if around else None,
        elsewhere,
        neighbour,
        min(first // 3, 4),
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
    if each.kind in ("name", "product", "foreign") or each.mark in ("$", "/") or (each.mark == "(" and each.kind == "weak"):
        return HARD
    if each.kind != "own":
        return SOFT
    token = text.tokens[each.first]
    if not token.isupper():
        return SOFT
    if universe.assets[each.code].major:
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
