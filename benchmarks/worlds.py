"""The small world benchmarks and kill tests run in: coins, an exchange, news that trades."""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec

from console.demo.bulk import BulkAsset, bulk_posts
from signals.assets.universe import bundled_universe, names_of
from signals.reader import Reader
from trader.simulator.server import Endpoints
from trader.simulator.settings import SimulatorSettings, SymbolSettings
from trader.venues.hitbtc.codes import canonical

PLENTY: Final = "1000000000"
MOST_ASSETS: Final = 300


@cache
def tradable() -> dict[str, str]:
    """Choose coins, code to name, whose news reads as theirs whoever it is told with."""
    reader = Reader()
    universe = bundled_universe()
    names = names_of(universe)
    chosen: dict[str, str] = {}
    for code in sorted(universe.assets):
        name = names.get(code)
        if name is None or universe.assets[code].stable or not code.isalnum():
            continue
        texts = (f"Binance will list {name} ({code})", f"{name} ({code}) partners with Microsoft")
        readings = [reader.read_text(text, "") for text in texts]
        as_itself = canonical(code) == code  # on this venue the code means this coin
        if as_itself and all(r.subjects == (code,) and r.refusal is None for r in readings):
            chosen[code] = name
    return dict(list(chosen.items())[:MOST_ASSETS])


def exchange_settings(*, immediate: bool = True) -> SimulatorSettings:
    """Make an exchange that trades every coin at about 1 USDT, with money for all."""
    return SimulatorSettings(
        source="control",
        immediate=immediate,
        symbols=tuple(
            SymbolSettings(
                symbol=f"{code}USDT",
                base=code,
                quote="USDT",
                mid=Decimal(1),
                tick_size=Decimal("0.0001"),
                lot_size=Decimal("0.1"),
                level_quantity=Decimal(10**9),
            )
            for code in tradable()
        ),
        balances={"USDT": Decimal(PLENTY)},
    )


def generous(directory: str) -> dict[str, Any]:
    """Make settings in which no limit stops an order: what is measured is the way to it."""
    year = "365d"
    return {
        "runtime": {"data_dir": directory, "log_level": "WARNING"},
        "health": {"port": 0},
        "paper": {"start_exchange": False},
        "signals": {"max_age": year, "signal_ttl": year},
        "trader": {
            "max_symbols": 1000,
            "sizing": {"max_notional": "50", "min_notional": "1"},
            "limits": {
                "max_order_notional": PLENTY,
                "max_position_notional": PLENTY,
                "max_exposure_notional": PLENTY,
                "max_daily_loss": PLENTY,
                "max_orders_per_minute": 10**9,
                "max_book_age_ms": year,
                "max_balance_age_ms": year,
            },
            "exits": {"take_profit_bps": "9000", "stop_bps": "9000", "time_limit_ms": year},
        },
    }


def lane_settings(
    directory: str, endpoints: Endpoints, *, wire_url: str, rehearse_ms: int
) -> bytes:
    """Write the fast lane's settings as JSON: one news wire, the simulated exchange."""
    exchange = SimulatorSettings()
    settings = generous(directory)
    settings["runtime"]["rehearse_ms"] = rehearse_ms
    settings |= {
        "crawl": {"newswire": [wire(wire_url)]},
        "hitbtc": venue(endpoints, exchange),
    }
    return msgspec.json.encode(settings)


def wire(url: str) -> dict[str, Any]:
    """Describe the news wire."""
    return {
        "channel": "wire",
        "url": url,
        "fields": {"id": "id", "title": "title", "text": "body", "published": "time"},
        "type_field": "type",
        "item_types": ["news"],
        "resume_param": "since",
    }


def venue(endpoints: Endpoints, exchange: SimulatorSettings) -> dict[str, Any]:
    """Point the venue's client at a simulated exchange."""
    return {
        "api_key": exchange.api_key,
        "secret": exchange.api_secret,
        "trading_url": endpoints.trading_url,
        "public_url": endpoints.public_url,
        "rest_url": endpoints.rest_url,
    }


def news(count: int) -> Iterator[Callable[[], bytes]]:
    """Make messages that each trade; a message is dated when it is made."""
    assets = [BulkAsset(code, name) for code, name in tradable().items()]
    for post in bulk_posts(count, assets, feeds=0):
        fields = {"type": "news", "id": post.id, "title": post.title, "body": post.body}

        def make(fields: dict[str, str] = fields) -> bytes:
            return msgspec.json.encode({**fields, "time": time.time_ns() // 1_000_000})

        yield make
