"""Reads a feed document: RSS 0.9 to 2.0, RDF and Atom, well-formed or not."""

import io
import re
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import urljoin
from xml.sax import SAXException

import feedparser
import msgspec
from feedparser.encodings import convert_to_utf8

from crawlers.item import Item, Refusal, RefusalReason, TextFormat
from crawlers.sources.rss.settings import MAX_DOCUMENT_BYTES

# Real feeds declare a few entities for letters (the HTML 4 sets have 253), each a few bytes long.
_MAX_ENTITIES: Final = 300
_MAX_ENTITY_CHARS: Final = 100
_ENTITY: Final = re.compile(
    rb"<!ENTITY\s+(?:%\s+)?([\w.:-]{1,100})\s+([^>]{0,4096})", re.IGNORECASE
)
_REFERENCE: Final = re.compile(rb"[&%]([\w.:-]{1,100});")
_CHARACTERS: Final = ((9, 10, 13), range(0x20, 0xD800), range(0xE000, 0x110000))  # XML 1.0, 2.2
_REFERENCE_BY_NUMBER: Final = re.compile(rb"&#(?:[xX]([0-9a-fA-F]+)|([0-9]{1,4000}));?")
_UTF8_XML: Final = "application/xml; charset=utf-8"


class FeedDocument(msgspec.Struct, frozen=True):
    """What one document held.

    Attributes:
        entries: each an item or a refusal, in the document's order; never empty.
        whole: False when the document was ill-formed, so that its rest may be missing.
        refused: why no entry could be read; None when some could, or the feed is just empty.
    """

    entries: tuple[Item | Refusal, ...]
    whole: bool = True
    refused: Refusal | None = None


def parse(document: bytes, content_type: str | None = None, base_url: str = "") -> FeedDocument:
    """Read a feed document; never fetches anything, never raises for what a server may send.

    Sample: <rss version="2.0"><channel><item><guid>7</guid><title>..</title>
    <pubDate>Tue, 02 Jan 2024 03:04:05 GMT</pubDate></item></channel></rss>

    Time grows with the document's length: up to some seconds a megabyte for hostile ones, so
    call it off the event loop.

    Args:
        document: the body, decompressed.
        content_type: the response's header, whose charset may be wrong.
        base_url: where it came from, to complete relative links.

    Returns:
        The entries; a document that holds none gives one refusal, which says why.
    """
    if not document.strip():
        return _refused(RefusalReason.EMPTY_DOCUMENT, "the body is empty")
    if len(document) > MAX_DOCUMENT_BYTES:
        return _refused(RefusalReason.TOO_LARGE, f"{len(document)} bytes")
    # feedparser decodes first: entity declarations can't hide in another encoding.
    headers = {"content-type": content_type} if content_type else {}
    text: bytes = convert_to_utf8(headers, document, {})
    if bomb := _entity_bomb(text):
        return _refused(RefusalReason.ENTITY_BOMB, bomb)
    try:
        try:
            feed = _feedparser(text)
        except (ValueError, OverflowError):
            # Its lenient parser stumbles over references to characters that don't exist.
            feed = _feedparser(_REFERENCE_BY_NUMBER.sub(_existing, text))
    except Exception as error:  # noqa: BLE001 - no document may stop the crawler
        return _refused(RefusalReason.BAD_XML, f"feedparser: {error!r}"[:200])
    entries = feed["entries"]
    broken = feed.get("bozo_exception")
    if entries:
        language = _text(feed["feed"].get("language"))
        is_atom = str(feed["version"]).startswith("atom")
        return FeedDocument(
            tuple(_read_entry(entry, is_atom, language, base_url) for entry in entries),
            whole=broken is None,
        )
    if not feed["version"]:
        return _refused(RefusalReason.NOT_A_FEED, _why(broken) or "no feed element")
    if isinstance(broken, SAXException):
        return _refused(RefusalReason.BAD_XML, _why(broken))
    empty = Refusal(RefusalReason.EMPTY_FEED, f"{feed['version']} without entries")
    return FeedDocument((empty,), whole=broken is None)


def _feedparser(text: bytes) -> dict[str, Any]:
    """Run feedparser, on a stream: it would take plain bytes for the name of a file to open.

    HTML is not sanitised, since all of it becomes plain text. The feed's address stays unknown:
    it would become part of ids, which would then change with it.
    """
    feed: dict[str, Any] = feedparser.parse(
        io.BytesIO(text),
        response_headers={"content-type": _UTF8_XML},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    return feed


def _existing(reference: re.Match[bytes]) -> bytes:
    """Keep a reference to a character that exists."""
    number = int(reference[1], 16) if reference[1] else int(reference[2])
    return reference[0] if any(number in some for some in _CHARACTERS) else b""


def _refused(reason: RefusalReason, detail: str) -> FeedDocument:
    refusal = Refusal(reason, detail)
    return FeedDocument((refusal,), whole=False, refused=refusal)


def _why(error: object) -> str:
    return str(error)[:200] if error else ""


def _entity_bomb(text: bytes) -> str | None:
    """Say what is dangerous about a document's entity declarations, if anything is."""
    declared: list[tuple[bytes, bytes]] = _ENTITY.findall(text)
    if len(declared) > _MAX_ENTITIES:
        return f"{len(declared)} entities declared"
    names = {name for name, _ in declared}
    for name, value in declared:
        if value.upper().startswith((b"SYSTEM", b"PUBLIC")):
            continue  # external ones are dropped, never fetched
        if len(value) > _MAX_ENTITY_CHARS:
            return f"entity {name[:40]!r} is {len(value)} bytes long"
        if names.intersection(_REFERENCE.findall(value)):
            return f"entity {name[:40]!r} refers to another one"
    return None


def _read_entry(
    entry: dict[str, Any], is_atom: bool, language: str | None, base_url: str
) -> Item | Refusal:
    """Read one entry; `dict.get` because feedparser's own `get` warns and guesses."""
    title, title_format = _content(dict.get(entry, "title_detail"), is_atom)
    body = dict.get(entry, "content") or [dict.get(entry, "summary_detail")]
    text, text_format = _content(body[0], is_atom)
    if not title and not text:
        return Refusal(
            RefusalReason.NO_TEXT, "neither title nor text", _text(dict.get(entry, "id"))
        )
    link = _text(dict.get(entry, "link"))
    published = next(
        (at for key in ("published", "created", "updated") if (at := _text(dict.get(entry, key)))),
        None,
    )
    return Item(
        native_id=_text(dict.get(entry, "id")) or link or _hash(title, text, published),
        title=title,
        title_format=title_format,
        text=text,
        text_format=text_format,
        author=_text(dict.get(entry, "author")),
        url=_absolute(link, base_url),
        published=published,
        language=(isinstance(body[0], dict) and _text(dict.get(body[0], "language"))) or language,
    )


def _content(detail: object, is_atom: bool) -> tuple[str | None, TextFormat]:
    """Read a title or body together with its format.

    Only Atom says whether text is plain (RFC 4287 section 3.1). In RSS, feedparser takes for
    plain whatever holds an unusual tag; all of it is HTML.
    """
    if not isinstance(detail, dict):
        return None, TextFormat.PLAIN
    plain = is_atom and dict.get(detail, "type") == "text/plain"
    return _text(dict.get(detail, "value")), TextFormat.PLAIN if plain else TextFormat.HTML


def _text(value: object) -> str | None:
    """Keep a string that says something."""
    return value.strip() or None if isinstance(value, str) else None


def _absolute(link: str | None, base_url: str) -> str | None:
    """Complete a relative link (RFC 3986 section 5)."""
    try:
        return urljoin(base_url, link) if link else None
    except ValueError:
        return None


def _hash(*parts: str | None) -> str:
    """Name an entry that has neither id nor link by what it says."""
    said = "\x1f".join(part or "" for part in parts).encode("utf-8", "surrogatepass")
    return f"hash:{blake2b(said, digest_size=16).hexdigest()}"
