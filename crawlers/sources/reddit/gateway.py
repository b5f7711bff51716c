"""The one way to Reddit: asyncpraw with bounded answers, paced by the quota, in our errors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpraw
from asyncprawcore import AsyncPrawcoreException, OAuthException, RequestException

from core.contracts.clock import Clock
from core.contracts.errors import Retryable, TidingsError
from crawlers.http import USER_AGENT, open_session
from crawlers.item import Refusal
from crawlers.sources.reddit.door import APPS, Door, RefusedKeyError, UnreadableError
from crawlers.sources.reddit.parse import Listing
from crawlers.sources.reddit.posts import Json
from crawlers.sources.reddit.quota import NS_PER_S, Quota
from crawlers.sources.reddit.settings import RedditSettings

Sleep = Callable[[float], Awaitable[None]]

_CONNECTIONS: Final = 4


class Gateway:
    """Asks Reddit, each request in its turn.

    Args:
        reddit: asyncpraw's client, with `Door` as its requestor.
        quota: fed by the door.
        clock: for the quota.
        sleep: waits seconds.
        patience_ms: a longer wait for quota is raised, not sat out.
    """

    def __init__(
        self,
        reddit: asyncpraw.Reddit,
        quota: Quota,
        *,
        clock: Clock,
        sleep: Sleep,
        patience_ms: int,
    ) -> None:
        self.quota: Final = quota
        self._reddit = reddit
        self._clock = clock
        self._sleep = sleep
        self._patience_ns = patience_ms * 1_000_000
        self._turn = asyncio.Lock()

    async def ask(
        self, path: str, params: Mapping[str, str | int], read: Callable[[Json], Listing | Refusal]
    ) -> Listing:
        """GET a path and read the answer off the loop.

        Raises:
            Retryable: no answer, a limit, or Reddit's failure; with how long to wait, if known.
            UnreadableError: an answer that `read` refuses, or no JSON.
            Rejected: Reddit refuses; the message says what to do. `RefusedKeyError` concerns all.
        """
        return await self._read(path, await self.get(path, params), read)

    async def ask_more(
        self, thread: str, children: list[str], read: Callable[[Json], Listing | Refusal]
    ) -> Listing:
        """Fetch comments that a thread's answer left out, at most 100; raises as `ask`."""
        form = {"link_id": f"t3_{thread}", "children": ",".join(children), "sort": "new"}
        path = "api/morechildren"
        return await self._read(path, await self._request("POST", path, data=form), read)

    async def get(self, path: str, params: Mapping[str, str | int]) -> Json:
        """GET a path's JSON; raises as `ask`."""
        return await self._request("GET", path, params=dict(params))

    async def _read(
        self, path: str, found: Json, read: Callable[[Json], Listing | Refusal]
    ) -> Listing:
        listing = await asyncio.to_thread(read, found)
        if isinstance(listing, Refusal):
            raise UnreadableError(path, listing)
        return listing

    async def _request(self, method: str, path: str, **content: Any) -> Json:  # noqa: ANN401
        await self._take_turn()
        try:
            return await self._reddit.request(method=method, path=path, **content)
        except RequestException as error:
            original = error.original_exception
            if isinstance(original, TidingsError):
                raise original from None
            if isinstance(original, TimeoutError):
                raise Retryable(f"{path} was not answered in time") from None
            raise Retryable(
                f"{path} could not be read: {type(original).__name__}: {original}"
            ) from None
        except OAuthException as error:
            raise RefusedKeyError(
                f"Reddit gives the app no token ({error}): check its id and secret at {APPS}"
            ) from None
        except AsyncPrawcoreException as error:  # 401 again and again, with a token just fetched
            raise RefusedKeyError(
                f"Reddit refuses its own token for {path} ({error}): check the app at {APPS}"
            ) from None

    async def _take_turn(self) -> None:
        """Wait for the quota, first come, first served.

        Raises:
            Retryable: it takes long; with how long.
        """
        async with self._turn:
            while wait_ns := self.quota.wait_ns(now_ns := self._clock.now_ns()):
                if wait_ns > self._patience_ns:
                    told = self.quota.note(now_ns) or "requests are being spread"
                    raise Retryable(f"waiting for quota: {told}", retry_after_ns=wait_ns)
                await self._sleep(wait_ns / NS_PER_S)
            self.quota.sent(now_ns)


@asynccontextmanager
async def open_gateway(
    settings: RedditSettings, *, clock: Clock, patience_ms: int, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[Gateway]:
    """Build the client for application-only access, and close it afterwards.

    What a `praw.ini` or the environment say is overruled by the settings.
    """
    quota = Quota()
    by = f" (by /u/{settings.username})" if settings.username else ""
    secrets = (settings.client_id, settings.client_secret)
    client_id, client_secret = (one.get_secret_value() if one else "" for one in secrets)
    async with open_session(
        timeout_ms=settings.timeout_ms,
        connections_per_host=_CONNECTIONS,
        allow_private=settings.allow_private,
    ) as session:
        reddit = asyncpraw.Reddit(
            "DEFAULT",
            requestor_class=Door,
            requestor_kwargs={
                "session": session,
                "timeout": settings.timeout_ms / 1000,
                "max_bytes": settings.max_answer_bytes,
                "quota": quota,
                "clock": clock,
            },
            client_id=client_id,
            client_secret=client_secret,
            refresh_token=None,
            username=None,
            password=None,
            user_agent=f"{USER_AGENT}{by}",
            reddit_url=settings.reddit_url,
            oauth_url=settings.oauth_url,
            short_url=settings.short_url,
            timeout=-(-settings.timeout_ms // 1000),
            check_for_updates=False,
        )
        yield Gateway(reddit, quota, clock=clock, sleep=sleep, patience_ms=patience_ms)
