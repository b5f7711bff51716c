"""Opens X: the ways in which its channels are followed, and their past."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Final

from core.contracts.clock import Clock
from crawlers.history import History
from crawlers.newsroom import Newsroom, Task
from crawlers.normalise import Limits
from crawlers.sources.twitter.api import Api
from crawlers.sources.twitter.history import open_archive
from crawlers.sources.twitter.keys import KeyPool
from crawlers.sources.twitter.polling import Polling
from crawlers.sources.twitter.reading import Reader
from crawlers.sources.twitter.routes import Routes
from crawlers.sources.twitter.settings import TwitterSettings, Way
from crawlers.sources.twitter.stream import Stream

SOURCE: Final = "twitter"

_MISSED: Final = 3  # polls, or keep-alives


async def open_source(settings: TwitterSettings, room: Newsroom) -> dict[str, Task]:
    """Build each configured way of reading, with a task of its own.

    The first way has the channels' own names in health; the others are further clients of them.

    Raises:
        Retryable: the cursor store can't be reached.
    """
    routes = Routes(settings)
    pool = KeyPool(tuple(settings.keys), room.jitter)
    tasks: dict[str, Task] = {}
    for number, way in enumerate(settings.ways):
        timelines = way is Way.TIMELINES
        channels = [f"@{one}" for one in settings.accounts] if timelines else routes.channels
        watches = {
            channel: await room.watch(
                SOURCE,
                channel,
                answer_limit_ms=_answer_limit_ms(settings, way),
                client=way.value if number else "",
                stale_after_ms=settings.stale_after_ms,
                detect_language=False,  # X says it, and the stream is on the way to an order
            )
            for channel in channels
        }
        api = Api(settings, pool, clock=room.clock, sleep=room.sleep)
        reader = Reader(settings, api, room, routes, watches)
        if way is Way.STREAM:
            tasks[f"{SOURCE}:{way}"] = Stream(settings, api, room, routes, reader).run
        elif watches:
            tasks[f"{SOURCE}:{way}"] = Polling(way, settings, api, room, routes, reader).run
    return tasks


@asynccontextmanager
async def open_histories(
    settings: TwitterSettings, limits: Limits, *, clock: Clock, jitter: Random
) -> AsyncIterator[Sequence[History]]:
    """Open the past of every channel that the configured archive holds."""
    async with open_archive(SOURCE, settings, limits, clock=clock, jitter=jitter) as histories:
        yield histories


def _answer_limit_ms(settings: TwitterSettings, way: Way) -> int:
    """How long X may be silent before a channel is unhealthy."""
    if way is Way.STREAM:
        return settings.keep_alive_timeout_ms * _MISSED
    searching = way is Way.SEARCH
    interval = settings.search_interval_ms if searching else settings.timeline_interval_ms
    return interval * _MISSED + settings.timeout_ms
