import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from core.contracts.trace import STAGES
from core.runtime.metrics import TOTAL
from tests.integration.commands import Running, answer, command, running, until
from tests.integration.trading_world import World, a_world

MAX_RSS_BYTES = 300 * 1024 * 1024
TOKEN = "only-for-this-test"


async def orders_at(world: World) -> int:
    return len((await world.state())["orders"])


async def status_when(world: World, what: str, **wanted: object) -> dict[str, Any]:
    """Wait until the status or its counts have these values."""
    found: dict[str, Any] = await until(
        world.session,
        f"{world.url}/control/status",
        lambda s: all((s["counts"] | s).get(name) == value for name, value in wanted.items()),
        what,
    )
    return found


async def told(world: World, *arguments: str, code: int = 0) -> str:
    """Give an operator's command; returns what it printed."""
    run = await command(*arguments, "--config", world.config, cwd=world.config.parent)
    assert run.returncode == code, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    return run.stdout


async def trade_one(world: World, step: int, orders: int) -> None:
    await world.release(step)
    await status_when(world, f"order {orders}", orders=orders, in_flight=0)


async def test_gate_moved_by_hand_holds_back_orders_and_outlives_kill_nine(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        async with running("run", world.config) as lane:
            await trade_one(world, 0, 1)
            shown = await told(world, "status")
            assert re.search(r"^gate +active$", shown, re.MULTILINE)
            assert "open" in shown
            assert "filled" in await told(world, "orders")
            assert "USDT" in await told(world, "balances")

            assert "halted" in await told(world, "halt", "--reason", "a drill")
            await world.release(1)
            await status_when(world, "the refusal", refused_gate_halted=1, gate_reason="a drill")
            assert await orders_at(world) == 1
            await told(world, "status", code=3)
            await lane.kill()
        async with running("run", world.config) as lane:
            shown = await told(world, "status", code=3)
            assert "a drill" in shown
            await world.release(2)
            await status_when(world, "the refusal", refused_gate_halted=1)
            assert await orders_at(world) == 1

            assert "active" in await told(world, "resume")
            await trade_one(world, 3, 2)

            assert "reducing" in await told(world, "reduce")
            await world.release(4)
            await status_when(world, "the refusal", refused_gate_reducing=1)
            assert "closing 2 positions" in await told(world, "flatten")
            await status_when(world, "the closing", positions=[], in_flight=0)
            sides = [order["side"] for order in (await world.state())["orders"]]
            assert sides.count("sell") == 2
            assert "exit" in await told(world, "orders")
            await ended(lane)


async def ended(lane: Running) -> None:
    family = lane.family()
    assert await lane.terminate() == 0
    assert not [process for process in family if process.is_running()]


async def test_halt_while_nothing_runs_holds_at_the_next_start(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        assert "holds from the next start" in await told(world, "halt", "--reason", "at night")
        assert "at night" in await told(world, "status", code=3)
        async with running("run", world.config):
            await world.release(0)
            await status_when(world, "the refusal", refused_gate_halted=1, gate="halted")
            assert await orders_at(world) == 0
            await told(world, "status", code=3)
            await told(world, "resume")
            await trade_one(world, 1, 1)


async def test_without_a_lane_every_command_says_so(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        assert "no trader is running" in await told(world, "status")
        for name in ("flatten", "balances", "orders"):
            await told(world, name, code=1)


async def test_control_token_is_asked_of_everybody_who_changes_something(tmp_path: Path) -> None:
    gate = {"state": "halted", "reason": "x", "by": "somebody"}
    async with (
        a_world(tmp_path, health={"token": TOKEN}) as world,
        running("run", world.config),
    ):
        for path, body in (("gate", gate), ("flatten", None)):
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
                url = f"{world.url}/control/{path}"
                async with world.session.post(url, json=body, headers=headers) as got:
                    assert got.status == 401
        await status_when(world, "nothing", gate="active")
        assert "halted" in await told(world, "halt")
        wrong_token = {"TIDINGS_HEALTH__TOKEN": "wrong"}
        wrong = await command(
            *("resume", "--config", world.config), cwd=tmp_path, variables=wrong_token
        )
        assert wrong.returncode == 1
        assert "401" in wrong.stderr
        await status_when(world, "nothing", gate="halted")


async def test_gate_request_that_is_none_changes_nothing(tmp_path: Path) -> None:
    bodies = (b"", b"{}", b'{"state":"open","reason":"x","by":"y"}', b"\xff\xfe", b"[" * 5_000)
    async with a_world(tmp_path) as world, running("run", world.config):
        for body in bodies:
            async with world.session.post(f"{world.url}/control/gate", data=body) as got:
                assert got.status == 400, (body[:50], await got.text())
        await status_when(world, "nothing", gate="active")


async def test_health_and_metrics_of_a_running_lane(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world, running("run", world.config) as lane:
        await trade_one(world, 0, 1)
        await until(world.session, f"{world.url}/health/ready", lambda r: r["ready"], "readiness")
        assert await answer(world.session, f"{world.url}/health/live") == {"live": True}
        async with world.session.get(f"{world.url}/metrics") as got:
            metrics = await got.text()
        for hop in (*(f"{a}_{b}" for a, b in pairwise(STAGES)), TOTAL):
            assert re.search(rf'_count{{[^}}]*"{hop}"[^}}]*}} 1\.0', metrics), hop
        assert sum(p.memory_info().rss for p in lane.family()) < MAX_RSS_BYTES
