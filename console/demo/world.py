"""The demonstration's world: news servers, a simulated exchange, and the fast lane between them."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from console.demo.sockets import Endpoints as NewsEndpoints
from console.demo.tape import Tape
from console.lanes.exchange import ChildProcess, pointed_at, read_endpoints
from console.lanes.fast import FastLane
from console.settings import Settings
from trader.simulator.server import Endpoints as ExchangeEndpoints
from trader.simulator.settings import SimulatorSettings, SymbolSettings

POLL_MS: Final = 60  # a demonstration's feeds are on this machine: they may be asked often
NEVER: Final = "1d"


class World(msgspec.Struct, frozen=True):
    """Everything that runs while the demonstration does."""

    lane: FastLane
    news: NewsEndpoints
    exchange: ExchangeEndpoints


@asynccontextmanager
async def running(
    news_arguments: tuple[str, ...],
    exchange: SimulatorSettings,
    trader: dict[str, Any],
    poll_ms: int,
) -> AsyncIterator[World]:
    """Start both children and the lane, in this order; stop them in the other.

    Args:
        news_arguments: of the news servers: a tape or a folder of documents.
        exchange: of the simulated exchange.
        trader: the trader's settings.
        poll_ms: how often each feed is asked.
    """
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="tidings-demo-"))
        served = await ChildProcess.start("console.demo.news_server", *news_arguments)
        stack.push_async_callback(served.stop)
        traded = await ChildProcess.start(
            "trader.simulator",
            "--config",
            "-",
            first_line=exchange.model_dump_json().encode(),
        )
        stack.push_async_callback(traded.stop)
        news = msgspec.json.decode(served.ready, type=NewsEndpoints)
        endpoints = read_endpoints(traded.ready)
        settings = pointed_at(
            Settings.model_validate(
                {
                    "runtime": {"data_dir": directory, "log_level": "ERROR"},
                    "health": {"port": 0},
                    "crawl": _sources(news, poll_ms),
                    "trader": trader,
                }
            ),
            endpoints,
            exchange,
        )
        lane = FastLane(settings)
        stack.push_async_callback(lane.stop)
        yield World(lane, news, endpoints)


def _sources(news: NewsEndpoints, poll_ms: int) -> dict[str, Any]:
    """Describe the served outlets to the crawlers."""
    return {
        "rss": {
            "feeds": [
                {
                    "channel": feed.channel,
                    "url": feed.url,
                    "interval_ms": poll_ms,
                    "longest_interval_ms": poll_ms,
                }
                for feed in news.feeds
            ],
            "jitter": 0,
            "allow_private": True,
            "connections_per_host": 8,
        },
        "newswire": [
            {
                "channel": wire.channel,
                "url": wire.url,
                "fields": {
                    "id": "id",
                    "title": "title",
                    "text": "body",
                    "published": "time",
                    "author": "author",
                    "url": "url",
                },
                "type_field": "type",
                "item_types": ["news"],
                "resume_param": "since",
                "format": "html" if wire.html else "plain",
            }
            for wire in news.wires
        ],
    }


def tape_exchange(tape: Tape) -> SimulatorSettings:
    """Make the exchange that trades a tape's symbols; its books move only when told to."""
    return SimulatorSettings(
        source="control",
        immediate=True,
        symbols=tuple(
            SymbolSettings(
                symbol=spec.symbol,
                base=spec.asset,
                quote=spec.quote_asset,
                mid=spec.mid,
                tick_size=spec.tick_size,
                lot_size=spec.lot_size,
                level_quantity=spec.lot_size,
            )
            for spec in tape.symbols
        ),
        balances={currency: Decimal(amount) for currency, amount in tape.balances.items()},
    )


def tape_trader() -> dict[str, Any]:
    """Give the trader's settings for a tape: prices decide about exits, not this machine's pace."""
    return {
        "limits": {"max_book_age_ms": NEVER, "max_balance_age_ms": NEVER},
        "exits": {"retry_ms": 0, "time_limit_ms": NEVER},
    }


def recorded_exchange(capture: Path) -> SimulatorSettings:
    """Make the exchange that replays a recorded book at its own pace, again and again."""
    quotes = ("USDT", "USD", "EUR", "BTC", "ETH", "BNB", "BUSD")
    return SimulatorSettings(
        source="capture", capture=capture, balances=dict.fromkeys(quotes, Decimal(100_000))
    )


def recorded_trader() -> dict[str, Any]:
    """Give the trader's settings for a recorded book: any quote currency will do."""
    return {"quote_assets": ["USDT", "USD", "EUR", "BTC", "ETH", "BNB", "BUSD"]}
