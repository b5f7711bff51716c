"""Reads a page of an exchange's announcement list: Binance's JSON, or a feed."""

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from crawlers.item import Item, Refusal, RefusalReason, TextFormat
from crawlers.sources.announcements.settings import ListKind
from crawlers.sources.rss.parse import parse as parse_feed

_decode: Final = msgspec.json.Decoder().decode
_SHOWN_BYTES: Final = 100
_GOOD_CODE: Final = "000000"
_ARTICLE: Final = "/en/support/announcement/"


class Announcements(msgspec.Struct, frozen=True):
    """What one page held.

    Attributes:
        entries: each an item or a refusal, in the page's order: the newest first.
        total: how many the whole list holds, where the page says so.
        whole: False when the page was broken off, so that its rest may be missing.
        refused: why no entry could be read; None when some could, or the page is just empty.
    """

    entries: tuple[Item | Refusal, ...]
    total: int | None = None
    whole: bool = True
    refused: Refusal | None = None


def parse(
    body: bytes, kind: ListKind, content_type: str | None = None, base_url: str = ""
) -> Announcements:
    """Read one page; never raises for what a server may send.

    A feed may take long: read it off the event loop.

    Args:
        body: decompressed.
        kind: of the list.
        content_type: the response's header.
        base_url: where it came from.
    """
    if kind is ListKind.BINANCE:
        return _binance(body, base_url)
    document = parse_feed(body, content_type, base_url)
    return Announcements(document.entries, None, document.whole, document.refused)


def _binance(body: bytes, base_url: str) -> Announcements:
    """Read what Binance's announcement pages are made from.

    Sample: {"code":"000000","data":{"catalogs":[{"catalogId":48,"catalogName":"New
    Cryptocurrency Listing","total":2100,"articles":[{"id":208595,"code":"84d4dc37762944828f",
    "title":"Binance Will List ...","type":1,"releaseDate":1724223602529}]}]},"success":true}

    Older answers hold the articles in `data` itself.
    """
    try:
        found = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _refused(RefusalReason.BAD_JSON, str(error), body)
    if not isinstance(found, dict):
        return _refused(RefusalReason.BAD_SHAPE, "the answer is no object", body)
    code = found.get("code")
    if code is not None and code != _GOOD_CODE:
        return _refused(RefusalReason.BAD_SHAPE, f"code {code}: {found.get('message')}", body)
    data = found.get("data")
    catalogs = data.get("catalogs") if isinstance(data, dict) else None
    if catalogs is None and isinstance(data, dict):
        catalogs = [data]
    if not isinstance(catalogs, list):
        return _refused(RefusalReason.BAD_SHAPE, "no catalogs where they should be", body)
    entries: list[Item | Refusal] = []
    total: int | None = None
    parts = urlsplit(base_url)
    pages = f"{parts.scheme}://{parts.netloc}{_ARTICLE}"
    for catalog in catalogs:
        articles = catalog.get("articles") if isinstance(catalog, dict) else None
        if not isinstance(articles, list):
            return _refused(RefusalReason.BAD_SHAPE, "a catalog without articles", body)
        count = catalog.get("total")
        if type(count) is int:
            total = (total or 0) + count
        entries += [_article(article, pages) for article in articles]
    return Announcements(tuple(entries), total)


def _article(article: Any, pages: str) -> Item | Refusal:  # noqa: ANN401 - any JSON
    """Read one article: its code names it, and its page."""
    if not isinstance(article, dict):
        return Refusal(RefusalReason.BAD_SHAPE, f"an article is a {type(article).__name__}")
    code = article.get("code")
    if type(code) is not str or not code:
        return Refusal(RefusalReason.NO_ID, "an article without a code")
    published = article.get("releaseDate")
    if type(published) is bool or not isinstance(published, str | int | float | None):
        kind = type(published).__name__
        return Refusal(RefusalReason.BAD_TIME, f"releaseDate is a {kind}", code)
    title, body = article.get("title"), article.get("body")
    return Item(
        native_id=code,
        title=title if type(title) is str else None,
        title_format=TextFormat.HTML,
        text=body if type(body) is str else None,
        text_format=TextFormat.HTML,
        url=f"{pages}{code}",
        published=published,
        language="en",
    )


def _refused(reason: RefusalReason, what: str, body: bytes) -> Announcements:
    refusal = Refusal(reason, f"{what[:200]}: {body[:_SHOWN_BYTES]!r}")
    return Announcements((refusal,), whole=False, refused=refusal)
