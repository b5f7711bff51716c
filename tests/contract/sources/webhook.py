"""The webhook as the contract suite sees it: a tool posts what is served."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol

from tests.servers.webhook import WebhookSender


class _Post(Protocol):
    @property
    def native_id(self) -> str: ...
    @property
    def title(self) -> str | None: ...
    @property
    def published(self) -> datetime | None: ...


class WebhookAdapter:
    source = "webhook"

    def __init__(self, sender: WebhookSender) -> None:
        self._sender = sender
        self.settings: dict[str, Any] = {"webhook": sender.settings}

    async def serve(self, *posts: _Post) -> None:
        for post in posts:
            item: dict[str, Any] = {"id": post.native_id, "format": "html"}
            if post.title is not None:
                item["title"] = post.title
            if post.published is not None:
                item["published"] = post.published.isoformat()
            await self._sender.serve(item)

    async def serve_nonsense(self) -> None:
        await self._sender.serve_raw(b"<html>Service unavailable</html>")


@asynccontextmanager
async def webhook() -> AsyncIterator[WebhookAdapter]:
    sender = WebhookSender()
    await sender.start()
    try:
        yield WebhookAdapter(sender)
    finally:
        await sender.stop()
