"""Instruments and orders that the simulator's tests share."""

from decimal import Decimal

from core.contracts.money import Amount
from core.contracts.orders import Side, TimeInForce
from trader.simulator.exchange import Exchange
from trader.simulator.orders import NewOrder
from trader.venues.port import Instrument

NOW = 1_790_000_000_000_000_000


def instrument(
    *, fee_asset: str = "USDT", taker: str = "0.0025", maker: str = "0.001", lot: str = "0.001"
) -> Instrument:
    return Instrument(
        venue="hitbtc",
        symbol="BTCUSDT",
        asset="BTC",
        quote_asset="USDT",
        lot_size=Amount(lot),
        tick_size=Amount("0.01"),
        min_quantity=Amount(lot),
        taker_fee=Amount(taker),
        maker_fee=Amount(maker),
        fee_asset=fee_asset,
    )


def exchange_with_book(
    *, usdt: str = "1000", btc: str = "10", fee_asset: str = "USDT", history_limit: int = 1000
) -> Exchange:
    exchange = Exchange(
        [instrument(fee_asset=fee_asset)],
        {"USDT": Decimal(usdt), "BTC": Decimal(btc)},
        history_limit=history_limit,
    )
    exchange.set_book(
        "BTCUSDT",
        levels(("99", "1"), ("98", "2")),
        levels(("101", "1"), ("102", "2")),
        NOW,
        NOW,
    )
    return exchange


def levels(*pairs: tuple[str, str]) -> list[tuple[Decimal, Decimal]]:
    return [(Decimal(price), Decimal(quantity)) for price, quantity in pairs]


def order(
    name: str = "a",
    *,
    side: Side = Side.BUY,
    quantity: str = "1",
    price: str = "101",
    time_in_force: TimeInForce = TimeInForce.IOC,
    symbol: str = "BTCUSDT",
) -> NewOrder:
    return NewOrder(
        client_order_id=name,
        symbol=symbol,
        side=side,
        time_in_force=time_in_force,
        quantity=Decimal(quantity),
        price=Decimal(price),
    )
