"""Makes plain text of what users feed in by file: no mark-up, no invisible characters."""

import html
import re
import unicodedata
from typing import Final

TAKEN_CHARACTERS: Final = 100_000
"""A longer text is cut here before it is cleaned; reading needs far less."""

_TAG: Final = re.compile(r"</?[A-Za-z!?][^<>]*>")
_ENTITY: Final = re.compile(r"&(?:#\d|#[xX][0-9A-Fa-f]|[A-Za-z])")
_SPACES: Final = re.compile(r"[ \t]{2,}")
_INVISIBLE: Final = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u00ad\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]"
)


def plain_text(text: str) -> str:
    """Cut, take out tags and invisible characters, resolve entities, compose (NFC).

    Linear in the characters taken.
    """
    text = text[:TAKEN_CHARACTERS]
    if "<" in text:
        text = _TAG.sub(" ", text)
    if _ENTITY.search(text):
        text = html.unescape(text)
    text = _SPACES.sub(" ", _INVISIBLE.sub("", text)).strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)
