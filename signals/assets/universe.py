"""The coins, exchanges, companies and authorities we know, as one index of words."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from core.contracts.errors import ConfigurationError

WORD: Final = re.compile(r"[^\W_]+")
"""A word of any script: letters and digits, nothing else."""

WORDS_AND_GAPS: Final = re.compile(rf"({WORD.pattern})")
"""Splits a text into gap, word, gap, word, ..., gap."""

ASSET_KINDS: Final = ("name", "weak", "product")
ACTOR_KINDS: Final = ("exchange", "company", "fund", "authority")
_ASSET_KEYS: Final = frozenset(
    ("names", "weak", "codes", "products", "everyday", "major", "stable")
)
_SHORTEST_TELLING_CODE: Final = 3  # one or two letters are always an everyday abbreviation, too


@dataclass(frozen=True, slots=True)
class Asset:
    """One coin.

    Attributes:
        code: canonical.
        major: the bare code counts even in a headline all in capitals.
        stable: worth a fixed amount of money.
        name_ends: last words of its names, lower case: what may stand before its code in brackets.
    """

    code: str
    major: bool
    stable: bool
    name_ends: frozenset[str]


@dataclass(frozen=True, slots=True)
class Phrase:
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


@dataclass(frozen=True, slots=True)
class Universe:
    """All that a resolver looks up.

    Attributes:
        assets: by canonical code.
        codes: any spelling of a code, upper case, to the canonical codes that claim it.
        phrases: first word, lower case, to its phrases, longest first.
        everyday: codes that are everyday words or abbreviations: bare, no evidence of the coin.
        not_codes: upper-case abbreviations that are no coin.
        first_words: every lower-case word that may begin anything; a text without one is done.
    """

    assets: Mapping[str, Asset]
    codes: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, tuple[Phrase, ...]]
    everyday: frozenset[str]
    not_codes: frozenset[str]
    first_words: frozenset[str]


def words_of(text: str) -> tuple[str, ...]:
    """Split a name into its words, as written."""
    return tuple(WORD.findall(text))


def build_universe(assets: Mapping[str, Any], actors: Mapping[str, Any]) -> Universe:
    """Index the two tables.

    Raises:
        ConfigurationError: a row has an unknown key or a name without a word.
    """
    rows: dict[str, dict[str, Any]] = assets["assets"]
    known: dict[str, Asset] = {}
    codes: dict[str, list[str]] = {}
    meanings: dict[tuple[tuple[str, ...], str], list[str]] = {}
    cased: dict[tuple[tuple[str, ...], str], tuple[str, ...]] = {}

    def claim(text: str, kind: str, meaning: str) -> tuple[tuple[str, ...], str]:
        words = tuple(word.lower() for word in words_of(text))
        if not words:
            raise ConfigurationError(f"{meaning}: the {kind} {text!r} has no word in it")
        claimed = meanings.setdefault((words, kind), [])
        if meaning not in claimed:
            claimed.append(meaning)
        return words, kind

    for code, row in rows.items():
        if unknown := row.keys() - _ASSET_KEYS:
            raise ConfigurationError(f"asset {code}: unknown key {min(unknown)!r}")
        for spelling in (code, *row.get("codes", ())):
            codes.setdefault(spelling.upper(), []).append(code)
        for name in row.get("names", ()):
            claim(name, "name", code)
        for name in row.get("weak", ()):
            claim(name, "weak", code)
        for name in row.get("products", ()):
            claim(name, "product", code)
        known[code] = Asset(
            code=code,
            major=row.get("major", False),
            stable=row.get("stable", False),
            name_ends=_name_ends((*row.get("names", ()), *row.get("weak", ()))),
        )
    for phrase in assets["not_assets"]["phrases"]:
        claim(phrase, "blocked", phrase)
    for kind in ACTOR_KINDS:
        for name in actors[kind]["names"]:
            claim(name, kind, name)
        for name in actors[kind].get("cased", ()):
            cased[claim(name, kind, name)] = words_of(name)
    phrases = _by_first_word(
        Phrase(words, cased.get((words, kind)), kind, tuple(claimed))
        for (words, kind), claimed in meanings.items()
    )
    return Universe(
        assets=known,
        codes={spelling: tuple(claimed) for spelling, claimed in codes.items()},
        phrases=phrases,
        everyday=frozenset(assets["everyday"]["codes"]).union(
            (code for code, row in rows.items() if row.get("everyday")),
            (code for code in codes if len(code) < _SHORTEST_TELLING_CODE),
        ),
        not_codes=frozenset(assets["not_assets"]["codes"]),
        first_words=frozenset(phrases) | {spelling.lower() for spelling in codes},
    )


def _name_ends(names: Iterable[str]) -> frozenset[str]:
    return frozenset(words_of(name)[-1].lower() for name in names)


def _by_first_word(phrases: Iterable[Phrase]) -> dict[str, tuple[Phrase, ...]]:
    index: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        index.setdefault(phrase.words[0], []).append(phrase)
    # At equal length a coin's own name goes before a firm of that name.
    order = {kind: rank for rank, kind in enumerate(("blocked", *ASSET_KINDS, *ACTOR_KINDS))}
    return {
        first: tuple(sorted(found, key=lambda p: (-len(p.words), order[p.kind])))
        for first, found in index.items()
    }


@cache
def bundled_universe() -> Universe:
    """Read the tables that come with the project; once a process.

    Raises:
        ConfigurationError: a table is malformed.
    """
    here = Path(__file__).parent
    return build_universe(
        tomllib.loads((here / "assets.toml").read_text(encoding="utf-8")),
        tomllib.loads((here / "actors.toml").read_text(encoding="utf-8")),
    )


def names_of(universe: Universe) -> dict[str, str]:
    """Give a name for each asset that has one of its own, by code, written with capitals."""
    return {
        phrase.meanings[0]: " ".join(word.capitalize() for word in phrase.words)
        for phrases in universe.phrases.values()
        for phrase in phrases
        if phrase.kind == "name" and len(phrase.meanings) == 1
    }
