"""Reads the text of patterns: their parts, and the words without which they can match nothing."""

import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

STEM_CHARACTERS: Final = 3
"""Words are told apart by so many of their first letters."""

_ATOM: Final = re.compile(
    r"\\(?:u[\da-fA-F]{4}|U[\da-fA-F]{8}|x[\da-fA-F]{2}|N\{[^}]*\}|\d+|.)"
    r"|\[\^?\]?(?:\\.|[^\]\\])*\]|.",
    re.DOTALL,
)
_COMMON: Final = frozenset(
    ("a", "and", "are", "at", "by", "for", "fro", "has", "in", "is", "it", "its", "m", "new", "of",
     "on", "say", "the", "to", "up", "was", "wil", "wit", "x")
)  # fmt: skip
_NEEDS_ASKED: Final = 3
_REMEMBERED: Final = 2_000
_REPEATED: Final = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")
_MAYBE_NONE: Final = re.compile(r"[*?]|\{0?[,}]")
_GROUP: Final = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))")
_LOOK: Final = re.compile(r"\(\?<?[=!]")
_FLAGS: Final = re.compile(r"\(\?[aiLmsux-]+[:)]")
# A sign, or a class of signs without a range: what stands before it ends there.
_SIGN: Final = re.compile(r"\\[Wsnt]|\\[^\w]|\[-?(?:\\[^\w]|[^\w\\\]^-])+-?\]|[^\w\\.$^\[]")

Need = frozenset[str]


class Screen:
    """Tells which of many patterns may match a sentence, by the words that they need.

    Sets of patterns are whole numbers, pattern `n` being the bit `1 << n`: a few of these are
    joined and cut much faster than sets.
    """

    __slots__ = ("_by_stem", "_free")

    def __init__(self, patterns: Iterable[tuple[Need, ...]]) -> None:
        """Take what each pattern needs, as `needs_of` gives it."""
        self._by_stem: dict[str, list[int]] = {}
        self._free = [0] * _NEEDS_ASKED
        for number, needs in enumerate(patterns):
            for at in range(_NEEDS_ASKED):
                if at >= len(needs):
                    self._free[at] |= 1 << number
                    continue
                for stem in needs[at]:
                    self._by_stem.setdefault(stem, [0] * _NEEDS_ASKED)[at] |= 1 << number

    def passing(self, stems: AbstractSet[str]) -> int:
        """Give the patterns that may match a sentence whose words begin with these stems."""
        first, second, third = self._free
        for stem in self._by_stem.keys() & stems:
            one, two, three = self._by_stem[stem]
            first |= one
            second |= two
            third |= three
        return first & second & third


def members(numbers: int) -> Iterator[int]:
    """Give the numbers in a set of patterns, in order."""
    while numbers:
        lowest = numbers & -numbers
        yield lowest.bit_length() - 1
        numbers ^= lowest


class _Part(NamedTuple):
    needs: tuple[Need, ...]
    fresh: bool  # no word goes on behind it


def needs_of(pattern: str) -> tuple[Need, ...]:
    """Give sets of stems; a sentence that the pattern matches has a word with one of each.

    Those that fewer sentences have stand first. Nothing is given for what is not understood, so
    that it may be found anywhere.
    """
    if _FLAGS.search(pattern):
        return ()
    found = _one_of([_needs(choice).needs for choice in split(pattern)])
    return tuple(sorted(set(found), key=_telling, reverse=True))


def _telling(need: Need) -> tuple[bool, int, int, list[str]]:
    """Order needs by how much it tells of a sentence that it has it."""
    return need.isdisjoint(_COMMON), min(map(len, need)), -len(need), sorted(need)


def _one_of(choices: list[tuple[Need, ...]]) -> tuple[Need, ...]:
    if len(choices) == 1:
        return choices[0]
    if all(choices):
        return (frozenset().union(*(max(needs, key=_telling) for needs in choices)),)
    return ()


@lru_cache(_REMEMBERED)  # short forms stand in most patterns
def _needs(pattern: str, *, fresh: bool = False, closed: bool = False) -> _Part:
    """Walk along one choice of a pattern.

    Args:
        pattern: without bars outside its groups.
        fresh: a letter at its beginning begins a word.
        closed: no word goes on behind its end.
    """
    needs: list[Need] = []
    word = ""  # the letters so far of a word that surely begins with them

    def end(*, sure: bool) -> None:
        nonlocal word
        if len(word) >= STEM_CHARACTERS or (word and sure):
            needs.append(frozenset((word[:STEM_CHARACTERS],)))
        word = ""

    atoms = [*_atoms(pattern), (r"\b" if closed else "", "")]
    for (atom, repeated), (behind, is_repeated) in pairwise(atoms):
        maybe_none = _MAYBE_NONE.match(repeated) is not None
        if atom == r"\b" or (atom == "^" and not word):
            end(sure=True)
            fresh = True
        elif atom == "$" or _LOOK.match(atom):
            end(sure=atom == "$")
        elif group := _GROUP.match(atom):
            end(sure=False)
            ends = not repeated and not is_repeated and _ends_word(behind)
            choices = split(atom[group.end() : -1])
            parts = [_needs(choice, fresh=fresh, closed=ends) for choice in choices]
            if not maybe_none:
                needs += _one_of([part.needs for part in parts])
            fresh = all(part.fresh for part in parts) and (fresh or not maybe_none)
        elif _SIGN.fullmatch(atom):
            end(sure=not maybe_none)
            fresh = fresh or not maybe_none
        elif atom.isalnum() and not maybe_none and (word or fresh):
            word += atom.lower()
            fresh = False
            if repeated:
                end(sure=False)
        else:
            end(sure=False)
            fresh = False
    end(sure=closed)
    return _Part(tuple(needs), fresh)


def _ends_word(atom: str) -> bool:
    return atom in (r"\b", "$") or _SIGN.fullmatch(atom) is not None


def split(pattern: str) -> list[str]:
    """Split at the bars that stand outside all groups and classes."""
    choices = [""]
    for atom, repeated in _atoms(pattern):
        if atom == "|":
            choices.append("")
        else:
            choices[-1] += atom + repeated
    return choices


def closing(pattern: str) -> int:
    """Find the bracket that closes the group that the pattern begins with."""
    return _group_end(pattern, 0) - 1


def outside_groups(pattern: str) -> str:
    """Leave out of a pattern its groups, classes, escapes and repetitions."""
    return "".join(atom for atom, _ in _atoms(pattern) if len(atom) == 1)


def _atoms(pattern: str) -> Iterator[tuple[str, str]]:
    """Give each group, class, escape and sign, and how it is repeated."""
    at = 0
    while at < len(pattern):
        end = _group_end(pattern, at) if pattern[at] == "(" else _atom_end(pattern, at)
        repeated = _REPEATED.match(pattern, end)
        yield pattern[at:end], repeated.group() if repeated else ""
        at = repeated.end() if repeated else end


def _group_end(pattern: str, at: int) -> int:
    depth = 0
    while True:
        depth += (pattern[at] == "(") - (pattern[at] == ")")
        at = _atom_end(pattern, at)
        if not depth:
            return at


def _atom_end(pattern: str, at: int) -> int:
    found = _ATOM.match(pattern, at)
    return found.end() if found else len(pattern)
