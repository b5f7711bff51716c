"""A running lane tells its operator: that telling works, what the gate did, who fell silent."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from console.lanes.host import Host
from console.settings import (
    HealthSettings,
    NotificationSettings,
    RuntimeSettings,
    Settings,
    load_settings,
)
from core.contracts.errors import ConfigurationError, Fatal
from core.runtime.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, Seal
from tests.integration.commands import PATIENCE_S, POLL_S, command, running
from tests.integration.news_servers import serving
from tests.integration.trading_world import World, a_world

SECRET = "0123456789abcdef0123456789abcdef"


class Desk:
    """Where the operator reads."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.signed: list[bool] = []
        self.away = False
        self.changed = asyncio.Event()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.away:
            return web.Response(status=503)
        stamp = request.headers[TIMESTAMP_HEADER]
        seal = Seal([SECRET.encode()], 60_000)
        self.signed.append(seal.is_signed(stamp, body, request.headers[SIGNATURE_HEADER]))
        self.texts.append(json.loads(body)["text"])
        self.changed.set()
        return web.Response(text="ok")

    async def until(self, condition: Callable[[str], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not any(condition(text) for text in self.texts):
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    one = Desk()
    app = web.Application()
    app.router.add_post("/alerts", one.handle)
    async with serving(app) as port:
        one.url = f"http://127.0.0.1:{port}/alerts"
        yield one


async def until_check(world: World, name: str, *, ok: bool) -> None:
    """Wait until a health check says so."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with world.session.get(f"{world.url}/health/ready") as got:
                if (await got.json())["checks"][name]["ok"] is ok:
                    return
            await asyncio.sleep(POLL_S)


async def test_operator_is_told_of_the_gate_and_of_a_muted_desk(tmp_path: Path) -> None:
    async with desk() as operator:
        told = {"url": operator.url, "secret": SECRET, "min_interval_ms": 0}
        async with (
            a_world(tmp_path, notifications=told) as world,
            running("run", world.config) as lane,
        ):
            await operator.until(lambda text: text.startswith("[run] this is a test"))
            halt = ("halt", "--reason", "a drill", "--config", str(world.config))
            assert (await command(*halt, cwd=tmp_path)).returncode == 0
            await operator.until(lambda text: text.startswith("[run] the gate is halted: a drill"))
            operator.away = True
            resume = ("resume", "--config", str(world.config))
            assert (await command(*resume, cwd=tmp_path)).returncode == 0
            await until_check(world, "notifications", ok=False)
            operator.away = False
            await operator.until(lambda text: text.startswith("[run] the gate is active"))
            await until_check(world, "notifications", ok=True)
            async with world.session.get(f"{world.url}/metrics") as got:
                metrics = await got.text()
            assert 'tidings_notifications_total{what="told"} 2.0' in metrics
            assert 'tidings_channel_connected{channel="newswire:wire"} 1.0' in metrics
            await lane.kill()
        assert all(operator.signed)


async def test_operator_is_told_why_a_process_ends(tmp_path: Path) -> None:
    failing = asyncio.Event()

    async def fail() -> None:
        await failing.wait()
        raise Fatal("the journal can't be written: the disk is full")

    async with desk() as operator:
        settings = Settings(
            runtime=RuntimeSettings(data_dir=tmp_path),
            health=HealthSettings(port=0),
            notifications=NotificationSettings.model_validate(
                {"url": operator.url, "secret": SECRET, "test_interval_ms": 0}
            ),
        )
        host = Host("trade", settings)
        await host.start()
        host.supervisor.start("journal", fail)
        async with asyncio.timeout(PATIENCE_S):
            while not await host.state.heartbeats(host.clock.now_ns()):  # noqa: ASYNC110 - polled
                await asyncio.sleep(POLL_S)
        failing.set()
        with pytest.raises(Fatal):
            await host.supervisor.wait()
        await host.stop()
        assert operator.texts == [
            "[trade] trade stops: the journal can't be written: the disk is full"
        ]
        assert operator.signed == [True]


@pytest.mark.parametrize("url", ["hooks.example.com/services", "ftp://example.com/", "https://"])
def test_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="notifications") as told:
        load_settings(None, {"TIDINGS_NOTIFICATIONS__URL": url})
    assert url not in str(told.value)
