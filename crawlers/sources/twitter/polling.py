"""Reads by recent search or timelines, again and again, where there is no stream."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Final

from core.contracts.errors import Rejected, Retryable
from core.runtime.backoff import delays
from crawlers.newsroom import Newsroom
from crawlers.sources.twitter.api import Api
from crawlers.sources.twitter.keys import SECOND_NS
from crawlers.sources.twitter.reading import Reader, Reading, move, position
from crawlers.sources.twitter.routes import Query, Routes
from crawlers.sources.twitter.settings import RECENT_QUERY_CHARS, TwitterSettings, Way

_LONGEST_BACKOFF_MS: Final = 300_000
_Read = Callable[[Query, int | None], Coroutine[Any, Any, Reading]]


class Polling:
    """All searches, or all timelines.

    Args:
        way: which of the two.
        settings: as configured.
        api: for keys and requests.
        room: see `Newsroom`.
        routes: what to look for.
        reader: holds this way's watches.
    """

    def __init__(
        self,
        way: Way,
        settings: TwitterSettings,
        api: Api,
        room: Newsroom,
        routes: Routes,
        reader: Reader,
    ) -> None:
        self._api = api
        self._room = room
        self._reader = reader
        self._settings = settings
        searching = way is Way.SEARCH
        self._read: _Read = reader.read if searching else self._timeline
        self._interval_ms = (
            settings.search_interval_ms if searching else settings.timeline_interval_ms
        )
        self._queries: Iterable[Query] = (
            routes.queries(RECENT_QUERY_CHARS)
            if searching
            else [routes.queries_of(f"@{one}", RECENT_QUERY_CHARS)[0] for one in settings.accounts]
        )

    async def run(self) -> None:
        """Read all of them until cancelled; one's failure is its own alone.

        Raises:
            Fatal: the bus has stopped.
        """
        try:
            async with self._api, asyncio.TaskGroup() as group:
                for query in self._queries:
                    group.create_task(self._follow(query))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several

    async def _follow(self, query: Query) -> None:
        """Read one of them for ever."""
        interval_ms, jitter, sleep = self._interval_ms, self._settings.jitter, self._room.sleep
        random = self._room.jitter.random
        loop = asyncio.get_running_loop()
        await sleep(random() * jitter * interval_ms / 1000)
        backoff = self._backoff()
        watches = self._reader.watches_of(query)
        missed: str | None = None  # stays until the next start
        while True:
            started = loop.time()
            try:
                reading = await self._read(query, position(watches))
            except (Retryable, Rejected) as error:
                for watch in watches:
                    watch.failed(str(error))
                wait_ms = float(next(backoff))
                if isinstance(error, Retryable) and error.retry_after_ns is not None:
                    wait_ms = max(wait_ms, error.retry_after_ns * 1000 / SECOND_NS)
            else:
                move(watches, reading.newest)
                backoff = self._backoff()
                wait_ms = interval_ms * (1 + jitter * (2 * random() - 1))
                if not reading.whole:
                    missed = (
                        f"more than {self._settings.gap_pages} pages were missed: read them by "
                        "`tidings backfill twitter`"
                    )
                for watch in watches:
                    watch.note = missed or self._api.pool.note(self._room.clock.now_ns())
            await sleep(max(0.0, started + wait_ms / 1000 - loop.time()))

    def _backoff(self) -> Iterator[int]:
        first = self._interval_ms
        return delays(first, max(first, _LONGEST_BACKOFF_MS), 2.0, self._room.jitter)

    async def _timeline(self, query: Query, since: int | None) -> Reading:
        """Read an account's timeline.

        Raises:
            Retryable, Rejected: as `Reader.read`; also where there is no such account.
        """
        handle = query.channels[0].removeprefix("@")
        ids = await self._api.user_ids((handle,))
        if handle not in ids:
            raise Rejected(f"X knows no account @{handle}: check its name under accounts")
        return await self._reader.read(query, since, ids[handle])
