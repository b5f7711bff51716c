"""Follows one announcement list: what is new on its first page, and before that where much is."""

import asyncio
from hashlib import blake2b
from typing import Final

import msgspec

from core.contracts.clock import Clock
from core.contracts.errors import Rejected, Retryable
from core.contracts.event import Event
from crawlers.http import Fetched
from crawlers.intake import Intake
from crawlers.item import Item, Refusal
from crawlers.newsroom import Newsroom
from crawlers.seen import Seen
from crawlers.sources.announcements.asking import Asking
from crawlers.sources.announcements.parse import Announcements, parse
from crawlers.sources.announcements.settings import ListKind, ListSettings
from crawlers.watch import Watch

_MOST_PAGES: Final = 20  # read in one go when much is new

Read = Event | Refusal


class ListCursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a list's first page, as JSON in the cursor.

    Attributes:
        url: where it came from; another address makes the rest void.
        etag: for `If-None-Match`.
        last_modified: for `If-Modified-Since`.
        entries: ids of its events: what a list still shows is not new, however old it gets.
    """

    url: str
    etag: str | None = None
    last_modified: str | None = None
    entries: tuple[str, ...] = ()


def read_cursor(cursor: str | None, url: str) -> ListCursor:
    """Read a kept cursor; one that can't be read, or is of another address, is as good as none."""
    if cursor is not None:
        try:
            kept = msgspec.json.decode(cursor, type=ListCursor)
        except msgspec.DecodeError:
            return ListCursor(url)
        if kept.url == url:
            return kept
    return ListCursor(url)


def page_url(settings: ListSettings, number: int) -> str | None:
    """Give the address of a page, the newest being 1; None where there is none.

    Binance's first page is asked for as its own pages ask, with nothing that defeats caches.
    """
    join = "&" if "?" in settings.url else "?"
    if settings.kind is ListKind.BINANCE:
        query = f"type=1&catalogId={settings.catalog}&pageNo={number}&pageSize={settings.page_size}"
        return f"{settings.url}{join}{query}"
    if number == 1:
        return settings.url
    return f"{settings.url}{join}{settings.page_param}={number}" if settings.page_param else None


class FollowedList:
    """One list and where it was read to.

    Args:
        settings: its configuration.
        watch: where its items go, and how it is doing.
        seen: what this source has published.
        room: see `Newsroom`.
    """

    def __init__(self, settings: ListSettings, watch: Watch, seen: Seen, room: Newsroom) -> None:
        self.settings: Final = settings
        self.watch: Final = watch
        self._seen = seen
        self._room = room
        self._clock: Clock = room.clock
        self._first_url = page_url(settings, 1) or settings.url
        self._cursor = read_cursor(watch.intake.channel.cursor, self._first_url)
        self._last_body: bytes | None = None  # digest of the last page read to its end
        for event_id in self._cursor.entries:
            seen.add(event_id)

    async def poll(self, asking: Asking) -> None:
        """Ask for the first page and publish what is new in it, oldest first.

        Where nothing of it is known, the pages before it are read too, until something is. The
        cursor moves when all was taken.

        Raises:
            Retryable: see `Asking.ask`; also for a body that is no list.
            Rejected: see `Asking.ask`.
            Fatal: the bus has stopped.
        """
        cursor = self._cursor
        fetched = await asking.ask(
            self._first_url, etag=cursor.etag, last_modified=cursor.last_modified
        )
        received_ns = self._clock.now_ns()
        digest = blake2b(fetched.body, digest_size=16).digest()
        if fetched.changed and digest != self._last_body:
            page, read = await self._read(fetched, received_ns)
            newest = tuple(event.id for event in read if isinstance(event, Event))
            if cursor.entries:
                read = [*await self._missed(asking, newest), *read]
            for event in read:
                await self._room.take(self.watch, event)
            self.watch.intake.counts.documents += 1
            if page.refused is not None:
                raise Retryable(f"{fetched.url}: {page.refused.reason}: {page.refused.detail}")
            self._last_body = digest if page.whole else None
            self._cursor = ListCursor(
                self._first_url,
                fetched.etag if page.whole else None,
                fetched.last_modified if page.whole else None,
                newest,
            )
            self.watch.intake.channel.cursor = msgspec.json.encode(self._cursor).decode()
        self.watch.answered(received_ns)

    async def _missed(self, asking: Asking, newest: tuple[str, ...]) -> list[Read]:
        """Read the pages before the first one, back to something known; oldest first."""
        missed: list[Read] = []
        number = 1
        ids = newest
        while ids and number < _MOST_PAGES and not any(one in self._seen for one in ids):
            number += 1
            url = page_url(self.settings, number)
            if url is None:
                break
            try:
                fetched = await asking.ask(url)
            except Rejected:  # past the last page
                break
            page, read = await self._read(fetched, self._clock.now_ns())
            if page.refused is not None:
                break
            missed = [*read, *missed]
            ids = tuple(event.id for event in read if isinstance(event, Event))
        return missed

    async def _read(self, fetched: Fetched, received_ns: int) -> tuple[Announcements, list[Read]]:
        """Parse and normalise a page: a feed in another thread, a short JSON page here."""
        kind, intake = self.settings.kind, self.watch.intake
        if kind is ListKind.BINANCE:  # about 0.2 ms, and the quickest way to the trade
            return _read_page(fetched, kind, intake, received_ns)
        return await asyncio.to_thread(_read_page, fetched, kind, intake, received_ns)


def _read_page(
    fetched: Fetched, kind: ListKind, intake: Intake, received_ns: int
) -> tuple[Announcements, list[Read]]:
    """Parse and normalise a page.

    Returns:
        The page, and what it holds: refusals first, then events from the oldest on.
    """
    page = parse(fetched.body, kind, fetched.content_type, fetched.url)
    refusals: list[Read] = []
    events: list[Event] = []
    for entry in reversed(page.entries):  # lists have the newest first
        read = intake.normalise(entry, received_ns) if isinstance(entry, Item) else entry
        if isinstance(read, Event):
            events.append(read)
        else:
            refusals.append(read)
    events.sort(key=lambda event: event.published_ns)
    return page, [*refusals, *events]
