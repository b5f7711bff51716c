"""Keeps secrets out of everything that people or log files get to read."""

import json
import re
from typing import Final
from urllib.parse import quote

MASK: Final = "********"
SHORTEST: Final = 4  # a shorter value would also hide ordinary words; nobody's key is that short

_WORDS: Final = "secret|token|passw|api_?key|signature|authorization|credential|private_?key"
_KEY: Final = re.compile(_WORDS, re.IGNORECASE)
_IN_TEXT: Final = (
    # api_key=..., ?signature=...: in addresses and form bodies
    (re.compile(rf"((?:{_WORDS})\w{{0,32}}=)[^\s&\"'<>]+", re.IGNORECASE), rf"\1{MASK}"),
    # Authorization: Bearer ..., also as an entry of a printed dictionary
    (
        re.compile(r"(authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?)[^\"'\r\n]+", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    # scheme://user:password@host
    (re.compile(r"(://[^\s/:@]{0,256}:)[^\s/@]+(?=@)"), rf"\1{MASK}"),
)
_MAX_DEPTH: Final = 8

_known: set[str] = set()  # every spelling of every registered secret
_known_pattern: re.Pattern[str] | None = None


def register_secret(value: str) -> None:
    """Have this value replaced by `MASK` wherever it turns up, in each spelling it may be given.

    Values under `SHORTEST` characters are not taken.
    """
    global _known_pattern  # noqa: PLW0603 - one process has one set of secrets
    if len(value) < SHORTEST:
        return
    _known.update((value, json.dumps(value)[1:-1], repr(value)[1:-1], quote(value, safe="")))
    longest_first = sorted(_known, key=len, reverse=True)
    _known_pattern = re.compile("|".join(re.escape(spelling) for spelling in longest_first))


def is_secret_name(name: str) -> bool:
    """Say whether a field of this name holds a secret, going by the words in the name."""
    return _KEY.search(name) is not None


def redact_known(text: str) -> str:
    """Replace registered secrets only."""
    return text if _known_pattern is None else _known_pattern.sub(MASK, text)


def redact_text(text: str) -> str:
    """Replace registered secrets, and what stands where text usually has a secret."""
    text = redact_known(text)
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def redact(value: object, depth: int = 0) -> object:
    """Copy a value with its secrets replaced; what JSON has no form for becomes its `repr`."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return MASK if _known and str(value) in _known else value
    if isinstance(value, str):
        return redact_text(value)
    if depth < _MAX_DEPTH:
        if isinstance(value, dict):
            return {
                redact_text(str(key)): MASK
                if is_secret_name(str(key)) and item is not None
                else redact(item, depth + 1)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [redact(item, depth + 1) for item in value]
    return redact_text(repr(value))
