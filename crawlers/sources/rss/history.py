"""Reads a feed's past: what it lists, and the older pages it links (RFC 5005, JSON Feed)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2b
from math import ceil
from typing import Final
from urllib.parse import urljoin

import aiohttp
import msgspec
from yarl import URL

from core.contracts.clock import Clock
from core.contracts.errors import Rejected
from crawlers.history import Cost, Page
from crawlers.http import AbsentError, fetch, open_session
from crawlers.item import Item
from crawlers.normalise import Limits
from crawlers.robots import Robots
from crawlers.sources.rss.document import FeedDocument
from crawlers.sources.rss.reading import Parse
from crawlers.sources.rss.settings import FeedSettings, PollSettings
from crawlers.times import parse_time

_MOST_PAGES: Final = 10_000
_WORDPRESS: Final = "wordpress"
_PAGED: Final = "paged"


class PageCursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the next page is, as JSON.

    Attributes:
        url: its address.
        number: how many were read before it.
        last: digest of the page before: a server that ignores the page gives the same again.
    """

    url: str
    number: int = 0
    last: str = ""


class FeedHistory:
    """One feed's past; see `History`.

    Args:
        source: kind of source.
        feed: which feed; its main address is asked.
        settings: how servers are asked.
        limits: with the channel's zone.
        session: from `open_session`.
        robots: None where robots.txt is not kept to.
        clock: for dates ahead.
        parse: reads a document.
    """

    def __init__(
        self,
        source: str,
        feed: FeedSettings,
        settings: PollSettings,
        *,
        limits: Limits,
        session: aiohttp.ClientSession,
        robots: Robots | None,
        clock: Clock,
        parse: Parse,
    ) -> None:
        self.source = source
        self.channel = feed.channel
        self.limits = limits
        self._url = feed.url
        self._settings = settings
        self._session = session
        self._robots = robots
        self._clock = clock
        self._parse = parse

    async def cost(self, since_ns: int, until_ns: int) -> Cost:
        """Guess from the first page how many there are back to the range's start.

        Raises:
            Retryable, Rejected: as `page`.
        """
        first = await self.page(since_ns, until_ns, None)
        quota = f"requests to {URL(self._url).host}"
        if first.next is None:
            return Cost(1, exact=True, quota=quota)
        times = self._times(first.entries)
        span = max(times) - min(times) if times else 0
        back = max(times) - since_ns if times else 0
        pages = ceil(back / span) if span > 0 else _MOST_PAGES
        return Cost(max(2, min(pages, _MOST_PAGES)), exact=False, quota=quota)

    async def page(self, since_ns: int, until_ns: int, cursor: str | None) -> Page:
        """Read the feed, or one of the older pages it leads to; the newest come first.

        Raises:
            Retryable: no answer, or too many requests; with the wait that the server asks for.
            Rejected: the server or its robots.txt refuses, or the page is no feed.
        """
        del until_ns  # pages can only be read from the newest back
        at = _read_cursor(cursor) or PageCursor(self._url)
        settings = self._settings
        try:
            fetched = await fetch(
                self._session,
                at.url,
                headers={},
                max_bytes=settings.max_document_bytes,
                max_redirects=settings.max_redirects,
                now_ns=self._clock.now_ns(),
                admit=None if self._robots is None else self._robots.admit,
            )
        except AbsentError:
            if at.number and _PAGED in URL(at.url).query:
                return Page((), None)  # past the last one, WordPress answers 404
            raise
        document = await asyncio.to_thread(
            self._parse, fetched.body, fetched.content_type, fetched.url
        )
        if document.refused is not None:
            raise Rejected(
                f"{fetched.url} is no feed to read ({document.refused.reason}): "
                f"{document.refused.detail}"
            )
        said = _digest(document)
        if at.last == said:
            return Page((), None)
        times = self._times(document.entries)
        reached_ns = min(times, default=None)
        older = None
        if (not times or max(times) >= since_ns) and at.number + 1 < _MOST_PAGES:
            older = _older(document, fetched.url, at.number)
        return Page(
            document.entries,
            None
            if older is None
            else msgspec.json.encode(PageCursor(older, at.number + 1, said)).decode(),
            reached_ns,
        )

    def _times(self, entries: Sequence[object]) -> list[int]:
        """Give when a page's entries were published, where they say so."""
        now_ns = self._clock.now_ns()
        times = []
        for entry in entries:
            if isinstance(entry, Item) and entry.published:
                parsed = parse_time(entry.published, now_ns, self.limits.default_zone)
                if isinstance(parsed, tuple):
                    times.append(parsed[0])
        return times


def _read_cursor(cursor: str | None) -> PageCursor | None:
    """Read where to go on; what can't be read begins anew."""
    try:
        return msgspec.json.decode(cursor, type=PageCursor) if cursor else None
    except msgspec.DecodeError:
        return None


def _older(document: FeedDocument, url: str, number: int) -> str | None:
    """Find the page before a page."""
    if document.older_url is not None:
        try:
            older = URL(urljoin(url, document.older_url))
        except ValueError:
            return None
        return str(older) if older.scheme in ("http", "https") and str(older) != url else None
    if _WORDPRESS in (document.generator or "").lower():
        return str(URL(url).update_query({_PAGED: number + 2}))
    return None


def _digest(document: FeedDocument) -> str:
    ids = "\x1f".join(str(entry.native_id) for entry in document.entries)
    return blake2b(ids.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@asynccontextmanager
async def open_feed_histories(
    source: str,
    feeds: Sequence[FeedSettings],
    settings: PollSettings,
    limits: Limits,
    clock: Clock,
    parse: Parse,
) -> AsyncIterator[tuple[FeedHistory, ...]]:
    """Open the past of a source's feeds, all asked by one session."""
    async with open_session(
        timeout_ms=settings.timeout_ms,
        connections_per_host=settings.connections_per_host,
        allow_private=settings.allow_private,
        contact=settings.contact,
    ) as session:
        robots = Robots(session, clock=clock) if settings.robots else None
        yield tuple(
            FeedHistory(
                source,
                feed,
                settings,
                limits=msgspec.structs.replace(limits, default_zone=feed.zone),
                session=session,
                robots=robots,
                clock=clock,
                parse=parse,
            )
            for feed in feeds
        )
