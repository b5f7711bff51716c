"""Keeps to robots.txt: what may be asked for, and how often (RFC 9309)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp
from protego import Protego
from yarl import URL

from core.contracts.clock import Clock
from core.contracts.errors import Rejected, Retryable
from crawlers.http import PRODUCT, fetch

MAX_BYTES: Final = 512_000  # RFC 9309 section 2.5 asks to read at least 500 KiB
KEPT_NS: Final = 86_400_000_000_000  # section 2.4: read again after a day

_MAX_REDIRECTS: Final = 5
_LONGEST_DELAY_NS: Final = 3_600_000_000_000
_MAX_ANSWERS: Final = 1_000
_SECOND_NS: Final = 1_000_000_000


class _Origin:
    """What one server's robots.txt says, and when the next request to it is welcome."""

    def __init__(self) -> None:
        self.lock: Final = asyncio.Lock()
        self.rules: Protego | None = None
        self.read_ns: int | None = None
        self.answers: dict[str, bool] = {}
        self.delay_ns = 0
        self.next_ns = 0

    def is_fresh(self, now_ns: int) -> bool:
        return self.read_ns is not None and now_ns - self.read_ns < KEPT_NS


class Robots:
    """The rules of all servers that a session asks; hand `admit` to `fetch`.

    Args:
        session: from `open_session`; its guards hold for robots.txt, too.
        clock: for the age of what was read, and for crawl delays.
        sleep: waits seconds.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._clock = clock
        self._sleep = sleep
        self._origins: dict[str, _Origin] = {}

    async def admit(self, url: str) -> None:
        """Return when an address may be asked for, which `Crawl-delay` may put off.

        A server's robots.txt is read once a day. Where it answers 4xx, everything is allowed.

        Raises:
            Rejected: robots.txt forbids it.
            Retryable: robots.txt can't be read (5xx, no answer), and so nothing may be asked for
                but what an earlier copy allows.
        """
        origin = self._origins.setdefault(str(URL(url).origin()), _Origin())
        allowed = origin.answers.get(url) if origin.is_fresh(self._clock.now_ns()) else None
        if allowed is None:
            async with origin.lock:
                await self._read(origin, url)
                allowed = await self._ask(origin, url)
        if not allowed:
            raise Rejected(
                f"robots.txt forbids {url}: ask its publisher, and set robots = false if they agree"
            )
        if origin.delay_ns:
            now_ns = self._clock.now_ns()
            turn_ns = max(now_ns, origin.next_ns)
            origin.next_ns = turn_ns + origin.delay_ns
            if turn_ns > now_ns:
                await self._sleep((turn_ns - now_ns) / _SECOND_NS)

    async def _read(self, origin: _Origin, url: str) -> None:
        """Read robots.txt unless what was read is from today."""
        now_ns = self._clock.now_ns()
        if origin.is_fresh(now_ns):
            return
        address = str(URL(url).origin().with_path("/robots.txt"))
        try:
            fetched = await fetch(
                self._session,
                address,
                headers={},
                max_bytes=MAX_BYTES,
                max_redirects=_MAX_REDIRECTS,
                now_ns=now_ns,
                cut=True,
            )
        except Rejected:
            text = ""
        except Retryable as error:
            if origin.rules is not None:
                return
            raise Retryable(
                f"{address} must be read first: {error}", retry_after_ns=error.retry_after_ns
            ) from error
        else:
            text = fetched.body.decode("utf-8", "replace")
        rules = await asyncio.to_thread(Protego.parse, text)
        delay_s = rules.crawl_delay(PRODUCT) or 0.0
        rate = rules.request_rate(PRODUCT)
        if rate is not None and rate.requests > 0:
            delay_s = max(delay_s, rate.seconds / rate.requests)
        origin.rules, origin.read_ns = rules, now_ns
        origin.delay_ns = min(round(delay_s * _SECOND_NS), _LONGEST_DELAY_NS)
        origin.answers.clear()

    @staticmethod
    async def _ask(origin: _Origin, url: str) -> bool:
        """Look an address up in the rules, off the loop: there may be thousands of them."""
        allowed = origin.answers.get(url)
        if allowed is None:
            rules = origin.rules or Protego()
            allowed = await asyncio.to_thread(rules.can_fetch, url, PRODUCT)
            if len(origin.answers) >= _MAX_ANSWERS:
                origin.answers.clear()
            origin.answers[url] = allowed
        return allowed
