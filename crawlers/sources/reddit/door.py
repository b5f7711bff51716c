"""The door that asyncpraw's requests go through: bounded bodies, and each answer judged."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any, Final, cast

import aiohttp
import msgspec
from asyncprawcore import Requestor

from core.contracts.clock import Clock
from core.contracts.errors import Rejected, Retryable
from crawlers.http import TooLargeError
from crawlers.item import Refusal, RefusalReason
from crawlers.server_waits import retry_after_ns
from crawlers.sources.reddit.parse import decode
from crawlers.sources.reddit.posts import Json
from crawlers.sources.reddit.quota import Quota

APPS: Final = "https://www.reddit.com/prefs/apps"

_CHUNK_BYTES: Final = 65_536
_WAIT_UNTOLD_NS: Final = 10_000_000_000  # after 429 without a word on how long
_TOKEN_PATH: Final = "/api/v1/access_token"  # noqa: S105 - an address, no secret
_REASONS: Final = {  # Reddit's own words for refusing a subreddit
    "private": "is private: take it out, nobody without an invitation can read it",
    "banned": "was banned by Reddit: take it out",
    "quarantined": "is quarantined, which only accounts that opted in can read: take it out",
    "gold_only": "is for paying members only: take it out",
}


class RefusedKeyError(Rejected):
    """The app's id and secret are not accepted: no request will be."""


class UnreadableError(Retryable):
    """What came is not what Reddit's API answers.

    Attributes:
        refusal: for counting.
    """

    def __init__(self, what: str, refusal: Refusal) -> None:
        super().__init__(f"{what} could not be read: {refusal.detail[:200]}")
        self.refusal = refusal


class _Answer:
    """What asyncpraw sees of a response: its body is here in full, and known to be short enough.

    The quota's headers are left out: the library would sleep by them unseen, up to ten seconds
    before each request, where `Quota` waits less and tells.
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, what: str) -> None:
        self.status = status
        self.headers = headers
        self._body = body
        self._what = what

    async def json(self) -> Json:
        """Decode the body off the loop.

        Raises:
            UnreadableError: it is no JSON.
        """
        found = await asyncio.to_thread(decode, self._body)
        if isinstance(found, Refusal):
            raise UnreadableError(self._what, found)
        return found


class Door(Requestor):
    """Sends asyncpraw's requests; judges each answer before the library does."""

    def __init__(self, *, max_bytes: int, quota: Quota, clock: Clock, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(**settings)
        self._max_bytes = max_bytes
        self._quota = quota
        self._clock = clock

    @asynccontextmanager
    async def request(self, *args: Any, **kwargs: Any) -> AsyncIterator[aiohttp.ClientResponse]:  # noqa: ANN401
        """Send a request, and give its answer once all of it is here.

        Raises:
            RequestException: around ours; `Gateway` unwraps it.
        """
        kwargs |= {"allow_redirects": False, "timeout": None}  # None: that of the settings
        async with super().request(*args, **kwargs) as response:
            answer = self._judge(response, await self._body(response))
            yield cast(aiohttp.ClientResponse, answer)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            body += chunk
            if len(body) > self._max_bytes:
                response.close()  # its rest must not be read for the next request
                raise TooLargeError(
                    f"{response.url.path} sends more than {self._max_bytes} bytes: "
                    "raise max_answer_bytes"
                )
        return bytes(body)

    def _judge(self, response: aiohttp.ClientResponse, body: bytes) -> _Answer:
        """Pass on what is good, and 401 for a token, which the library then fetches anew.

        Raises:
            Retryable: Reddit can't, or not now.
            Rejected: Reddit won't.
        """
        now_ns, headers = self._clock.now_ns(), response.headers
        self._quota.heard(headers, now_ns)
        status, path = response.status, response.url.path
        for_token = path == _TOKEN_PATH
        if status < HTTPStatus.MULTIPLE_CHOICES:
            if for_token:
                _check_token(body)
            return _Answer(status, {}, body, path)
        if for_token and status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
            raise RefusedKeyError(
                f"Reddit refuses the client id or secret ({status}): check them at {APPS}"
            )
        if status == HTTPStatus.UNAUTHORIZED:
            return _Answer(status, {"www-authenticate": 'error="invalid_token"'}, body, path)
        wait_ns = retry_after_ns(headers, now_ns)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait_ns = _WAIT_UNTOLD_NS if wait_ns is None else wait_ns
            self._quota.barred(wait_ns, now_ns)
            raise Retryable(f"{path}: too many requests (429)", retry_after_ns=wait_ns)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
            told = headers.get("Retry-After")
            raise Retryable(f"{path} answered {status}", retry_after_ns=wait_ns if told else None)
        raise Rejected(f"{path} answered {status}: it {_why(status, body)}")


class _Token(msgspec.Struct):
    """What the library takes from an answer that gives a token."""

    access_token: str
    expires_in: int
    scope: str


class _NoToken(msgspec.Struct):
    """What the library takes from an answer that gives none."""

    error: str | int


def _check_token(body: bytes) -> None:
    """See that an answer about a token is one: the library takes that for granted.

    Raises:
        UnreadableError: it is not.
    """
    for kind in (_NoToken, _Token):
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            msgspec.json.decode(body, type=kind)
            return
    raise UnreadableError(_TOKEN_PATH, Refusal(RefusalReason.BAD_SHAPE, "no token came"))


def _why(status: int, body: bytes) -> str:
    """Say what a refusal means and what to do.

    Sample: {"reason": "private", "message": "Forbidden", "error": 403}
    """
    try:
        reason = msgspec.json.decode(body, type=dict[str, Any]).get("reason")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        reason = None
    if isinstance(reason, str) and reason in _REASONS:
        return _REASONS[reason]
    if status == HTTPStatus.FORBIDDEN:
        return "may not be read by this app: take it out, or check the app's access"
    return "does not exist, or no longer: check its spelling"
