"""X as the contract suite sees it, by the stream and by recent search."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from html import unescape
from typing import Any, Protocol

from tests.servers.twitter import Post, XServer

_HTML = re.compile(r"<script>.*?</script>|<[^>]*>")


class _Served(Protocol):
    @property
    def native_id(self) -> str: ...
    @property
    def title(self) -> str | None: ...
    @property
    def published(self) -> datetime | None: ...


class TwitterAdapter:
    """Serves each title as the plain text of a post, since X knows neither titles nor HTML."""

    source = "twitter"

    def __init__(self, server: XServer, way: str) -> None:
        self._server = server
        self._way = way
        self.settings: dict[str, Any] = {"twitter": {**server.settings, "ways": [way]}}

    async def serve(self, *posts: _Served) -> None:
        if self._way == "stream":
            await self._server.until_connected()
        await self._server.serve(
            *(
                Post(
                    post.native_id,
                    None if post.title is None else unescape(_HTML.sub("", post.title)),
                    published=post.published,
                    matches=True,
                )
                for post in posts
            )
        )

    async def serve_nonsense(self) -> None:
        nonsense = b"<html>Service unavailable</html>"
        if self._way == "stream":
            await self._server.send_raw(nonsense + b"\r\n")
            return
        path = "/2/tweets/search/recent"
        asked = self._server.requests[f"GET {path}"]
        self._server.recorded[path] = nonsense
        await self._server.until(lambda: self._server.requests[f"GET {path}"] >= asked + 2)
        del self._server.recorded[path]


@asynccontextmanager
async def twitter_stream() -> AsyncIterator[TwitterAdapter]:
    server = XServer()
    await server.start()
    try:
        yield TwitterAdapter(server, "stream")
    finally:
        await server.stop()


@asynccontextmanager
async def twitter_search() -> AsyncIterator[TwitterAdapter]:
    server = XServer()
    await server.start()
    try:
        yield TwitterAdapter(server, "search")
    finally:
        await server.stop()
