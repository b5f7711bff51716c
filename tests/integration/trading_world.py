"""The world a lane trades in during a test: news servers, an exchange, a configuration."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.worlds import exchange_settings, generous, tradable, venue, wire
from console.demo.sockets import Endpoints as NewsEndpoints
from console.lanes.exchange import ChildProcess, read_endpoints
from tests.integration.commands import answer, write_config
from tests.integration.news_server_process import news_servers
from tests.servers.loopback import free_port
from trader.simulator.server import Endpoints
from trader.simulator.settings import SimulatorSettings

COINS = 10
"""As many posts, each on a coin of its own."""


@dataclass(frozen=True)
class World:
    """What runs around a lane.

    Attributes:
        config: the lane's configuration file.
        news: the news servers; each post is one that trades.
        exchange: the simulated exchange.
        session: for requests to all of them.
        port: where the lane serves health and control.
    """

    config: Path
    news: NewsEndpoints
    exchange: Endpoints
    session: aiohttp.ClientSession
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def release(self, step: int) -> None:
        """Have the news server publish its next post."""
        url = f"{self.news.control_url}/release"
        async with self.session.post(url, json={"step": step}) as got:
            assert got.status == 200, await got.text()

    async def state(self) -> dict[str, Any]:
        """Give everything the exchange knows."""
        got: dict[str, Any] = await answer(self.session, f"{self.exchange.control_url}/state")
        return got


def few_coins() -> SimulatorSettings:
    """Make an exchange that trades the coins, with money for all."""
    every = exchange_settings()
    return every.model_copy(update={"symbols": every.symbols[:COINS]})


async def set_books(
    session: aiohttp.ClientSession, endpoints: Endpoints, settings: SimulatorSettings
) -> None:
    """Give every coin a deep book at 1 USDT."""
    bids, asks = [["0.9999", "1000000000"]], [["1.0001", "1000000000"]]
    for pair in settings.symbols:
        body = {"symbol": pair.symbol, "bids": bids, "asks": asks}
        async with session.post(f"{endpoints.control_url}/book", json=body) as got:
            assert got.status == 200, await got.text()


@asynccontextmanager
async def a_world(
    directory: Path,
    *,
    exchange: SimulatorSettings | None = None,
    **sections: Mapping[str, Any],
) -> AsyncIterator[World]:
    """Start news server and exchange, and write a fast lane's configuration.

    Args:
        directory: takes the configuration and the lane's data.
        exchange: what runs; by default one that trades the coins at about 1 USDT.
        sections: sections of the configuration, over `benchmarks.worlds.generous`.
    """
    assets = directory / "assets.json"
    coins = list(tradable().items())[:COINS]
    assets.write_text(json.dumps([{"code": code, "name": name} for code, name in coins]))
    settings = exchange or few_coins()
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        simulated = await ChildProcess.start(
            *("trader.simulator", "--config", "-"),
            first_line=settings.model_dump_json().encode(),
        )
        stack.push_async_callback(simulated.stop)
        endpoints = read_endpoints(simulated.ready)
        if exchange is None:
            await set_books(session, endpoints, settings)
        news, _ = await stack.enter_async_context(
            news_servers("--bulk", str(COINS), "--assets", str(assets))
        )
        port = free_port()
        base = {
            **generous(str(directory / "data")),
            "health": {"host": "127.0.0.1", "port": port},
            "crawl": {"newswire": [wire(news.ws_url)]},
            "hitbtc": venue(endpoints, settings),
        }
        merged = base | {name: {**base.get(name, {}), **more} for name, more in sections.items()}
        config = write_config(directory / "tidings.toml", merged)
        yield World(config, news, endpoints, session, port)
