"""Reads a feed document: RSS 0.9 to 2.0, RDF and Atom, well-formed or not, and JSON Feed."""

import re
from typing import Any, Final
from urllib.parse import urljoin
from xml.sax import SAXException

from feedparser.encodings import RE_XML_PI_ENCODING, convert_to_utf8

from core.contracts.event import EventKind
from crawlers.item import Item, Refusal, RefusalReason, TextFormat
from crawlers.sources.rss.document import FeedDocument, hash_of, refused, text_of, version_of
from crawlers.sources.rss.json_feed import looks_like_json, parse_json_feed
from crawlers.sources.rss.settings import MAX_DOCUMENT_BYTES
from crawlers.sources.rss.xml_reader import XmlFeed, read_xml

# Real feeds declare a few entities for letters (the HTML 4 sets have 253), each a few bytes long.
_MAX_ENTITIES: Final = 300
_MAX_ENTITY_CHARS: Final = 100
_ENTITY: Final = re.compile(
    rb"<!ENTITY\s+(?:%\s+)?([\w.:-]{1,100})\s+([^>]{0,4096})", re.IGNORECASE
)
_REFERENCE: Final = re.compile(rb"[&%]([\w.:-]{1,100});")
_MARKS: Final = b"\xef\xbb\xbf\xff\xfe"  # of the order of bytes, before a declaration
_DIGITS: Final = 7
_MINUTE_MS: Final = 60_000
_PERIODS_MS: Final = {  # RDF Site Summary 1.0 Modules: Syndication
    "hourly": 60 * _MINUTE_MS,
    "daily": 1_440 * _MINUTE_MS,
    "weekly": 10_080 * _MINUTE_MS,
    "monthly": 43_200 * _MINUTE_MS,
    "yearly": 525_600 * _MINUTE_MS,
}


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
        return refused(RefusalReason.EMPTY_DOCUMENT, "the body is empty")
    if len(document) > MAX_DOCUMENT_BYTES:
        return refused(RefusalReason.TOO_LARGE, f"{len(document)} bytes")
    if looks_like_json(document):
        return parse_json_feed(document)
    # feedparser decodes first: entity declarations can't hide in another encoding.
    headers = {"content-type": content_type} if content_type else {}
    if _is_slow_to_decode(document, content_type):
        return refused(RefusalReason.BAD_XML, "encoded in Punycode")
    try:
        text: bytes = convert_to_utf8(headers, document, {})
    except ValueError as error:  # a declared encoding that no document can have
        return refused(RefusalReason.BAD_XML, f"undecodable: {error!r}"[:200])
    if bomb := _entity_bomb(text):
        return refused(RefusalReason.ENTITY_BOMB, bomb)
    try:
        feed = read_xml(text)
    except Exception as error:  # noqa: BLE001 - no document may stop the crawler
        return refused(RefusalReason.BAD_XML, f"feedparser: {error!r}"[:200])
    return _read(feed, base_url)


def _read(feed: XmlFeed, base_url: str) -> FeedDocument:
    """Read what feedparser found."""
    whole = feed.broken is None
    entries: list[Item | Refusal] = []
    dated_by_update: list[str] = []
    if feed.entries:
        language = text_of(feed.feed.get("language"))
        is_atom = feed.version.startswith("atom")
        for entry in feed.entries:
            read = _read_entry(entry, is_atom, language, base_url)
            entries.append(read)
            if isinstance(read, Item) and not _first_time(entry) and read.published:
                dated_by_update.append(read.native_id)
    elif not feed.version:
        return refused(RefusalReason.NOT_A_FEED, _why(feed.broken) or "no feed element")
    elif isinstance(feed.broken, SAXException):
        return refused(RefusalReason.BAD_XML, _why(feed.broken))
    entries += [
        Item(native_id=ref, kind=EventKind.DELETED, published=when) for ref, when in feed.deleted
    ]
    if not entries:
        entries.append(Refusal(RefusalReason.EMPTY_FEED, f"{feed.version} without entries"))
    return FeedDocument(
        tuple(entries),
        whole=whole,
        interval_ms=_interval_ms(feed.feed),
        older_url=_older(feed.feed),
        generator=text_of(dict.get(feed.feed, "generator")),
        dated_by_update=frozenset(dated_by_update),
    )


def _interval_ms(feed: dict[str, Any]) -> int | None:
    """Read how often a feed says it changes: RSS `ttl` in minutes, or the syndication module."""
    period_ms = _PERIODS_MS.get((text_of(dict.get(feed, "sy_updateperiod")) or "").lower())
    if period_ms is not None:
        frequency = _whole(dict.get(feed, "sy_updatefrequency")) or 1
        return max(1, period_ms // frequency)
    ttl = _whole(dict.get(feed, "ttl"))
    return ttl * _MINUTE_MS if ttl else None


def _whole(value: object) -> int | None:
    text = text_of(value) or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None


def _older(feed: dict[str, Any]) -> str | None:
    """Find where older entries are: RFC 5005, archived feeds first, then paged ones."""
    links = dict.get(feed, "links") or ()
    for relation in ("prev-archive", "next"):
        for link in links:
            if dict.get(link, "rel") == relation and (href := text_of(dict.get(link, "href"))):
                return href
    return None


def _is_slow_to_decode(document: bytes, content_type: str | None) -> bool:
    """Say whether a document claims to be in the one encoding that Python reads in square time."""
    declared = RE_XML_PI_ENCODING.match(document.replace(b"\0", b"").lstrip(_MARKS))
    name = declared[1].lower() if declared is not None else b""
    return b"punycode" in name or "punycode" in (content_type or "").lower()


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
            RefusalReason.NO_TEXT, "neither title nor text", text_of(dict.get(entry, "id"))
        )
    link = text_of(dict.get(entry, "link"))
    first, updated = _first_time(entry), text_of(dict.get(entry, "updated"))
    kind, revision = version_of(first, updated)
    published = first or updated
    return Item(
        native_id=text_of(dict.get(entry, "id")) or link or hash_of(title, text, published),
        kind=kind,
        revision=revision,
        title=title,
        title_format=title_format,
        text=text,
        text_format=text_format,
        author=text_of(dict.get(entry, "author")),
        url=_absolute(link, base_url),
        published=published,
        language=(isinstance(body[0], dict) and text_of(dict.get(body[0], "language"))) or language,
    )


def _first_time(entry: dict[str, Any]) -> str | None:
    """Give when an entry was first published, as written."""
    return text_of(dict.get(entry, "published")) or text_of(dict.get(entry, "created"))


def _content(detail: object, is_atom: bool) -> tuple[str | None, TextFormat]:
    """Read a title or body together with its format.

    Only Atom says whether text is plain (RFC 4287 section 3.1). In RSS, feedparser takes for
    plain whatever holds an unusual tag; all of it is HTML.
    """
    if not isinstance(detail, dict):
        return None, TextFormat.PLAIN
    plain = is_atom and dict.get(detail, "type") == "text/plain"
    return text_of(dict.get(detail, "value")), TextFormat.PLAIN if plain else TextFormat.HTML


def _absolute(link: str | None, base_url: str) -> str | None:
    """Complete a relative link (RFC 3986 section 5)."""
    try:
        return urljoin(base_url, link) if link else None
    except ValueError:
        return None
