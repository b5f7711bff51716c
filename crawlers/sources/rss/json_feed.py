"""Reads JSON Feed, versions 1.0 and 1.1."""

from typing import Any, Final

import msgspec

from crawlers.item import Item, Refusal, RefusalReason, TextFormat
from crawlers.sources.rss.document import FeedDocument, hash_of, refused, text_of, version_of

VERSIONS: Final = ("https://jsonfeed.org/version/1", "http://jsonfeed.org/version/1")

_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_NO_BODY: Final = (None, TextFormat.PLAIN)


def looks_like_json(document: bytes) -> bool:
    """Say whether a document begins as a JSON object does, and no XML can."""
    return document[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1] == b"{"


def parse_json_feed(document: bytes) -> FeedDocument:
    """Read a JSON Feed document (jsonfeed.org/version/1.1); never raises.

    Sample: {"version":"https://jsonfeed.org/version/1.1","items":[{"id":"7",
    "title":"..","content_html":"<p>..</p>","date_published":"2024-01-02T03:04:05Z"}]}
    """
    try:
        if document.startswith(_MARKS[0]):
            document = document[len(_MARKS[0]) :]
        elif document.startswith(_MARKS[1:]):
            document = document.decode("utf-16").encode()
        feed = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return refused(RefusalReason.BAD_JSON, str(error)[:200])
    version = feed.get("version") if isinstance(feed, dict) else None
    if not isinstance(version, str) or not version.startswith(VERSIONS):
        return refused(RefusalReason.NOT_A_FEED, "JSON without the version of JSON Feed")
    items = feed.get("items")
    if not isinstance(items, list):
        return refused(RefusalReason.BAD_SHAPE, "no list of items")
    if not items:
        return FeedDocument((Refusal(RefusalReason.EMPTY_FEED, "JSON Feed without items"),))
    language = text_of(feed.get("language"))
    authors = _authors(feed)
    return FeedDocument(
        tuple([_read(item, language, authors) for item in items]),
        older_url=text_of(feed.get("next_url")),
        dated_by_update=frozenset(
            native_id
            for item in items
            if isinstance(item, dict)
            and not text_of(item.get("date_published"))
            and text_of(item.get("date_modified"))
            and (native_id := _id(item))
        ),
    )


def _read(item: object, language: str | None, authors: str | None) -> Item | Refusal:
    """Read one item."""
    if not isinstance(item, dict):
        return Refusal(RefusalReason.BAD_SHAPE, f"an item is a {type(item).__name__}")
    native_id = _id(item)
    title = text_of(item.get("title"))
    text, form = next(
        (
            (text, form)
            for key, form in (
                ("content_html", TextFormat.HTML),
                ("content_text", TextFormat.PLAIN),
                ("summary", TextFormat.PLAIN),
            )
            if (text := text_of(item.get(key)))
        ),
        _NO_BODY,
    )
    if not title and not text:
        return Refusal(RefusalReason.NO_TEXT, "neither title nor text", native_id)
    published = text_of(item.get("date_published"))
    updated = text_of(item.get("date_modified"))
    kind, revision = version_of(published, updated)
    url = text_of(item.get("url"))
    return Item(
        native_id=native_id or hash_of(title, text, published or updated),
        kind=kind,
        revision=revision,
        title=title,
        text=text,
        text_format=form,
        author=_authors(item) or authors,
        url=url or text_of(item.get("external_url")),
        published=published or updated,
        language=text_of(item.get("language")) or language,
    )


def _id(item: dict[str, Any]) -> str | None:
    """Give an item's id, which may wrongly be a number, or its address where it has none."""
    native_id = item.get("id")
    if isinstance(native_id, int | float) and not isinstance(native_id, bool):
        return str(native_id)
    return text_of(native_id) or text_of(item.get("url"))


def _authors(holder: dict[str, Any]) -> str | None:
    """Name the authors: a list since 1.1, one before."""
    authors = holder.get("authors")
    found = authors if isinstance(authors, list) else [holder.get("author")]
    names = [text_of(one.get("name")) for one in found if isinstance(one, dict)]
    return ", ".join(name for name in names if name) or None
