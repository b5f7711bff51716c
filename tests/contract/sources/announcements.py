"""An exchange's site as the contract suite sees it: its list, its blog and its status page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol

from tests.servers.exchange_news import ExchangeNews, exchange_news


class _Served(Protocol):
    @property
    def native_id(self) -> str: ...
    @property
    def title(self) -> str | None: ...
    @property
    def published(self) -> datetime | None: ...


class AnnouncementsAdapter:
    """Serves posts as announcements."""

    source = "announcements"

    def __init__(self, server: ExchangeNews, **settings: Any) -> None:  # noqa: ANN401
        self._server = server
        every = {"allow_private": True, "jitter": 0}
        self.settings: dict[str, Any] = {"announcements": every | settings}

    async def serve(self, *posts: _Served) -> None:
        for post in posts:
            self._server.serve(post.native_id, post.title, post.published)

    async def serve_nonsense(self) -> None:
        self._server.nonsense = 1


class StatusAdapter(AnnouncementsAdapter):
    """Serves posts as incidents."""

    async def serve(self, *posts: _Served) -> None:
        for post in posts:
            self._server.post(
                post.native_id,
                post.title or "",
                status="investigating",
                at=post.published,
                body="",
            )


@asynccontextmanager
async def announcement_list() -> AsyncIterator[AnnouncementsAdapter]:
    async with exchange_news() as server:
        yield AnnouncementsAdapter(server, lists=[server.binance("channel")])


@asynccontextmanager
async def announcement_feed() -> AsyncIterator[AnnouncementsAdapter]:
    async with exchange_news() as server:
        server.feed_holds = 50
        yield AnnouncementsAdapter(server, lists=[server.feed("channel")])


@asynccontextmanager
async def status_page() -> AsyncIterator[AnnouncementsAdapter]:
    async with exchange_news() as server:
        yield StatusAdapter(server, status_pages=[server.status_page("channel")])
