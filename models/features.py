"""Cuts a masked lead into what the linear models weigh; training and serving share it."""

import re
import zlib
from functools import lru_cache
from itertools import pairwise
from typing import Final

from models.concepts import WORDS, concept_of

MARKS: Final = frozenset(("<a>", "<m>", "<x>", "<c>", "<f>", "<r>"))
"""What stands for a party: coin spoken of, coin mentioned, exchange, company, fund, authority."""

BREAK: Final = "\n"
"""Joins the sentences of a lead, and begins every list of tokens."""

READ_CHARACTERS: Final = 2_000
"""More of a lead is not read."""

SHORTEST: Final = 3
LONGEST: Final = 5
"""Pieces of words have from `SHORTEST` to `LONGEST` characters, the word's ends included."""

WORD_CHARACTERS: Final = 24
"""Only this much of a word is cut into pieces."""

VERSION: Final = f"1-{zlib.crc32(repr(WORDS).encode()):08x}"
"""Weights fit only features of the version that they were learnt from; raise the first number when
this module changes what it gives."""

_REMEMBERED: Final = 20_000
_MARKS_ONLY: Final = re.compile(r"[^<>]*+(?:<[amxcfr]>[^<>]*+)*+").fullmatch
_TOKEN: Final = re.compile(r"<[amxcfr]>|[^\W_]+|[?!$%\n]")
_DIGITS: Final = {ord(digit): "0" for digit in "123456789"}
_PLAIN: Final = "".join(
    "0" if sign.isdigit() else sign if sign.isalnum() or sign in "<>?!$%\n" else " "
    for sign in map(chr, range(128))
).encode() + bytes(128)


def tokens_of(lead: str) -> list[str]:
    """Split a lead into marks, words and the few signs that tell something.

    Digits become `0`, so that amounts count by their length alone. Linear in the lead's length.

    Args:
        lead: a text's first sentences in lower case, parties replaced by `MARKS`, joined by
            `BREAK`.
    """
    read = lead[:READ_CHARACTERS]
    if read.isascii() and _MARKS_ONLY(read):
        return _plain_tokens_of(read)
    return [BREAK, *_TOKEN.findall(read.translate(_DIGITS))]


def _plain_tokens_of(lead: str) -> list[str]:
    """Do the same for a lead in ASCII whose angle brackets are all marks', in half the time."""
    lead = lead.encode().translate(_PLAIN).decode().replace("<", " <").replace(">", "> ")
    if "?" in lead:
        lead = lead.replace("?", " ? ")
    if "!" in lead:
        lead = lead.replace("!", " ! ")
    if "$" in lead:
        lead = lead.replace("$", " $ ")
    if "%" in lead:
        lead = lead.replace("%", " % ")
    tokens = []
    for line in lead.split(BREAK):
        tokens.append(BREAK)
        tokens += line.split()
    return tokens


def pieces_of(token: str) -> list[str]:
    """Give what one token adds to the features wherever it stands: itself, concept and pieces.

    Pieces begin with `#` and concepts with `@`, which no token has in it; a mark or sign has
    neither.
    """
    if not token.isalnum():
        return [token]
    padded = f"_{token[:WORD_CHARACTERS]}_"
    size = len(padded)
    found = [token] if (concept := telling(token)) is None else [token, concept]
    found.extend(
        f"#{padded[at : at + length]}"
        for length in range(SHORTEST, LONGEST + 1)
        for at in range(size - length + 1)
    )
    return found


def pairs_of(tokens: list[str]) -> list[tuple[str, str]]:
    """Give tokens in a row, then concepts and marks in a row, whatever stands between these."""
    return [*pairwise(tokens), *pairwise(filter(None, map(telling, tokens)))]


def grams(lead: str) -> list[str]:
    """Give every feature of a lead as often as it stands there: the vectorizers' analyzer.

    A pair is the feature `first second`.
    """
    tokens = tokens_of(lead)
    found = [piece for token in tokens for piece in pieces_of(token)]
    found.extend(f"{first} {second}" for first, second in pairs_of(tokens))
    return found


@lru_cache(_REMEMBERED)
def telling(token: str) -> str | None:
    """Give `@` and the token's concept, or `@` and the mark itself."""
    if token in MARKS:
        return f"@{token}"
    concept = concept_of(token) if token.isalnum() else None
    return None if concept is None else f"@{concept}"
