"""Finds words whose letters pretend to be others: a ticker written in Cyrillic."""

import re
import unicodedata
from functools import cache
from typing import Final, NamedTuple

MOST_FOUND: Final = 8

_LONGEST_WORD: Final = 40  # no ticker or name of a coin is longer
_TWO: Final = 2
# Scripts with capitals or shapes like Latin ones. Others (Arabic, Hebrew, Indic, Thai, CJK) hold
# some confusable letters too, but join Latin words in normal text. So does the rest of Latin
# itself: the dotless i is Turkish.
_SCRIPTS: Final = frozenset(
    ["ARMENIAN", "CANADIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "DESERET", "GREEK", "LISU"]
)
# Letters and digits made for typography, with an ASCII one as their compatibility form (NFKC).
# U+2139 and U+24C2 are emoji, and stand beside words without a space.
_STYLED: Final = (
    (0x2102, 0x2139), (0x213A, 0x2150), (0x2160, 0x2180), (0x24B6, 0x24C2), (0x24C3, 0x24EA),
    (0xFF10, 0xFF5B), (0x1D400, 0x1D800), (0x1F130, 0x1F14A),
)  # fmt: skip
_ASTRAL_FROM: Final = 0x10000
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
_CASHTAG: Final = "$\uff04\ufe69"
_WORD: Final = re.compile(r"(?<!\w)[A-Za-z0-9_]++(?!\w)")
_LATIN: Final = re.compile("[A-Za-z\u00c0-\u024f]+")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_INFLECTED: Final = re.compile("([A-Z0-9]{2,})[^\x00-\x7f]{1,3}")


class _Suspect(NamedTuple):
    """A word that reads as ASCII and is not: a cashtag's sign, the word, and how it reads."""

    sign: str
    written: str
    read: str


def find(text: str) -> tuple[str, ...]:
    """Find the words in an NFC text that look like Latin ones and are not.

    Such a word mixes scripts and reads as ASCII to the eye, or is a cashtag, or a word of two
    or more capitals in a text mainly in Latin letters, all of other scripts (confusables of
    Unicode UTS 39, and full-width and mathematical letters). A text in another language gives
    none, nor does a Latin ticker with its ending.

    Time grows with the text's length; ASCII costs nothing. The first other text loads the table
    unless `prepare` did.

    Returns:
        The words as written, each once, in the text's order, at most 8.
    """
    if text.isascii():
        return ()
    table, pretenders = _table()
    if pretenders.search(text) is None and table.keys().isdisjoint(map(ord, _ASTRAL.findall(text))):
        return ()
    read_as = text.translate(table)
    suspects: list[_Suspect] = []
    for match in _WORD.finditer(read_as):
        start, end = match.span()
        written = text[start:end]
        if written.isascii() or end - start > _LONGEST_WORD:
            continue
        sign = text[start - 1 : start] if start else ""
        suspects.append(_Suspect(sign if sign in _CASHTAG else "", written, match[0]))
    if not suspects:
        return ()
    latin = _is_mainly_latin(text, suspects)
    found: dict[str, None] = {}
    for suspect in suspects:
        if _pretends(suspect, latin=latin):
            found[suspect.sign + suspect.written] = None
            if len(found) == MOST_FOUND:
                break
    return tuple(found)


def prepare() -> None:
    """Load the table of confusable letters, about 0.1 s, ahead of the first text."""
    _table()


def _pretends(suspect: _Suspect, *, latin: bool) -> bool:
    """Judge a word that reads as ASCII and is not."""
    written, read = suspect.written, suspect.read
    scripts = {_script(character) for character in written if character.isalpha()}
    if scripts <= {"LATIN"}:
        return False  # only its digits are odd
    if suspect.sign and read[0].isalpha():  # not an amount of money
        return True
    if len(scripts) > 1:
        inflected = None if latin else _INFLECTED.fullmatch(written)
        return inflected is None or not read[inflected.end(1) :].islower()
    letters = sum(character.isalpha() for character in read)
    return latin and letters >= _TWO and read.isupper()


def _is_mainly_latin(text: str, suspects: list[_Suspect]) -> bool:
    """Say whether most letters are Latin, the suspects' own left aside."""
    latin = _count(_LATIN, text)
    others = _count(_LETTERS, text) - latin
    for suspect in suspects:
        ours = _count(_LATIN, suspect.written)
        latin -= ours
        others -= _count(_LETTERS, suspect.written) - ours
    return latin > others


def _count(pattern: re.Pattern[str], text: str) -> int:
    return sum(map(len, pattern.findall(text)))


def _script(character: str) -> str:
    return "LATIN" if character.isascii() else unicodedata.name(character, "").partition(" ")[0]


@cache
def _table() -> tuple[dict[int, str], re.Pattern[str]]:
    """Compile which letter reads as which ASCII letter, and a pattern of these.

    The pattern is for the basic plane alone: with others in it, it would be ten times slower.
    """
    # Imported here because it reads a megabyte of JSON.
    from confusable_homoglyphs.confusables import (  # noqa: PLC0415
        confusables_data,
    )

    table: dict[int, str] = {}
    for character, others in confusables_data.items():
        if len(character) == 1 and not character.isascii() and _script(character) in _SCRIPTS:
            for other in others:
                if len(other["c"]) == 1 and other["c"].isascii() and other["c"].isalpha():
                    table[ord(character)] = other["c"]
    for first, last in _STYLED:
        for code in range(first, last):
            plain = unicodedata.normalize("NFKC", chr(code))
            if len(plain) == 1 and plain.isascii() and plain.isalnum():
                table[code] = plain
    basic = "".join(chr(code) for code in sorted(table) if code < _ASTRAL_FROM)
    return table, re.compile(f"[{basic}]")
