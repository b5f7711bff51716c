"""Reads Medium's feeds: as any feed, with each post under its own id wherever it stands."""

import re
from typing import Final

import msgspec

from crawlers.item import Item, Refusal
from crawlers.sources.rss.document import FeedDocument
from crawlers.sources.rss.parse import parse as parse_feed

# The end of https://medium.com/p/0123456789ab and of https://medium.com/desk/a-title-0123456789ab
_POST_ID: Final = re.compile(r"[/-]([0-9a-f]{10,14})/?(?:[?#].*)?$", re.ASCII | re.DOTALL)


def parse(document: bytes, content_type: str | None = None, base_url: str = "") -> FeedDocument:
    """Read a feed of Medium's; never raises for what a server may send.

    Sample: <item><title>..</title><link>https://medium.com/desk/title-0123456789ab?source=rss</link>
    <guid isPermaLink="false">https://medium.com/p/0123456789ab</guid>
    <pubDate>Tue, 02 Jan 2024 03:04:05 GMT</pubDate>
    <atom:updated>2024-01-02T04:00:00.000Z</atom:updated></item>

    The native id is the post's own (`0123456789ab`), the same in every feed and on every page.
    Arguments and result as those of the feeds' `parse`.
    """
    read = parse_feed(document, content_type, base_url)
    by_guid = {
        entry.native_id: post_id
        for entry in read.entries
        if isinstance(entry, Item) and (post_id := post_id_of(entry.native_id, entry.url))
    }
    return msgspec.structs.replace(
        read,
        entries=tuple([_renamed(entry, by_guid) for entry in read.entries]),
        dated_by_update=frozenset(by_guid.get(one, one) for one in read.dated_by_update),
    )


def _renamed(entry: Item | Refusal, by_guid: dict[str, str]) -> Item | Refusal:
    if isinstance(entry, Item) and entry.native_id in by_guid:
        return msgspec.structs.replace(entry, native_id=by_guid[entry.native_id])
    return entry


def post_id_of(*addresses: str | None) -> str | None:
    """Give the id of the post that an address leads to, the first that holds one."""
    for address in addresses:
        found = _POST_ID.search(address) if address else None
        if found is not None:
            return found[1]
    return None
