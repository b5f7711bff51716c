"""Medium as the contract suite sees it: one publication's feed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol

from tests.servers.medium import MediumSite


class _Post(Protocol):
    @property
    def native_id(self) -> str: ...
    @property
    def title(self) -> str | None: ...
    @property
    def published(self) -> datetime | None: ...


class MediumAdapter:
    source = "medium"

    def __init__(self, site: MediumSite) -> None:
        self._site = site
        self.settings: dict[str, Any] = {"medium": site.settings}

    async def serve(self, *posts: _Post) -> None:
        for post in posts:
            item: dict[str, Any] = {"id": post.native_id}
            if post.title is not None:
                item["title"] = post.title
            if post.published is not None:
                item["published"] = post.published.isoformat()
            self._site.posts.insert(0, item)  # also the same again

    async def serve_nonsense(self) -> None:
        asked = self._site.asked
        self._site.malformed = 1
        await self._site.until_asked(asked + 2)


@asynccontextmanager
async def medium() -> AsyncIterator[MediumAdapter]:
    site = MediumSite()
    await site.start()
    try:
        yield MediumAdapter(site)
    finally:
        await site.stop()
