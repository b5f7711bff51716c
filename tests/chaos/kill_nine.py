"""Kills Tidings' processes with SIGKILL at random moments and counts signals and orders.

    python -m tests.chaos.kill_nine --lane fast --events 2000 --kills 20
    python -m tests.chaos.kill_nine --lane kafka --events 2000 --kills 20

The news servers and the exchange are the outside world and stay up. Every event is a story of its
own that must trade, so at the end the exchange has to hold exactly one order for each event.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from benchmarks.broker import local_broker
from benchmarks.worlds import exchange_settings, generous, tradable, venue, wire
from console.demo.sockets import Endpoints as NewsEndpoints
from console.lanes.exchange import ChildProcess, read_endpoints
from core.runtime.journal.database import default_url
from core.runtime.journal.reader import JournalReader
from trader.simulator.server import Endpoints

LANES: Final = {"fast": ("run",), "kafka": ("crawl", "classify", "trade")}
READY_S: Final = 120.0
FINISH_S: Final = 120.0
SECONDS_PER_KILL: Final = {"fast": 3.0, "kafka": 5.0}


class Killable:
    """One process of Tidings, started with `python -m console`, killed and started again."""

    def __init__(self, command: str, environment: dict[str, str]) -> None:
        self._command = command
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait for its ready line."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "console",
            self._command,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
        )
        self._process = process
        if process.stdout is None:
            raise RuntimeError("no pipe")
        async with asyncio.timeout(READY_S):
            if not await process.stdout.readline():
                raise RuntimeError(f"{self._command} ended with {await process.wait()}")

    async def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """End it as an operator does."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()


def toml(value: object) -> str:
    """Write settings as TOML: tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(inner) for inner in value) + "]"
    return json.dumps(value)


async def set_books(session: aiohttp.ClientSession, control_url: str) -> None:
    """Give every coin a deep book at 1 USDT."""
    for code in tradable():
        body = {
            "symbol": f"{code}USDT",
            "bids": [["0.9999", "1000000000"]],
            "asks": [["1.0001", "1000000000"]],
        }
        async with session.post(f"{control_url}/book", json=body) as answer:
            answer.raise_for_status()


async def run(
    lane: str, events: int, kills: int, seed: int, bootstrap: str | None
) -> dict[str, Any]:
    """Run one lane through all its kills and give the counts."""
    chance = random.Random(seed)
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        exchange = await ChildProcess.start(
            "trader.simulator",
            "--config",
            "-",
            first_line=exchange_settings(immediate=False).model_dump_json().encode(),
        )
        stack.push_async_callback(exchange.stop)
        endpoints = read_endpoints(exchange.ready)
        await set_books(session, endpoints.control_url)
        news = await _news(directory, events, events / (kills * SECONDS_PER_KILL[lane]))
        stack.push_async_callback(news.stop)
        addresses = msgspec.json.decode(news.ready, type=NewsEndpoints)
        processes = {
            name: Killable(name, _environment(directory, name, endpoints, addresses, bootstrap))
            for name in LANES[lane]
        }
        for process in processes.values():
            await process.start()
            stack.push_async_callback(process.stop)
        async with session.post(f"{addresses.control_url}/start", json={}) as answer:
            answer.raise_for_status()
        killed: Counter[str] = Counter()
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.05, 1.5))
            name = chance.choice(LANES[lane])
            await processes[name].kill()
            killed[name] += 1
            await processes[name].start()
        state = await _finish(session, endpoints.control_url, events)
        for process in processes.values():
            await process.stop()
        owner = "run" if lane == "fast" else "trade"
        async with JournalReader(default_url(directory / owner)) as reader:
            signals = len({s.id for s in await reader.signals(limit=10 * events)})
            refused = Counter(r.reason.value for r in await reader.refusals(limit=10 * events))
    received = [order["received"] for order in state["orders"]]
    return {
        "lane": lane,
        "events": events,
        "kills": dict(killed),
        "signals": signals,
        "refused": dict(refused),
        "orders": len(received),
        "orders_received_twice": sum(1 for times in received if times != 1),
        "order_frames": state["counts"]["order_frames"],
        "missing": events - len(received),
        "seconds": round(time.monotonic() - began, 1),
        "ok": signals == events == len(received) == state["counts"]["order_frames"],
    }


async def _news(directory: Path, events: int, rate: float) -> ChildProcess:
    assets = directory / "assets.json"
    assets.write_text(json.dumps([{"code": c, "name": n} for c, n in tradable().items()]))
    arguments = ("--bulk", str(events), "--assets", str(assets), "--rate", f"{rate:.1f}")
    return await ChildProcess.start("console.demo.news_server", *arguments)


def _environment(
    directory: Path,
    name: str,
    endpoints: Endpoints,
    news: NewsEndpoints,
    bootstrap: str | None,
) -> dict[str, str]:
    """Write a process's configuration and give its environment."""
    settings = {
        **generous(str(directory / name)),
        "crawl": {"newswire": [wire(news.ws_url)]},
        "hitbtc": venue(endpoints, exchange_settings()),
    }
    if bootstrap is not None:
        settings["kafka"] = {
            "bootstrap": bootstrap,
            "topic_prefix": f"kill-{os.getpid()}.",
            "instance": name,
        }
    config = directory / f"{name}.toml"
    config.write_text("".join(f"{key} = {toml(value)}\n" for key, value in settings.items()))
    config.chmod(0o600)
    return {**os.environ, "TIDINGS_CONFIG": str(config)}


async def _finish(session: aiohttp.ClientSession, control_url: str, events: int) -> dict[str, Any]:
    """Wait until the exchange has as many orders as there are events, then a little longer."""
    deadline = time.monotonic() + FINISH_S
    while time.monotonic() < deadline:
        async with session.get(f"{control_url}/state?only=counts") as answer:
            if (await answer.json())["counts"]["orders"] >= events:
                break
        await asyncio.sleep(0.5)
    await asyncio.sleep(2)  # a second order of the same signal would come now
    async with session.get(f"{control_url}/state") as answer:
        state: dict[str, Any] = await answer.json()
    return state


def main() -> int:
    """Run from the command line; exit code 1 when a signal is missing or was ordered twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lane", choices=list(LANES), default="fast")
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if asked.lane == "fast":
        counts = asyncio.run(run("fast", asked.events, asked.kills, asked.seed, None))
    else:
        with local_broker() as bootstrap:
            counts = asyncio.run(run("kafka", asked.events, asked.kills, asked.seed, bootstrap))
    sys.stdout.write(json.dumps(counts, indent=2) + "\n")
    return 0 if counts["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
