"""Each source's parse as a function from bytes to entries; another source is one line more."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from telethon.extensions import BinaryReader

from crawlers.item import Item, Refusal, TextFormat
from crawlers.sources.announcements.parse import parse as parse_announcements
from crawlers.sources.announcements.parse_status import parse_status
from crawlers.sources.announcements.settings import ListKind, StatusPageSettings
from crawlers.sources.medium.archive import parse_archive
from crawlers.sources.medium.parse import parse as parse_medium
from crawlers.sources.newswire.parse import make_parse
from crawlers.sources.newswire.settings import Fields, NewswireSettings
from crawlers.sources.reddit.parse import parse as parse_reddit
from crawlers.sources.rss.parse import parse as parse_rss
from crawlers.sources.telegram.parse import is_post
from crawlers.sources.telegram.parse import read as read_telegram
from crawlers.sources.telegram.settings import ChannelSettings
from crawlers.sources.twitter.parse import Answer
from crawlers.sources.twitter.parse import parse as parse_twitter
from crawlers.sources.webhook.parse import LINES
from crawlers.sources.webhook.parse import parse as parse_webhook

Entries = Iterable[Item | Refusal]

_BASE: Final = "https://news.example/"
_FIELDS: Final = {
    "text": "text",
    "published": "published",
    "author": "author",
    "url": "url",
    "language": "language",
}
_flat: Final = make_parse(
    NewswireSettings(
        channel="fuzz", url="wss://news.example/", format=TextFormat.HTML, fields=Fields(**_FIELDS)
    )
)
_nested: Final = make_parse(
    NewswireSettings(
        channel="fuzz",
        url="wss://news.example/",
        items="data.items",
        type_field="type",
        item_types=("news",),
        fields=Fields(id="post.id", title="post.title", **_FIELDS),
    )
)
_PAGE: Final = StatusPageSettings(channel="fuzz", venue="fuzz", url=_BASE)
_LINES: Final = min(LINES)
_CHANNEL: Final = ChannelSettings(channel="fuzz", id=1)


def _telegram(raw: bytes) -> Entries:
    try:
        with BinaryReader(raw) as reader:
            message = reader.tgread_object()
    except Exception:  # noqa: BLE001 - telethon drops what it can't decode
        return ()
    return (read_telegram((message,), {}, _CHANNEL),) if is_post(message) else ()


def _twitter(answer: Answer) -> Entries:
    broken = (answer.broken,) if answer.broken is not None else ()
    return (*broken, *(found.entry for found in answer.found))


PARSES: Final[Mapping[str, Callable[[bytes], Entries]]] = {
    "announcements": lambda raw: parse_announcements(raw, ListKind.BINANCE, None, _BASE).entries,
    "medium": lambda raw: parse_medium(raw, None, _BASE).entries,
    "medium-archive": lambda raw: parse_archive(raw).entries,
    "newswire": lambda raw: (*_flat(raw), *_nested(raw)),
    "reddit": parse_reddit,
    "rss": lambda raw: parse_rss(raw, None, _BASE).entries,
    "statuspage": lambda raw: parse_status(raw, _PAGE).entries,
    "telegram": _telegram,
    "twitter": lambda raw: _twitter(parse_twitter(raw)),
    "webhook": lambda raw: (*parse_webhook(raw, "").entries, *parse_webhook(raw, _LINES).entries),
}
"""Any bytes in, entries out, and never an exception."""
