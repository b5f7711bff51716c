"""The small world benchmarks and kill tests run in: coins, an exchange, news that trades."""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from console.demo.bulk import BulkAsset, bulk_posts
from trader.simulator.server import Endpoints
from trader.simulator.settings import SimulatorSettings, SymbolSettings

ASSETS: Final = {
    "BTC": "Bitcoin",
    "ETH": "Ethereum",
    "XRP": "XRP",
    "ADA": "Cardano",
    "SOL": "Solana",
    "DOGE": "Dogecoin",
    "LTC": "Litecoin",
    "XLM": "Stellar",
    "XMR": "Monero",
    "IOTA": "IOTA",
    "ALGO": "Algorand",
    "XTZ": "Tezos",
    "AVAX": "Avalanche",
    "HBAR": "Hedera",
    "FIL": "Filecoin",
    "AAVE": "Aave",
    "VET": "VeChain",
    "ZEC": "Zcash",
    "DASH": "Dash",
    "TRX": "TRON",
    "BCH": "Bitcoin Cash",
    "ETC": "Ethereum Classic",
    "KSM": "Kusama",
    "DOT": "Polkadot",
    "UNI": "Uniswap",
    "CRV": "Curve",
    "SUI": "Sui",
    "APT": "Aptos",
    "ARB": "Arbitrum",
    "CRO": "Cronos",
    "EOS": "EOS",
    "NEO": "NEO",
    "MKR": "Maker",
    "SNX": "Synthetix",
    "BNB": "BNB",
    "TON": "Toncoin",
    "INJ": "Injective",
    "LDO": "Lido",
    "KAVA": "Kava",
    "ZIL": "Zilliqa",
    "BAT": "Basic Attention Token",
    "CHZ": "Chiliz",
}
PLENTY: Final = "1000000000"


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
            for code in ASSETS
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


def lane_settings(directory: str, endpoints: Endpoints, *, wire_url: str) -> bytes:
    """Write the fast lane's settings as JSON: one news wire, the simulated exchange."""
    exchange = SimulatorSettings()
    settings = {
        **generous(directory),
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
    assets = [BulkAsset(code, name) for code, name in ASSETS.items()]
    for post in bulk_posts(count, assets, feeds=0):
        fields = {"type": "news", "id": post.id, "title": post.title, "body": post.body}

        def make(fields: dict[str, str] = fields) -> bytes:
            return msgspec.json.encode({**fields, "time": time.time_ns() // 1_000_000})

        yield make
