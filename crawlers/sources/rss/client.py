"""Opens the configured feeds: followed live, and back in time where they link their past."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Final

from core.contracts.clock import Clock
from crawlers.history import History
from crawlers.newsroom import Newsroom, Task
from crawlers.normalise import Limits
from crawlers.sources.rss.history import open_feed_histories
from crawlers.sources.rss.parse import parse
from crawlers.sources.rss.polling import open_feeds
from crawlers.sources.rss.settings import RssSettings

SOURCE: Final = "rss"


async def open_source(settings: RssSettings, room: Newsroom) -> dict[str, Task]:
    """Build the feeds, all polled by one task.

    Raises:
        Retryable: the cursor store can't be reached.
    """
    return await open_feeds(SOURCE, settings.all_feeds, settings, room, parse)


@asynccontextmanager
async def open_histories(
    settings: RssSettings, limits: Limits, *, clock: Clock, jitter: Random
) -> AsyncIterator[Sequence[History]]:
    """Open each feed's past: what it holds, and what it links as older."""
    del jitter  # waits are the caller's
    async with open_feed_histories(
        SOURCE, settings.all_feeds, settings, limits, clock, parse
    ) as opened:
        yield opened
