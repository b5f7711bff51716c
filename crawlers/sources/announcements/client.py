"""Follows exchanges' announcement lists and status pages, and reads their past."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Final

import aiohttp
from msgspec.structs import replace

from core.contracts.clock import Clock
from core.contracts.errors import Rejected, Retryable
from core.runtime.backoff import delays
from crawlers.history import History
from crawlers.http import open_session
from crawlers.newsroom import Newsroom, Task
from crawlers.normalise import Limits
from crawlers.sources.announcements.asking import Asking
from crawlers.sources.announcements.history import SOURCE as _SOURCE
from crawlers.sources.announcements.history import ListHistory, StatusHistory
from crawlers.sources.announcements.lists import FollowedList
from crawlers.sources.announcements.settings import AnnouncementSettings
from crawlers.sources.announcements.status import FollowedStatusPage

SOURCE: Final = _SOURCE

_MISSED_POLLS: Final = 3
_LEAST_ANSWER_MS: Final = 30_000  # a list asked each second may miss a few answers
_LONGEST_BACKOFF_MS: Final = 60_000  # who wants a longer one says so
_NEVER_MS: Final = 10 * 365 * 86_400_000
_MILLI_NS: Final = 1_000_000


async def open_source(settings: AnnouncementSettings, room: Newsroom) -> dict[str, Task]:
    """Build the lists and pages, all polled by one task.

    Raises:
        Retryable: the cursor store can't be reached.
    """
    seen = await room.seen(SOURCE)
    lists: list[FollowedList] = []
    for one in settings.all_lists:
        watch = await room.watch(
            SOURCE,
            one.channel,
            zone=one.zone,
            answer_limit_ms=_answer_limit_ms(one.every_ms, settings),
        )
        lists.append(FollowedList(one, watch, seen, room))
    pages: list[FollowedStatusPage] = []
    for page in settings.all_status_pages:
        watch = await room.watch(
            SOURCE,
            page.channel,
            answer_limit_ms=_answer_limit_ms(page.interval_ms, settings),
            stale_after_ms=_NEVER_MS,  # a quiet status page is a good one
        )
        pages.append(FollowedStatusPage(page, watch, seen, room))
    return {SOURCE: AnnouncementSource(settings, lists, pages, room).run}


@asynccontextmanager
async def open_histories(
    settings: AnnouncementSettings, limits: Limits, *, clock: Clock, jitter: Random
) -> AsyncIterator[Sequence[History]]:
    """Open the past of every configured list and page."""
    del jitter  # the reader of the pages waits
    async with _session(settings) as session:
        asking = Asking(settings, session, clock)
        yield [
            *(
                ListHistory(one, asking, replace(limits, default_zone=one.zone), clock)
                for one in settings.all_lists
            ),
            *(StatusHistory(page, asking, limits) for page in settings.all_status_pages),
        ]


class AnnouncementSource:
    """All lists and pages.

    Args:
        settings: for all of them.
        lists: one for each of `settings.all_lists`.
        pages: one for each of `settings.all_status_pages`.
        room: see `Newsroom`.
    """

    def __init__(
        self,
        settings: AnnouncementSettings,
        lists: Sequence[FollowedList],
        pages: Sequence[FollowedStatusPage],
        room: Newsroom,
    ) -> None:
        self._settings = settings
        self._lists = lists
        self._pages = pages
        self._room = room

    async def run(self) -> None:
        """Poll each until cancelled; one's failure is its own, unless its server bars us.

        Raises:
            Fatal: the bus has stopped.
        """
        try:
            async with _session(self._settings) as session, asyncio.TaskGroup() as group:
                asking = Asking(self._settings, session, self._room.clock)
                for one in self._lists:
                    group.create_task(self._follow(one, one.settings.every_ms, asking))
                for page in self._pages:
                    group.create_task(self._follow(page, page.settings.interval_ms, asking))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several

    async def _follow(
        self, followed: FollowedList | FollowedStatusPage, interval_ms: int, asking: Asking
    ) -> None:
        """Poll one for ever."""
        loop, room = asyncio.get_running_loop(), self._room
        jitter = self._settings.jitter
        await room.sleep(room.jitter.random() * jitter * interval_ms / 1000)
        backoff = self._backoff(interval_ms)
        while True:
            started = loop.time()
            try:
                await followed.poll(asking)
            except (Retryable, Rejected) as error:
                followed.watch.failed(str(error))
                asked_ns = error.retry_after_ns if isinstance(error, Retryable) else None
                wait_ms = max(interval_ms + next(backoff), (asked_ns or 0) // _MILLI_NS)
            else:
                backoff = self._backoff(interval_ms)
                wait_ms = round(interval_ms * (1 + jitter * (2 * room.jitter.random() - 1)))
            await room.sleep(max(0.0, started + wait_ms / 1000 - loop.time()))

    def _backoff(self, interval_ms: int) -> Iterator[int]:
        return delays(interval_ms, max(interval_ms, _LONGEST_BACKOFF_MS), 2.0, self._room.jitter)


def _answer_limit_ms(interval_ms: int, settings: AnnouncementSettings) -> int:
    return max(interval_ms * _MISSED_POLLS, _LEAST_ANSWER_MS) + settings.timeout_ms


def _session(settings: AnnouncementSettings) -> aiohttp.ClientSession:
    return open_session(
        timeout_ms=settings.timeout_ms,
        connections_per_host=settings.connections_per_host,
        allow_private=settings.allow_private,
    )
