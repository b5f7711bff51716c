"""Turns hostile text to plain text: HTML, invisible characters and size, in bounded time."""

import re
import unicodedata
from typing import Final

from selectolax.lexbor import LexborHTMLParser

from crawlers.item import TextFormat

MARKUP_FACTOR: Final = 10  # HTML may be this many times longer than the text it is allowed to hold

# Cc without white space, Cf, Cs, non-characters, and letters that print nothing.
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890"
    "\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff]"
)
# The same beyond the basic plane, apart: a class of both would be searched several times slower.
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
_INVISIBLE_ASTRAL: Final = re.compile(
    "[\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U0001fffe\U0001ffff\U0002fffe\U0002ffff\U0003fffe-\U000effff\U000ffffe\U000fffff"
    "\U0010fffe\U0010ffff]"
)
_LONG_RUN: Final = re.compile("[^\x00-\u02ff]{31,}")
_MAX_MARKS: Final = 30  # combining marks in a row: Unicode's Stream-Safe Text Format, UAX #15
_BLOCK: Final = re.compile(
    r"<(?=/?(?:address|article|aside|blockquote|br|caption|dd|details|div|dl|dt|fieldset|figcaption"
    r"|figure|footer|form|h[1-6]|header|hr|li|main|nav|ol|p|pre|section|summary|table|tbody|td"
    r"|tfoot|th|thead|title|tr|ul)\b)",
    re.IGNORECASE,
)
_NOT_TEXT: Final = ["script", "style", "template", "noscript", "iframe", "object", "svg", "math"]
# Nesting costs the HTML parser time with the square of its depth: past this many tags the
# document is read in pieces, where a script or comment lying across a cut may leave its rest.
_MAX_TAGS: Final = 4_000
_TAGS_A_PIECE: Final = 1_000


def clean(raw: str, form: TextFormat, limit: int) -> tuple[str, int, bool]:
    """Make plain Unicode of what a source wrote.

    HTML is reduced to its text, entities are resolved (in HTML only), characters that print
    nothing or change direction are removed, white space is collapsed to single spaces, and the
    rest is in NFC and at most `limit` characters long. Time and memory grow with `limit`, not
    with `raw`.

    Returns:
        The text, how many characters were removed, and whether text was cut.
    """
    if (
        len(raw) <= limit
        and raw.isascii()
        and raw.isprintable()
        and (form is TextFormat.PLAIN or ("<" not in raw and "&" not in raw))
    ):
        return (" ".join(raw.split()) if "  " in raw or raw[:1] == " " else raw.rstrip()), 0, False
    bound = limit * MARKUP_FACTOR
    truncated = len(raw) > bound
    text = raw[:bound] if truncated else raw
    if form is TextFormat.HTML and ("<" in text or "&" in text):
        text = _from_html(text)
    text, removed = _INVISIBLE.subn("", text)
    if not text.isascii() and _ASTRAL.search(text) is not None:
        text, more = _INVISIBLE_ASTRAL.subn("", text)
        removed += more
    text = " ".join(text.split())
    if len(text) > limit:
        text, truncated = text[:limit], True
    if not text.isascii():
        before = len(text)
        text = _LONG_RUN.sub(_limit_marks, text)
        removed += before - len(text)
        text = unicodedata.normalize("NFC", text)
        if len(text) > limit:  # a few characters only exist decomposed
            text, truncated = text[:limit], True
    return text.rstrip(), removed, truncated


def _from_html(html: str) -> str:
    """Give the text of an HTML fragment, with a space where a block begins or ends."""
    if html.count("<") <= _MAX_TAGS:
        return _piece(html)
    tags = html.split("<")
    pieces = ("<".join(tags[i : i + _TAGS_A_PIECE]) for i in range(0, len(tags), _TAGS_A_PIECE))
    return "".join(_piece(piece if i == 0 else "<" + piece) for i, piece in enumerate(pieces))


def _piece(html: str) -> str:
    """Parse one piece, of at most `_MAX_TAGS` tags."""
    tree = LexborHTMLParser(_BLOCK.sub(" <", html.encode("utf-8", "ignore").decode()))
    tree.strip_tags(_NOT_TEXT)
    root = tree.root
    return root.text() if root is not None else ""


def _limit_marks(run: re.Match[str]) -> str:
    """Keep at most 30 combining marks in a row: ordering more takes quadratic time."""
    kept: list[str] = []
    marks = 0
    for character in run.group():
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MAX_MARKS:
            kept.append(character)
    return "".join(kept)
