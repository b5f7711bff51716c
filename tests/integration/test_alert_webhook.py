"""Notifications over HTTP: signed, in the form chat services take, and never a secret in sight."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from core.contracts.clock import ManualClock
from core.contracts.errors import Rejected, Retryable
from core.runtime.alert_webhook import AlertWebhook
from core.runtime.notifications import Notification
from core.runtime.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, Seal
from tests.integration.news_servers import serving
from tests.servers.loopback import free_port

SECRET = "0123456789abcdef0123456789abcdef"
NOW_NS = 1_790_000_000_000_000_000
TOLD = Notification(
    service="run", subject="gate", text="gate is halted", at_ns=NOW_NS, suppressed=2
)


class ChatServer:
    """Answers as scripted, then 200; keeps what it got."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.requests: list[web.Request] = []
        self.script: deque[web.Response] = deque()
        self.hangs = False
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        self.bodies.append(await request.read())
        if self.hangs:
            await asyncio.sleep(5)
        return self.script.popleft() if self.script else web.Response(text="ok")


@asynccontextmanager
async def chat(
    secret: str | None = SECRET, timeout_ms: int = 5_000
) -> AsyncIterator[tuple[ChatServer, AlertWebhook]]:
    server = ChatServer()
    app = web.Application()
    app.router.add_post("/services/T0/{key}", server.handle)
    async with serving(app) as port:
        server.url = f"http://127.0.0.1:{port}/services/T0/hidden-key"
        receiver = AlertWebhook(
            server.url, secret=secret, timeout_ms=timeout_ms, clock=ManualClock(NOW_NS)
        )
        try:
            yield server, receiver
        finally:
            await receiver.close()


async def test_notification_is_posted_as_chat_services_take_it_and_signed() -> None:
    async with chat() as (server, receiver):
        await receiver.deliver(TOLD)
        (body,), (request,) = server.bodies, server.requests
        assert json.loads(body) == {
            "text": "[run] gate is halted",
            "service": "run",
            "subject": "gate",
            "at": "2026-09-21T14:13:20Z",
            "suppressed": 2,
        }
        assert request.content_type == "application/json"
        stamp = request.headers[TIMESTAMP_HEADER]
        assert stamp == "1790000000"
        assert Seal([SECRET.encode()], 1_000).is_signed(
            stamp, body, request.headers[SIGNATURE_HEADER]
        )


async def test_without_a_secret_it_is_not_signed() -> None:
    async with chat(secret=None) as (server, receiver):
        await receiver.deliver(TOLD)
        assert SIGNATURE_HEADER not in server.requests[0].headers


@pytest.mark.parametrize(
    ("status", "headers", "wait_s"),
    [
        (429, {"Retry-After": "7"}, 7),
        (429, {"Retry-After": "999999999999"}, 3_600),
        (503, {"Retry-After": "soon"}, 0),
        (500, {}, 0),
        (408, {}, 0),
    ],
)
async def test_busy_service_is_to_be_asked_again(
    status: int, headers: dict[str, str], wait_s: int
) -> None:
    async with chat() as (server, receiver):
        server.script.append(web.Response(status=status, headers=headers))
        with pytest.raises(Retryable, match=f"127.0.0.1 answered {status}") as told:
            await receiver.deliver(TOLD)
        assert told.value.retry_after_ns == wait_s * 1_000_000_000


@pytest.mark.parametrize("status", [302, 400, 403, 404, 410])
async def test_address_that_takes_nothing_is_told(status: int) -> None:
    async with chat() as (server, receiver):
        server.script.append(web.Response(status=status, headers={"Location": "/elsewhere"}))
        with pytest.raises(Rejected, match=f"answered {status}: check notifications.url"):
            await receiver.deliver(TOLD)
        assert len(server.requests) == 1


async def test_service_that_hangs_is_given_up_in_time() -> None:
    async with chat(timeout_ms=50) as (server, receiver):
        server.hangs = True
        with pytest.raises(Retryable, match="within 50 ms"):
            await receiver.deliver(TOLD)


async def test_errors_name_the_host_and_not_the_address() -> None:
    url = f"http://127.0.0.1:{free_port()}/services/T0/hidden-key"
    receiver = AlertWebhook(url, secret=SECRET, timeout_ms=1_000, clock=ManualClock(NOW_NS))
    with pytest.raises(Retryable) as told:
        await receiver.deliver(TOLD)
    await receiver.close()
    assert "127.0.0.1" in str(told.value)
    assert "hidden-key" not in str(told.value)
