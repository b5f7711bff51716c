"""A tool that posts signed events as senders do: in order, again after a 503, and also wrongly."""

import asyncio
import contextlib
import json
import time
from collections import Counter, deque
from typing import Any, Final

import aiohttp

from core.runtime.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from tests.servers.loopback import free_port

CHANNEL: Final = "channel"
SECRET: Final = "0123456789abcdef0123456789abcdef"
_AGAIN_S: Final = 0.02


def headers_for(
    body: bytes, *, secret: str = SECRET, at_s: float | None = None, content_type: str | None = None
) -> dict[str, str]:
    """Stamp and sign a body."""
    stamp = str(int(time.time() if at_s is None else at_s))
    return {
        TIMESTAMP_HEADER: stamp,
        SIGNATURE_HEADER: sign(secret.encode(), stamp, body),
        "Content-Type": content_type or "application/json",
    }


class WebhookSender:
    """Posts what it is given, in order, until each is answered for good.

    Attributes:
        settings: for `[crawl.webhook]`.
        answers: how many of each status came.
        doubled: every request is sent twice.
        forged: a request with a wrong signature, and one with an old stamp, goes before each.
        malformed: what is no JSON goes before each.
        cut: half of each request is sent first, on a connection that is then cut.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/events/{CHANNEL}"
        self.settings: dict[str, Any] = {
            "port": self.port,
            "channels": [{"channel": CHANNEL, "secrets": [SECRET]}],
        }
        self.answers: Counter[int] = Counter()
        self.doubled = self.forged = self.malformed = self.cut = False
        self._bodies: deque[bytes] = deque()
        self._waiting = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to send what is served."""
        self._task = asyncio.create_task(self._send_all())

    async def stop(self) -> None:
        """Send no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def serve(self, *posts: dict[str, Any]) -> None:
        """Have items posted, one a request."""
        for post in posts:
            await self.serve_raw(json.dumps(post).encode())

    async def serve_raw(self, body: bytes) -> None:
        """Have a body posted as it is, signed."""
        self._bodies.append(body)
        self._waiting.set()

    async def _send_all(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                while self._bodies:
                    body = self._bodies[0]
                    await self._faults(session, body)
                    for _ in range(1 + self.doubled):
                        await self._until_answered(session, body)
                    self._bodies.popleft()
                self._waiting.clear()
                await self._waiting.wait()

    async def _faults(self, session: aiohttp.ClientSession, body: bytes) -> None:
        """Send what has to be turned away."""
        if self.forged:
            await self._try(session, body, headers_for(body, secret=SECRET[::-1]))
            await self._try(session, body, headers_for(body, at_s=time.time() - 3_600))
        if self.malformed:
            await self._until_answered(session, b'{"id": ')
        if self.cut:
            await self._cut(body)

    async def _cut(self, body: bytes) -> None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return  # not listening yet
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers_for(body).items())
        head = f"POST /events/{CHANNEL} HTTP/1.1\r\nHost: localhost\r\n{lines}"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2])
        await writer.drain()
        writer.transport.abort()

    async def _until_answered(self, session: aiohttp.ClientSession, body: bytes) -> None:
        while True:
            if await self._try(session, body, headers_for(body)) not in (None, 503):
                return
            await asyncio.sleep(_AGAIN_S)

    async def _try(
        self, session: aiohttp.ClientSession, body: bytes, headers: dict[str, str]
    ) -> int | None:
        """Send once; None where nobody listens, or the connection broke."""
        try:
            async with session.post(self.url, data=body, headers=headers) as response:
                self.answers[response.status] += 1
                return response.status
        except aiohttp.ClientError:
            return None
