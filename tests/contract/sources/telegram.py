"""Telegram as the contract suite sees it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import unescape
from typing import Any, Protocol

from telethon import types

from tests.servers.telegram import TelegramServer

_HTML = re.compile(r"<script>.*?</script>|<[^>]*>")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # Telegram's way to say that there is no time


class _Served(Protocol):
    @property
    def native_id(self) -> str: ...
    @property
    def title(self) -> str | None: ...
    @property
    def published(self) -> datetime | None: ...


class TelegramAdapter:
    """Serves each title as the plain text of a message, since Telegram has no titles."""

    source = "telegram"

    def __init__(self, server: TelegramServer) -> None:
        self._server = server
        self.settings: dict[str, Any] = {"telegram": server.settings}

    async def serve(self, *posts: _Served) -> None:
        await self._server.until_following()
        for post in posts:
            text = unescape(_HTML.sub("", post.title or ""))
            at = post.published or _NEVER
            await self._server.serve(self._server.message(int(post.native_id), text, date=at))

    async def serve_nonsense(self) -> None:
        """Serve what a newer version of the protocol would understand."""
        await self._server.until_following()
        newest = max(self._server.channel.messages, default=0)
        unsupported = types.MessageMediaUnsupported()
        message = self._server.message(newest + 1_000, "", media=unsupported)
        await self._server.serve(message)


@asynccontextmanager
async def telegram() -> AsyncIterator[TelegramAdapter]:
    server = TelegramServer()
    await server.start()
    try:
        yield TelegramAdapter(server)
    finally:
        await server.stop()
