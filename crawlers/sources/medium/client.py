"""Opens Medium's feeds: followed live, and back in time by the archive pages."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Final

import msgspec

from core.contracts.clock import Clock
from crawlers.history import History
from crawlers.http import open_session
from crawlers.newsroom import Newsroom, Task
from crawlers.normalise import Limits
from crawlers.robots import Robots
from crawlers.sources.medium.history import ArchiveHistory
from crawlers.sources.medium.parse import parse
from crawlers.sources.medium.settings import MediumSettings
from crawlers.sources.rss.history import FeedHistory
from crawlers.sources.rss.polling import open_feeds

SOURCE: Final = "medium"


async def open_source(settings: MediumSettings, room: Newsroom) -> dict[str, Task]:
    """Build the feeds, all polled by one task.

    Raises:
        Retryable: the cursor store can't be reached.
    """
    return await open_feeds(SOURCE, settings.all_feeds, settings, room, parse)


@asynccontextmanager
async def open_histories(
    settings: MediumSettings, limits: Limits, *, clock: Clock, jitter: Random
) -> AsyncIterator[Sequence[History]]:
    """Open the past: archives of publications and tags; of a user, what the feed holds."""
    del jitter  # waits are the caller's
    limits = msgspec.structs.replace(limits, default_zone=settings.zone)
    async with open_session(
        timeout_ms=settings.timeout_ms,
        connections_per_host=settings.connections_per_host,
        allow_private=settings.allow_private,
        contact=settings.contact,
    ) as session:
        robots = Robots(session, clock=clock) if settings.robots else None
        histories: list[History] = []
        for feed in settings.all_feeds:
            if feed.channel.startswith("@"):
                histories.append(
                    FeedHistory(
                        SOURCE,
                        feed,
                        settings,
                        limits=limits,
                        session=session,
                        robots=robots,
                        clock=clock,
                        parse=parse,
                    )
                )
            else:
                histories.append(
                    ArchiveHistory(
                        SOURCE,
                        feed.channel,
                        settings.home(feed.channel),
                        settings,
                        limits=limits,
                        session=session,
                        robots=robots,
                        clock=clock,
                    )
                )
        yield histories
