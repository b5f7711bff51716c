"""Reads the past of X: full-archive or recent search, or timelines, page by page."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from core.contracts.clock import Clock
from core.contracts.errors import Rejected, Retryable
from crawlers.history import Cost, History, Page
from crawlers.normalise import Limits
from crawlers.sources.twitter.answers import parse_count
from crawlers.sources.twitter.api import ALL, COUNTS, FIELDS, RECENT, TIMELINE, Api
from crawlers.sources.twitter.keys import SECOND_NS, KeyPool
from crawlers.sources.twitter.parse import Found, parse, time_of
from crawlers.sources.twitter.routes import Query, Routes
from crawlers.sources.twitter.settings import (
    ALL_QUERY_CHARS,
    RECENT_QUERY_CHARS,
    Archive,
    TwitterSettings,
)

_RECENT_PAGE: Final = 100
_ALL_PAGE: Final = 500
_TIMELINE_POSTS: Final = 3_200
_WEEK_NS: Final = 7 * 86_400 * SECOND_NS
_END_BEFORE_NOW_NS: Final = 15 * SECOND_NS  # X wants an end at least 10 s ago
_MILLI_NS: Final = 1_000_000
_FIRST_POST_NS: Final = 1_142_974_214 * SECOND_NS  # X refuses ranges from before 21 March 2006


class TwitterHistory:
    """One channel's past.

    Attributes:
        source: `twitter`.
        channel: as live.
        limits: of texts.
    """

    def __init__(
        self,
        source: str,
        channel: str,
        limits: Limits,
        *,
        settings: TwitterSettings,
        api: Api,
        routes: Routes,
        clock: Clock,
    ) -> None:
        self.source = source
        self.channel = channel
        self.limits = limits
        self._archive: Final = settings.archive
        self._api = api
        self._routes = routes
        self._clock = clock
        self._longest = ALL_QUERY_CHARS if settings.archive is Archive.ALL else RECENT_QUERY_CHARS
        self._queries: Final[Sequence[Query]] = routes.queries_of(channel, self._longest)

    async def cost(self, since_ns: int, until_ns: int) -> Cost:
        """Count the posts by X's counts endpoints, which cost by the request, not by the post.

        Raises:
            Retryable, Rejected: as `page`.
        """
        if self._archive is Archive.TIMELINES:
            return Cost(
                _TIMELINE_POSTS // _RECENT_PAGE, exact=False, quota="posts read, requests a window"
            )
        size = _ALL_PAGE if self._archive is Archive.ALL else _RECENT_PAGE
        requests = posts = 0
        span = self._range(since_ns, until_ns)
        for query in self._queries if span else ():
            found = await self._count(query, span)
            posts += found
            requests += max(1, -(-found // size))
        return Cost(requests, exact=False, quota=f"about {posts} posts read, and requests a window")

    async def page(self, since_ns: int, until_ns: int, cursor: str | None) -> Page:
        """Read one page; see `History`. Times are whole seconds to X, so a little more may come.

        Raises:
            Retryable: all keys are spent: until when.
            Rejected: X refuses, or the range is not to be had.
        """
        number, _, token = (cursor or "0:").partition(":")
        index = int(number) if number.isdecimal() else 0
        span = self._range(since_ns, until_ns)
        if not span or index >= len(self._queries):
            return Page((), None)
        query = self._queries[index]
        body = await self._ask(query, span, token or None)
        handle = self.channel.removeprefix("@") if self._archive is Archive.TIMELINES else None
        answer = await asyncio.to_thread(parse, body, handle)
        if answer.broken is not None:
            raise Retryable(f"a page of {self.channel} can't be read: {answer.broken.detail}")
        if answer.next_token is not None:
            following: str | None = f"{index}:{answer.next_token}"
        else:
            following = f"{index + 1}:" if index + 1 < len(self._queries) else None
        return Page(
            [one.entry for one in answer.found if self._is_ours(one, query)],
            following,
            _oldest_ns(answer.found) if len(self._queries) == 1 else None,
        )

    def _is_ours(self, one: Found, query: Query) -> bool:
        """Leave out what live would put into another channel."""
        if one.author is None and query.text == f"from:{self.channel.removeprefix('@')}":
            return True
        return self.channel in self._routes.of(one.author, one.answered, (query.tag,))

    async def _ask(self, query: Query, span: dict[str, datetime], token: str | None) -> bytes:
        api, text = self._api, query.text
        if self._archive is Archive.ALL:
            return await api.ask(
                ALL,
                lambda client: client.search_all_tweets(
                    text, next_token=token, max_results=_ALL_PAGE, **span, **FIELDS
                ),
            )
        if self._archive is Archive.RECENT:
            return await api.ask(
                RECENT,
                lambda client: client.search_recent_tweets(
                    text, next_token=token, max_results=_RECENT_PAGE, **span, **FIELDS
                ),
            )
        handle = self.channel.removeprefix("@")
        ids = await api.user_ids((handle,))
        if handle not in ids:
            raise Rejected(f"X knows no account @{handle}: check its name under accounts")
        return await api.ask(
            TIMELINE,
            lambda client: client.get_users_tweets(
                ids[handle], pagination_token=token, max_results=_RECENT_PAGE, **span, **FIELDS
            ),
        )

    async def _count(self, query: Query, span: dict[str, datetime]) -> int:
        """Count a query's posts."""
        posts, token = 0, None
        more: dict[str, Any] = {"granularity": "day", **span}
        while True:
            body = await self._api.ask(
                COUNTS,
                lambda client: (
                    client.get_all_tweets_count(query.text, **more)
                    if self._archive is Archive.ALL
                    else client.get_recent_tweets_count(query.text, **more)
                ),
            )
            found, token = parse_count(body)
            posts += found
            if token is None:
                return posts
            more["next_token"] = token

    def _range(self, since_ns: int, until_ns: int) -> dict[str, datetime]:
        """Widen a range to whole seconds, within what X allows; empty where nothing is left.

        Raises:
            Rejected: the range begins before recent search does.
        """
        now_ns = self._clock.now_ns()
        since_ns = max(since_ns, _FIRST_POST_NS)
        until_ns = min(until_ns, now_ns - _END_BEFORE_NOW_NS)
        since_s, until_s = since_ns // SECOND_NS, -(-until_ns // SECOND_NS)
        if since_s >= until_s:
            return {}
        if self._archive is Archive.RECENT and since_ns <= now_ns - _WEEK_NS:
            raise Rejected(
                "recent search reaches back seven days: begin later, or set archive to all or "
                "timelines under [crawl.twitter]"
            )
        return {
            "start_time": datetime.fromtimestamp(since_s, UTC),
            "end_time": datetime.fromtimestamp(until_s, UTC),
        }


def _oldest_ns(found: Sequence[Found]) -> int | None:
    """Tell how far back a page reaches; X sorts by recency."""
    times = [at for one in found if (at := time_of(str(one.id))) is not None]
    return min(times) * _MILLI_NS if times else None


@asynccontextmanager
async def open_archive(
    source: str, settings: TwitterSettings, limits: Limits, *, clock: Clock, jitter: Random
) -> AsyncIterator[Sequence[History]]:
    """Open the past of all channels that the configured archive holds."""
    routes = Routes(settings)
    if settings.archive is Archive.TIMELINES:
        channels: Sequence[str] = [f"@{handle}" for handle in settings.accounts]
    else:
        channels = routes.channels
    pool = KeyPool(tuple(settings.keys), jitter)
    async with Api(settings, pool, clock=clock, sleep=asyncio.sleep) as api:
        yield [
            TwitterHistory(
                source, channel, limits, settings=settings, api=api, routes=routes, clock=clock
            )
            for channel in channels
        ]
