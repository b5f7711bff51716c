"""Asks X by tweepy's asynchronous clients, each request with a key that is free."""

import asyncio
import json
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from tweepy.asynchronous import AsyncClient  # type: ignore[import-untyped]

from core.contracts.clock import Clock
from core.contracts.errors import Rejected
from crawlers.http import USER_AGENT
from crawlers.newsroom import Sleep
from crawlers.server_waits import retry_after_ns, spent_wait_ns
from crawlers.sources.twitter.answers import parse_problem, parse_users
from crawlers.sources.twitter.keys import SECOND_NS, Failure, KeyPool
from crawlers.sources.twitter.settings import TwitterSettings

RECENT: Final = "search/recent"
ALL: Final = "search/all"
COUNTS: Final = "counts"
TIMELINE: Final = "users/tweets"
USERS: Final = "users/by"
STREAM: Final = "search/stream"
RULES: Final = "search/stream/rules"

FIELDS: Final = {
    "expansions": [
        "author_id",
        "in_reply_to_user_id",
        "referenced_tweets.id",
        "referenced_tweets.id.author_id",
    ],
    "tweet_fields": [
        "author_id",
        "created_at",
        "edit_history_tweet_ids",
        "entities",
        "in_reply_to_user_id",
        "lang",
        "note_tweet",
        "referenced_tweets",
        "withheld",
    ],
    "user_fields": ["username"],
}
"""What is asked of each post, the same everywhere, so that it becomes the same event."""

Client = Any  # tweepy has no types
Call = Callable[[Client], Awaitable[aiohttp.ClientResponse]]

_PROBLEM_BYTES: Final = 4_096
_USERS_A_REQUEST: Final = 100
_PATIENCE_NS: Final = 2 * SECOND_NS
_ALL_PACE_NS: Final = SECOND_NS + SECOND_NS // 20  # docs.x.com: one full-archive search a second
_FIRST_ERROR: Final = 400

# Its debug messages hold the keys.
logging.getLogger("tweepy").setLevel(logging.WARNING)


class AnswerError(Exception):
    """X answered with an error.

    Attributes:
        status: HTTP's.
        wait_ns: how long X asks to wait, where it does.
    """

    def __init__(self, status: int, why: str, wait_ns: int | None) -> None:
        super().__init__(
            f"{'refused with ' if status in (401, 402, 403) else ''}{status}"
            f"{' ' if why else ''}{why}"
        )
        self.status = status
        self.wait_ns = wait_ns


class _Detour(AbstractResolver):
    """Leads every name to one address: a proxy's or a test server's."""

    def __init__(self, connect_to: str) -> None:
        host, _, port = connect_to.rpartition(":")
        self._host, self._port = host, int(port)

    async def resolve(
        self,
        host: str,
        port: int = 0,  # noqa: ARG002 - the address has its own
        family: socket.AddressFamily = socket.AF_INET,
    ) -> list[ResolveResult]:
        infos = await asyncio.get_running_loop().getaddrinfo(
            self._host, self._port, type=socket.SOCK_STREAM, family=family
        )
        return [
            ResolveResult(
                hostname=host, host=str(at[0]), port=self._port, family=kind, proto=proto, flags=0
            )
            for kind, _, proto, _, at in infos
        ]

    async def close(self) -> None:
        """Nothing to close."""


class Api:
    """X's API behind the pool of keys; one for each way of reading, all with the same pool.

    Use it as a context: sessions are open within.

    Args:
        settings: keys, time-outs, where to connect.
        pool: which keys are free.
        clock: for limits.
        sleep: waits seconds; for limits by the second only.
    """

    def __init__(
        self, settings: TwitterSettings, pool: KeyPool, *, clock: Clock, sleep: Sleep
    ) -> None:
        self.pool: Final = pool
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._ssl: ssl.SSLContext | bool = True
        self._clients: dict[str, Client] = {}
        self._session: aiohttp.ClientSession | None = None
        self._ids: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        settings = self._settings
        if settings.ca_file is not None:
            self._ssl = await asyncio.to_thread(
                ssl.create_default_context, cafile=str(settings.ca_file)
            )
        seconds = settings.timeout_ms / 1000
        self._session = self.session(
            aiohttp.ClientTimeout(total=seconds, sock_connect=seconds / 2), None
        )
        for label in settings.keys:
            client = AsyncClient(self.token(label), return_type=aiohttp.ClientResponse)
            client.session = self._session
            client.user_agent = USER_AGENT
            self._clients[label] = client
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def token(self, label: str) -> str:
        """Give a key's secret, for tweepy alone."""
        return self._settings.keys[label].get_secret_value()

    def session(
        self,
        timeout: aiohttp.ClientTimeout,
        on_headers: Callable[[Mapping[str, str]], None] | None,
    ) -> aiohttp.ClientSession:
        """Make a session for tweepy that raises `AnswerError` for every error; close it after use.

        Args:
            timeout: of each request.
            on_headers: hears the headers of each good answer, before its body.
        """
        settings = self._settings

        async def check(response: aiohttp.ClientResponse) -> None:
            if response.status < _FIRST_ERROR:
                if (response.content_length or 0) > settings.max_message_bytes:
                    response.close()
                    raise Rejected(
                        f"{response.url.path} answers with {response.content_length} bytes: "
                        "raise max_message_bytes if that is right"
                    )
                if on_headers is not None:
                    on_headers(response.headers)
                return
            body = b""
            try:
                body = await response.content.read(_PROBLEM_BYTES)
            finally:
                response.close()
            wait_ns = retry_after_ns(response.headers, self._clock.now_ns())
            raise AnswerError(response.status, parse_problem(body), wait_ns)

        resolver = _Detour(settings.connect_to) if settings.connect_to else None
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._ssl, resolver=resolver),
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            raise_for_status=check,
            read_bufsize=settings.max_message_bytes // 2,  # a line may be twice as long
        )

    async def ask(self, endpoint: str, call: Call) -> bytes:
        """Make one request, with another key where one fails, and give the answer's body.

        Raises:
            Retryable: all keys are spent: until when.
            Rejected: the request is wrong, or X refuses all keys.
        """
        pool, tried = self.pool, False
        while True:
            now_ns = self._clock.now_ns()
            label = pool.pick((endpoint,), now_ns)
            if label is None:
                wait_ns = pool.free_ns((endpoint,)) - now_ns
                if tried or wait_ns > _PATIENCE_NS:
                    raise pool.spent((endpoint,), now_ns)
                await self._sleep(wait_ns / SECOND_NS)
                continue
            if endpoint == ALL:
                pool.pace(label, endpoint, now_ns + _ALL_PACE_NS)
            try:
                response = await call(self._clients[label])
                body = await body_of(response)
            except AnswerError as error:
                self.refused(label, endpoint, error)
            except (aiohttp.ClientError, OSError, json.JSONDecodeError) as error:
                self.lost(label, endpoint, error)
            else:
                now_ns = self._clock.now_ns()
                pool.answered(label, endpoint, now_ns, spent_wait_ns(response.headers, now_ns))
                return body
            tried = True

    def refused(self, label: str, endpoint: str, error: AnswerError) -> None:
        """Set a key aside because of X's answer.

        Raises:
            Rejected: the request is wrong, whatever the key.
        """
        failure = Failure.of(error.status)
        if failure is None:
            raise Rejected(f"X refuses a request to {endpoint}: {error}") from error
        now_ns = self._clock.now_ns()
        self.pool.failed(label, endpoint, failure, str(error), now_ns, error.wait_ns)

    def lost(self, label: str, endpoint: str, error: BaseException) -> None:
        """Set a key aside for a moment because no answer came."""
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        self.pool.failed(label, endpoint, Failure.NETWORK, why, self._clock.now_ns())

    async def user_ids(self, handles: tuple[str, ...]) -> dict[str, str]:
        """Give the ids of accounts, by handle; those that don't exist are left out.

        Raises:
            Retryable, Rejected: as `ask`.
        """
        missing = [one for one in handles if one not in self._ids]
        for start in range(0, len(missing), _USERS_A_REQUEST):
            self._ids.update(await self._look_up(missing[start : start + _USERS_A_REQUEST]))
        return {one: self._ids[one] for one in handles if one in self._ids}

    async def _look_up(self, handles: list[str]) -> dict[str, str]:
        body = await self.ask(USERS, lambda client: client.get_users(usernames=handles))
        return parse_users(body)


async def body_of(response: aiohttp.ClientResponse) -> bytes:
    """Give the body that tweepy has read: aiohttp keeps it, but only as text can it be had."""
    return (await response.text(encoding="utf-8", errors="replace")).encode()
