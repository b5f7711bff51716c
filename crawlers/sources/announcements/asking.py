"""Asks exchanges' servers: no more often than they bear, and none of them after it said to wait."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from core.contracts.clock import Clock
from core.contracts.errors import Retryable
from crawlers.http import BarredError, Fetched, fetch
from crawlers.robots import Robots
from crawlers.sources.announcements.settings import AnnouncementSettings

_LONGEST_BACKOFF_MS: Final = 3_600_000
_BARRED_MS: Final = 60_000  # the first wait after a 403 or 418 that names no time
_MILLI_NS: Final = 1_000_000


class Server:
    """What one host has asked for, for all the lists and pages that are read from it.

    Attributes:
        free_at: loop time before which it is not asked.
        barred: how many times in a row it has barred us.
    """

    def __init__(self) -> None:
        self.free_at = 0.0
        self.barred = 0


class Asking:
    """All requests of this source.

    Args:
        settings: for all of them.
        session: from `open_session`.
        clock: for a `Retry-After` that is a date.
    """

    def __init__(
        self, settings: AnnouncementSettings, session: aiohttp.ClientSession, clock: Clock
    ) -> None:
        self._settings = settings
        self._session = session
        self._clock = clock
        self._servers: dict[str, Server] = {}
        self._admit = Robots(session, clock=clock).admit if settings.robots else None

    async def ask(
        self, url: str, *, etag: str | None = None, last_modified: str | None = None
    ) -> Fetched:
        """GET one document, conditionally where a validator is given.

        Raises:
            Retryable, Rejected: see `fetch`; also, unasked, while the server wants to be left.
        """
        server = self._servers.setdefault(urlsplit(url).netloc, Server())
        loop = asyncio.get_running_loop()
        wait_s = server.free_at - loop.time()
        if wait_s > 0:
            raise Retryable(
                f"{url} is not asked: its server said to wait",
                retry_after_ns=round(wait_s * 1_000_000_000),
            )
        headers = {}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        settings = self._settings
        try:
            fetched = await fetch(
                self._session,
                url,
                headers=headers,
                max_bytes=settings.max_document_bytes,
                max_redirects=settings.max_redirects,
                now_ns=self._clock.now_ns(),
                admit=self._admit,
            )
        except Retryable as error:
            if error.retry_after_ns is not None:
                server.free_at = loop.time() + error.retry_after_ns / 1_000_000_000
            raise
        except BarredError as error:
            wait_ms = min(_BARRED_MS << min(server.barred, 10), _LONGEST_BACKOFF_MS)
            server.barred += 1
            wait_ns = max(wait_ms * _MILLI_NS, error.retry_after_ns or 0)
            server.free_at = loop.time() + wait_ns / 1_000_000_000
            raise Retryable(
                f"{error}; its server is not asked for {wait_ns // 10**9} s",
                retry_after_ns=wait_ns,
            ) from error
        server.barred = 0
        if fetched.wait_ns is not None:
            server.free_at = loop.time() + fetched.wait_ns / 1_000_000_000
        return fetched
