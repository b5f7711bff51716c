"""Reddit as the contract suite sees it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from html import unescape
from typing import Any, Protocol

from tests.servers.reddit import Fault, RedditServer, submission

_HTML = re.compile(r"<script>.*?</script>|<[^>]*>")


class _Served(Protocol):
    @property
    def native_id(self) -> str: ...
    @property
    def title(self) -> str | None: ...
    @property
    def published(self) -> datetime | None: ...


class RedditAdapter:
    """Serves each title as a submission's, in plain text: Reddit's titles know no HTML."""

    source = "reddit"

    def __init__(self, server: RedditServer) -> None:
        self._server = server
        self.settings: dict[str, Any] = {"reddit": server.settings}

    async def serve(self, *posts: _Served) -> None:
        await self._server.serve(
            submission(
                post.native_id,
                None if post.title is None else unescape(_HTML.sub("", post.title)),
                created_utc=None if post.published is None else post.published.timestamp(),
            )
            for post in posts
        )

    async def serve_nonsense(self) -> None:
        self._server.faults.append(Fault(200, b"<html>Our CDN was unable to reach us</html>"))
        await self._server.until(lambda: not self._server.faults)


@asynccontextmanager
async def reddit() -> AsyncIterator[RedditAdapter]:
    server = RedditServer()
    await server.start()
    try:
        yield RedditAdapter(server)
    finally:
        await server.stop()
