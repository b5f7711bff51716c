"""Judges whether a word that may be a coin's name or code is one, by what stands around it."""

import re
from typing import Final

from signals.assets.context import (
    APOSTROPHES,
    CODE_NOUNS,
    CODE_PRICE_WORDS,
    NAME_GAPS,
    NAME_NOUNS,
    NAME_PRICE_WORDS,
    PAIR_GAPS,
    PAIR_QUOTES,
)
from signals.assets.known import Phrase, Universe
from signals.assets.text import Text

TICKER: Final = re.compile(r"[A-Z][A-Z0-9]{1,9}")
"""What a code of no table looks like: `$40M` is money."""

_GLUED_QUOTES: Final = ("USDT", "USDC")
_GLUE_BEFORE: Final = APOSTROPHES | {"@", "."}
_GLUE_AFTER: Final = APOSTROPHES | {".", "&"}


def stands(text: Text, at: int, phrase: Phrase) -> bool:
    """Whether a phrase's words stand at word `at`, as a name is written."""
    words = phrase.words
    size = len(words)
    if size > 1:
        if tuple(text.words[at : at + size]) != words:
            return False
        for place in range(at, at + size - 1):
            gap = text.gap(place)
            if gap not in NAME_GAPS and not (gap == ". " and len(text.words[place]) == 1):
                return False
    return not phrase.cased or tuple(text.tokens[at : at + size]) == phrase.cased


def weak_holds(universe: Universe, text: Text, at: int, size: int) -> bool:
    """Whether an everyday name means the coin: a telling noun or its code follows."""
    last = at + size - 1
    if not text.tokens[at][0].isupper() or last + 1 >= len(text.words):
        return False
    gap = text.gap(last)
    if gap == " ":
        following = text.words[last + 1]
        return following in NAME_NOUNS or (
            following in NAME_PRICE_WORDS
            and not text.is_shouted(at)
            and _is_name_enough(universe, text.words[last].upper())
        )
    if gap in (" (", " [", " ($"):
        claimed = universe.codes.get(text.tokens[last + 1], ())
        word = text.words[last]
        return any(word in universe.assets[code].name_ends for code in claimed)
    return False


def _is_name_enough(universe: Universe, spelling: str) -> bool:
    """Whether a name is no everyday code itself, as `Gas` is."""
    return spelling not in universe.everyday or spelling in universe.soft


def bracket_fits(universe: Universe, text: Text, at: int, spelling: str) -> bool:
    """Whether a code in brackets is its coin's.

    One that is an everyday word, or that only the long tail knows, needs its name before it.
    """
    assets = [universe.assets[code] for code in universe.codes[spelling]]
    if spelling not in universe.everyday and assets[0].own:
        return True
    previous = text.words[at - 1] if at else ""
    if any(previous in asset.name_ends for asset in assets) or previous == spelling.lower():
        return True
    return assets[0].own and (previous in NAME_NOUNS or not previous.isascii())


def is_pair(text: Text, at: int) -> bool:
    """Whether word `at` is a pair's base: a sign and what pairs are quoted in follow."""
    return (
        at + 1 < len(text.words)
        and text.gap(at) in PAIR_GAPS
        and text.tokens[at + 1].upper() in PAIR_QUOTES
    )


def is_glued(text: Text, at: int) -> bool:
    """Whether a code is part of something longer: `R&D`, `A.I`, `@SOL`, `BTC-e`."""
    if text.before(at) in _GLUE_BEFORE:
        return True
    if text.after(at) not in _GLUE_AFTER:
        return False
    end = text.stops[at]
    following = text.content[end + 1 : end + 3]
    return following[:1].isalnum() and not (following[0] in "sS" and not following[1:].isalnum())


def code_noun_follows(text: Text, at: int) -> bool:
    """Whether `token` or `coin` follows a code, in a line where capitals tell something."""
    return text.after(at) == " " and text.next_word(at) in CODE_NOUNS and not text.is_shouted(at)


def price_word_follows(text: Text, at: int) -> bool:
    """Whether a code is followed by what only prices and coins do."""
    return text.after(at) == " " and text.next_word(at) in CODE_PRICE_WORDS


def base_of_glued(universe: Universe, token: str) -> str | None:
    """Give the base of a pair written as one word: `PYTHUSDT`."""
    for quote in _GLUED_QUOTES:
        base = token.removesuffix(quote)
        if base != token and base in universe.codes:
            return base
    return None


def is_marked_ticker(universe: Universe, text: Text, at: int) -> bool:
    """Whether a word that is in no table is marked as a ticker, by `$` or brackets."""
    token = text.tokens[at]
    if not TICKER.fullmatch(token) or token in universe.not_codes or token in universe.shares:
        return False
    if text.before(at) == "$":
        return True
    named = at and (text.tokens[at - 1][0].isupper() or not text.tokens[at - 1].isascii())
    return bool(named) and text.after(at) in (")", "]")
