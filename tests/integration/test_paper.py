from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil

from tests.integration.commands import answer, command, running, until
from tests.integration.trading_world import COINS, World, a_world, few_coins
from trader.simulator.settings import SimulatorSettings

PRICE = Decimal(40)


def a_real_exchange() -> SimulatorSettings:
    """Make the exchange that plays the real one: its books walk by themselves around a price."""
    every = few_coins()
    pairs = tuple(
        pair.model_copy(update={"mid": PRICE, "level_quantity": Decimal(1_000)})
        for pair in every.symbols
    )
    return every.model_copy(
        update={"source": "synthetic", "symbols": pairs, "step_interval_ms": 50}
    )


def heard(signals: int) -> Callable[[dict[str, Any]], bool]:
    """Make the question whether a trader has dealt with so many signals."""
    return lambda s: s["counts"].get("signals") == signals and not s["in_flight"]


async def untouched(world: World) -> None:
    """Check that nobody has logged in at the real exchange or sent it an order."""
    counts = (await world.state())["counts"]
    assert counts["order_frames"] == counts["orders"] == counts["report_listeners"] == 0


async def test_paper_trading_follows_the_real_books_and_sends_no_order_there(
    tmp_path: Path,
) -> None:
    paper = {"start_exchange": True, "balances": {"USDT": "1000"}}
    async with a_world(tmp_path, exchange=a_real_exchange(), paper=paper) as world:
        async with running("run", world.config) as lane:
            exchange = [process for process in lane.family() if process.pid != lane.pid]
            assert len(exchange) == 1
            status = f"{world.url}/control/status"
            await until(world.session, f"{world.url}/health/ready", lambda r: r["ready"], "start")
            for step in range(COINS):
                await world.release(step)
                got = await until(
                    world.session,
                    status,
                    heard(step + 1),
                    "a signal",
                )
            assert got["orders"] >= COINS - 1, got  # a book may come after the first news
            for position in got["positions"]:
                assert abs(Decimal(position["entry_price"]) / PRICE - 1) < Decimal("0.02")
            held = await answer(world.session, f"{world.url}/control/balances")
            free = {b["currency"]: Decimal(b["available"]) for b in held["balances"]}
            assert 0 < free["USDT"] < 1000
            listed = await command("orders", "--config", world.config, cwd=tmp_path)
            assert listed.stdout.count("filled") >= COINS - 1, listed.stdout
            await untouched(world)
            assert await lane.terminate() == 0
            assert not [process for process in exchange if process.is_running()]
        await untouched(world)


async def test_paper_exchange_ends_with_a_trader_that_was_killed(tmp_path: Path) -> None:
    paper = {"start_exchange": True}
    async with a_world(tmp_path, exchange=a_real_exchange(), paper=paper) as world:
        async with running("run", world.config) as lane:
            exchange = [process for process in lane.family() if process.pid != lane.pid]
            await lane.kill()
        _, alive = psutil.wait_procs(exchange, timeout=10)
        assert not alive
        await untouched(world)


async def test_paper_trading_without_the_real_exchange_says_why_and_fails(tmp_path: Path) -> None:
    variables = {
        f"TIDINGS_HITBTC__{name}_URL": f"{scheme}://127.0.0.1:9"
        for name, scheme in (("REST", "http"), ("PUBLIC", "ws"), ("TRADING", "ws"))
    }
    run = await command("run", cwd=tmp_path, variables=variables)
    assert run.returncode == 1
    assert "paper exchange" in run.stderr
    assert "GET /public/symbol" in run.stderr
    assert "port=9" in run.stderr
    assert "Unclosed" not in run.stderr
