"""Fills the gap that a lost stream leaves, by searches or timelines since the last post read."""

import asyncio
from typing import Final, NamedTuple

from core.contracts.errors import Rejected, Retryable
from core.runtime.backoff import delays
from crawlers.newsroom import Newsroom
from crawlers.sources.twitter.api import Api
from crawlers.sources.twitter.keys import SECOND_NS
from crawlers.sources.twitter.reading import Reader, move
from crawlers.sources.twitter.routes import ACCOUNTS, Query, Routes
from crawlers.sources.twitter.settings import RECENT_QUERY_CHARS, GapFill, TwitterSettings

_FIRST_WAIT_MS: Final = 500
_LONGEST_WAIT_MS: Final = 60_000


class _Part(NamedTuple):
    """A query to search for, or the timeline of its account."""

    query: Query
    user_id: str | None = None


class Gap:
    """What the stream missed; while it is open, the stream's cursors stand still.

    Args:
        settings: how to fill it.
        api: for accounts' ids.
        room: see `Newsroom`.
        routes: what to look for.
        reader: takes over what is found.

    Attributes:
        missing: by channel, what could not be filled and why; stays until the next start.
    """

    def __init__(
        self,
        settings: TwitterSettings,
        api: Api,
        room: Newsroom,
        routes: Routes,
        reader: Reader,
    ) -> None:
        self._settings = settings
        self._api = api
        self._room = room
        self._routes = routes
        self._reader = reader
        self._watches = tuple(reader.watches.values())
        self.missing: Final[dict[str, str]] = {}
        self._since: int | None = None
        self._newest = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is something left to fill."""
        return self._since is not None

    def open(self, since: int) -> None:
        """Begin to fill the gap after a post; one still open is filled from its own beginning."""
        if self._settings.fill_gaps is GapFill.OFF:
            return
        self._since = since if self._since is None else min(since, self._since)
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._fill(self._since))

    def took(self, newest: int) -> None:
        """Hear of a post that the stream brought; the cursors move to it once the gap is closed."""
        self._newest = max(self._newest, newest)

    def check(self) -> None:
        """Raise what ended the filling.

        Raises:
            Fatal: the bus has stopped.
        """
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    async def stop(self) -> None:
        """Stop filling; the gap is filled after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _fill(self, since: int) -> None:
        for part in await self._parts():
            self.took(await self._read(part, since))
        self._since = None
        move(self._watches, self._newest)

    async def _parts(self) -> list[_Part]:
        """List what is to be read; accounts that don't exist are left out."""
        if self._settings.fill_gaps is GapFill.SEARCH:
            return [_Part(query) for query in self._routes.queries(RECENT_QUERY_CHARS)]
        handles = self._settings.accounts
        backoff = delays(_FIRST_WAIT_MS, _LONGEST_WAIT_MS, 2.0, self._room.jitter)
        while True:
            try:
                ids = await self._api.user_ids(handles)
            except Retryable as error:
                await self._wait(error, next(backoff))
            except Rejected as error:
                self._unfilled(Query("", ACCOUNTS, tuple(self._reader.watches)), str(error))
                return []
            else:
                return [
                    _Part(self._routes.queries_of(f"@{handle}", RECENT_QUERY_CHARS)[0], id_)
                    for handle, id_ in ids.items()
                ]

    async def _read(self, part: _Part, since: int) -> int:
        """Read one part however long it takes; gives the newest post's id."""
        backoff = delays(_FIRST_WAIT_MS, _LONGEST_WAIT_MS, 2.0, self._room.jitter)
        while True:
            try:
                reading = await self._reader.read(part.query, since, part.user_id)
            except Retryable as error:
                await self._wait(error, next(backoff))
            except Rejected as error:
                self._unfilled(part.query, str(error))
                return 0
            else:
                if not reading.whole:
                    self._unfilled(part.query, f"more than {self._settings.gap_pages} pages")
                return reading.newest

    async def _wait(self, error: Retryable, backoff_ms: int) -> None:
        wait_s = (error.retry_after_ns or 0) / SECOND_NS
        for watch in self._watches:
            watch.note = f"a gap waits to be filled: {error}"
        await self._room.sleep(max(wait_s, backoff_ms / 1000))

    def _unfilled(self, query: Query, why: str) -> None:
        said = f"posts may be missing, read them by `tidings backfill twitter`: {why}"
        for channel in query.channels:
            self.missing[channel] = self._reader.watches[channel].note = said
