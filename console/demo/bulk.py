"""Invents as many distinct stories as a load test needs: each one trades, none retells another."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from console.demo.posts import DateStyle, Form, Outlet, Post

_EXCHANGES: Final = (
    *("Binance", "Coinbase", "Kraken", "OKX", "Bybit", "Upbit", "Bithumb", "Coinone", "Korbit"),
    *("KuCoin", "Bitget", "HTX", "Crypto.com", "Bitfinex", "Bitstamp", "Robinhood", "MEXC"),
    *("HitBTC", "LBank", "BingX", "BitMEX", "WazirX", "CoinDCX", "Bitvavo", "Poloniex"),
    *("bitFlyer", "Coincheck", "Bitso", "BitMart", "CoinEx", "Phemex", "WhiteBIT", "Bitpanda"),
)
_COMPANIES: Final = (
    *("Google Cloud", "Microsoft", "PayPal", "Mastercard", "Stripe", "Shopify", "Samsung", "Sony"),
    *("Nike", "Starbucks", "Tesla", "IBM", "Nvidia", "Volkswagen", "BMW", "Toyota", "Honda"),
    *("Hyundai", "Renault", "Bosch", "Siemens", "Fujitsu", "Deutsche Telekom", "Vodafone"),
    *("Western Union", "MoneyGram", "Walmart", "Adobe", "SAP", "Salesforce", "Cisco", "Qualcomm"),
    *("Alibaba", "Tencent", "Accenture", "Deloitte", "FedEx", "DHL", "Adidas", "Gucci"),
)
# Good news only, so that no account needs coins to sell; kinds alternate from round to round.
_KINDS: Final = (
    ("{actor} will list {name} ({code})", _EXCHANGES),
    ("{name} ({code}) partners with {actor}", _COMPANIES),
)


class BulkAsset(msgspec.Struct, frozen=True):
    """A coin to invent news about, by its canonical code and a name the signals know."""

    code: str
    name: str


def most_stories(assets: Sequence[BulkAsset]) -> int:
    """Give how many distinct stories these assets are good for."""
    return len(assets) * sum(len(actors) for _, actors in _KINDS)


def bulk_outlets(feeds: int) -> tuple[Outlet, ...]:
    """Make the outlets: one wire, and feeds that are RSS and Atom by turns."""
    wire = Outlet(slug="bulk-wire", name="Bulk Wire", form=Form.WIRE, dates=DateStyle.MILLIS)
    return (
        wire,
        *(
            Outlet(
                slug=f"bulk-feed-{n + 1}",
                name=f"Bulk Feed {n + 1}",
                form=Form.ATOM if n % 2 else Form.RSS,
                dates=DateStyle.ZULU if n % 2 else DateStyle.GMT,
            )
            for n in range(feeds)
        ),
    )


def bulk_posts(count: int, assets: Sequence[BulkAsset], feeds: int) -> Iterator[Post]:
    """Invent stories; equal arguments give equal posts.

    No two tell of the same asset, kind of news and actor. With feeds, every second post is on
    one of them, in turns; the others are on the wire.

    Raises:
        ValueError: the assets are not good for so many stories.
    """
    if count > most_stories(assets):
        raise ValueError(
            f"{len(assets)} assets are good for {most_stories(assets)} stories, not {count}: "
            "name more assets or ask for fewer stories"
        )
    for number in range(count):
        turn, place = divmod(number, len(assets))
        asset = assets[place]
        kind, actor_number = _turn(turn)
        template, actors = _KINDS[kind]
        on_feed = feeds and number % 2
        yield Post(
            outlet=f"bulk-feed-{number // 2 % feeds + 1}" if on_feed else "bulk-wire",
            id=f"bulk-{number:06}",
            title=template.format(actor=actors[actor_number], name=asset.name, code=asset.code),
        )


def _turn(turn: int) -> tuple[int, int]:
    """Give the kind and the number of its actor: kinds alternate while both have actors left."""
    shorter = min(len(actors) for _, actors in _KINDS)
    if turn < 2 * shorter:
        return turn % 2, turn // 2
    longer = max(range(len(_KINDS)), key=lambda kind: len(_KINDS[kind][1]))
    return longer, turn - shorter
