"""What is known of coins and other parties: the records that the universe is made of."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

_UNSPACED: Final = "\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff66-\uff9f"

WORD: Final = re.compile(rf"[^\W_{_UNSPACED}]+|[{_UNSPACED}]+")
"""A word of any script: letters and digits, nothing else. Scripts that don't part words by spaces
end a word of another script: a code stands directly beside them."""

WORDS_AND_GAPS: Final = re.compile(rf"({WORD.pattern})")
"""Splits a text into gap, word, gap, word, ..., gap."""

ASCII_WORDS_AND_GAPS: Final = re.compile("([0-9A-Za-z]+)")
"""The same for a text of ASCII, in half the time."""

_new: Final = tuple.__new__  # a record in a third of the time

ASSET_KINDS: Final = ("name", "weak", "product")
ACTOR_KINDS: Final = ("exchange", "company", "fund", "authority")


class Asset(NamedTuple):
    """One coin.

    Attributes:
        code: canonical.
        name: a name for people; empty where none is known.
        name_ends: last words of its names, lower case: what may stand before its code in brackets.
        major: so well known that nobody means anything else by its code.
        stable: worth a fixed amount of money.
        own: in our own table, by hand; else in the long tail, whose bare codes prove nothing.
        listed: in our own table, or traded by a venue: its cashtag is this coin's.
    """

    code: str
    name: str
    name_ends: tuple[str, ...]
    major: bool = False
    stable: bool = False
    own: bool = True
    listed: bool = True


class Phrase(NamedTuple):
    """Words that mean something.

    Attributes:
        words: lower case, in order.
        cased: the words as written, where only that spelling counts; else None.
        kind: one of `ASSET_KINDS` or `ACTOR_KINDS`, or `blocked`.
        meanings: canonical codes (several: ambiguous), or one actor's name.
    """

    words: tuple[str, ...]
    cased: tuple[str, ...] | None
    kind: str
    meanings: tuple[str, ...]


class Phrases(NamedTuple):
    """What begins with one word.

    Attributes:
        single: phrases of that word alone.
        longer: a second word to the phrases of these two and more words, longest first.
    """

    single: tuple[Phrase, ...]
    longer: Mapping[str, tuple[Phrase, ...]]


class Code(NamedTuple):
    """What a word, spelt as it is, means as a code.

    Attributes:
        claims: canonical codes of the coins that claim it.
        kind: `own` or `tail`: whose table it is in.
        barred: only `$` or brackets make it a code.
        paired: so does a quote currency behind it, and nothing else does.
    """

    claims: tuple[str, ...]
    kind: str
    barred: bool
    paired: bool


class Begun(NamedTuple):
    """What may begin with a word as it is written: all that a walk over a text asks of it.

    Attributes:
        alone: the phrase that the word is by itself, unless its code goes before that.
        longer: a second word to the phrases of these two and more words, longest first.
        code: what it means as a code.
    """

    alone: Phrase | None
    longer: Mapping[str, tuple[Phrase, ...]] | None
    code: Code | None


class Universe(NamedTuple):
    """All that a resolver looks up. Nothing in it is walked through: each look-up is by a hash.

    Attributes:
        assets: by canonical code.
        codes: any spelling of a code, upper case, to the canonical codes that claim it.
        phrases: a first word, lower case, to the phrases it begins.
        everyday: codes that are everyday words or abbreviations: bare, no evidence of the coin.
        not_codes: upper-case abbreviations that are no coin.
        shares: codes of shares and funds: behind a dollar sign they are no unknown coin.
        major: codes so well known that nobody means anything else by them.
        stable: codes of coins worth a fixed amount of money.
        foreign: finds names in scripts that don't part words by spaces; None where there are none.
        foreign_codes: such a name to its coin's code.
        triggers: words as written that may begin a phrase or are a code, to what they may begin. A
            text with none of them, and no mark, names nothing.
    """

    assets: Mapping[str, Asset]
    codes: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, Phrases]
    everyday: frozenset[str]
    not_codes: frozenset[str]
    shares: frozenset[str]
    major: frozenset[str]
    stable: frozenset[str]
    foreign: re.Pattern[str] | None
    foreign_codes: Mapping[str, str]
    triggers: Mapping[str, Begun]


def words_of(text: str) -> tuple[str, ...]:
    """Split a name into its words, as written."""
    return tuple(WORD.findall(text))


def begin(universe: Universe, token: str) -> Begun:
    """Look up all that may begin with a word as it is written."""
    alone = longer = code = None
    spelling = token.upper()
    if begun := universe.phrases.get(token.lower()):
        longer = begun.longer or None
        single = begun.single
        if single and not (token in universe.codes and single[0].kind == "weak"):
            alone = next((one for one in single if one.cased in (None, (token,))), None)
    if claims := universe.codes.get(spelling):
        own = universe.assets[claims[0]].own
        unsure = token != spelling and (not own or spelling in universe.everyday)
        kind = "own" if own else "tail"
        code = _new(Code, (claims, kind, spelling in universe.not_codes, unsure))
    return _new(Begun, (alone, longer, code))
