"""Health over HTTP: status codes, who may ask, and the token."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import ClientSession, web

from core.contracts.clock import ManualClock
from core.contracts.errors import ConfigurationError, Retryable
from core.runtime.health import CheckResult, Health, HealthServer, require_token, tasks_check
from core.runtime.metrics import Metrics
from core.runtime.tasks import Supervisor

BAD = CheckResult(ok=False, detail="no connection for 9 s")
GOOD = CheckResult(ok=True, detail="connected")


class Answers:
    """Checks whose answers the test chooses."""

    venue = GOOD
    loop = GOOD


async def halt(_request: web.Request) -> web.Response:
    return web.Response(text="halted")


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
async def server(answers: Answers) -> AsyncIterator[HealthServer]:
    health = Health(ManualClock(1_000))
    health.add("venue", lambda: answers.venue)
    health.add("loop", lambda: answers.loop, vital=True)
    made = HealthServer(
        health,
        metrics=Metrics(),
        routes=[
            web.post("/control/halt", require_token("t0ken", halt)),
            web.post("/open", require_token(None, halt)),
        ],
        known_hosts=["Trader"],
    )
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client(server: HealthServer) -> AsyncIterator[ClientSession]:
    async with ClientSession(f"http://127.0.0.1:{server.port}") as session:
        yield session


async def status(client: ClientSession, path: str, **headers: str) -> int:
    async with client.get(path, headers=headers) as response:
        return response.status


async def test_healthy_process_is_live_and_ready(client: ClientSession) -> None:
    async with client.get("/health/ready") as response:
        assert response.status == 200
        assert await response.json() == {
            "live": True,
            "ready": True,
            "checked_ns": 1_000,
            "checks": {
                "venue": {"ok": True, "detail": "connected"},
                "loop": {"ok": True, "detail": "connected"},
            },
        }
    assert await status(client, "/health/live") == 200


async def test_failed_check_means_not_ready_but_live(
    client: ClientSession, answers: Answers
) -> None:
    answers.venue = BAD
    assert await status(client, "/health/live") == 200
    async with client.get("/health/ready") as response:
        assert response.status == 503
        checks = (await response.json())["checks"]
    assert checks["venue"] == {"ok": False, "detail": "no connection for 9 s"}


async def test_failed_vital_check_means_not_live(client: ClientSession, answers: Answers) -> None:
    answers.loop = BAD
    assert await status(client, "/health/live") == 503
    assert await status(client, "/health/ready") == 503


def test_check_that_raises_has_failed() -> None:
    health = Health(ManualClock())
    health.add("odd", lambda: CheckResult(ok=bool(1 // 0), detail=""))
    report = health.report()
    assert report.live
    assert not report.ready
    assert report.checks["odd"] == {
        "ok": False,
        "detail": "ZeroDivisionError: integer division or modulo by zero",
    }
    assert msgspec.json.decode(msgspec.json.encode(report))["ready"] is False


async def test_metrics_are_shown_as_prometheus_text(client: ClientSession) -> None:
    async with client.get("/metrics") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        assert "tidings_restarts" in await response.text()


async def test_without_metrics_there_is_no_such_route() -> None:
    server = HealthServer(Health(ManualClock()))
    await server.start()
    async with ClientSession(f"http://127.0.0.1:{server.port}") as client:
        assert await status(client, "/metrics") == 404
    await server.stop()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", 200),
        ("LOCALHOST:8080", 200),
        ("127.0.0.1:1", 200),
        ("127.9.9.9", 200),
        ("[::1]:80", 200),
        ("trader:9100", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("10.0.0.1", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
async def test_only_known_hosts_are_served(client: ClientSession, host: str, expected: int) -> None:
    assert await status(client, "/health/live", Host=host) == expected


async def test_request_without_host_is_refused(server: HealthServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /health/live HTTP/1.0\r\n\r\n")
    assert b" 403 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost:3000", 200),
        ("https://trader", 200),
        ("http://evil.example", 403),
        ("null", 403),
    ],
)
async def test_other_sites_pages_can_not_post(
    client: ClientSession, origin: str, expected: int
) -> None:
    async with client.post("/open", headers={"Origin": origin}) as response:
        assert response.status == expected


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("Bearer t0ken", 200),
        ("Bearer t0ke", 401),
        ("Bearer t0kenn", 401),
        ("Bearer tökèn", 401),
        ("Basic t0ken", 401),
        ("t0ken", 401),
        (None, 401),
    ],
)
async def test_control_route_needs_the_token(
    client: ClientSession, authorization: str | None, expected: int
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with client.post("/control/halt", headers=headers) as response:
        assert response.status == expected
        if expected == 401:
            assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_without_a_token_the_route_is_open(client: ClientSession) -> None:
    async with client.post("/open") as response:
        assert await response.text() == "halted"


def test_empty_token_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="token is empty"):
        require_token("", halt)


async def test_port_in_use_is_a_configuration_error(server: HealthServer) -> None:
    second = HealthServer(Health(ManualClock()), port=server.port)
    with pytest.raises(ConfigurationError, match=f"can't listen on 127.0.0.1:{server.port}: "):
        await second.start()


async def test_tasks_check_names_who_is_not_running() -> None:
    waiting = asyncio.Event()

    async def nap(_seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async def runs() -> None:
        await asyncio.Event().wait()

    async def fails() -> None:
        raise Retryable("no route")

    supervisor = Supervisor("test")
    check = tasks_check(supervisor)
    supervisor.start("bus", runs)
    assert check() == CheckResult(ok=True, detail="all tasks running")
    supervisor._sleep = nap
    supervisor.start("feed", fails)
    await waiting.wait()
    assert check() == CheckResult(
        ok=False, detail="feed restarting after 1 restarts (Retryable: no route)"
    )
    supervisor._sleep = asyncio.sleep
    await supervisor.stop()
