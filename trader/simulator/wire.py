"""Writes and reads HitBTC API 3's JSON: orders, trades, balances, books, answers, errors."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from trader.simulator.ledger import ZERO, Ledger
from trader.simulator.orders import ExecutionReport, Order, Refusal, ReportType, Trade, report
from trader.simulator.outside_book import OutsideBook
from trader.venues.port import Instrument

encode: Final = msgspec.json.Encoder().encode

RequestId = int | str | None


class Request(msgspec.Struct):
    """One frame from a client: {"method":"spot_balances","params":{},"id":11}."""

    method: str
    params: dict[str, Any] = {}
    id: RequestId = None
    ch: str = ""


_REQUEST: Final = msgspec.json.Decoder(Request)


def read_request(frame: bytes) -> Request:
    """Read a client's frame.

    Raises:
        Refusal: 10001, not a request.
    """
    try:
        return _REQUEST.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Refusal(10001, f"not a request: {error}"[:200]) from error


class WireOrder(msgspec.Struct, kw_only=True):
    """An order as the documents of the venue show it; `trade_*` on reports of trades only."""

    id: int
    client_order_id: str
    symbol: str
    side: str
    status: str
    type: str = "limit"
    time_in_force: str
    quantity: str
    quantity_cumulative: str
    price: str
    post_only: bool = False
    created_at: str
    updated_at: str
    trade_id: int | UnsetType = UNSET
    trade_quantity: str | UnsetType = UNSET
    trade_price: str | UnsetType = UNSET
    trade_fee: str | UnsetType = UNSET
    trade_taker: bool | UnsetType = UNSET
    report_type: str


class WireError(msgspec.Struct, kw_only=True):
    """What went wrong, as it stands under `error`."""

    code: int
    message: str
    description: str


def plain(value: Decimal) -> str:
    """Write a number without an exponent."""
    return format(value, "f")


def timestamp(at_ns: int) -> str:
    """Write a UTC time with milliseconds: 2026-01-02T03:04:05.678Z."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1_000_000:03}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    """Write a whole second; most orders of a second are told many times within it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def wire_order(told: ExecutionReport) -> WireOrder:
    """Write an order as it stood after one step."""
    order, asked, trade = told.order, told.order.asked, told.trade
    wire = WireOrder(
        id=order.id,
        client_order_id=asked.client_order_id,
        symbol=asked.symbol,
        side=asked.side,
        status=told.status,
        time_in_force=asked.time_in_force,
        quantity=plain(asked.quantity),
        quantity_cumulative=plain(told.filled),
        price=plain(asked.price),
        created_at=timestamp(order.created_ns),
        updated_at=timestamp(told.updated_ns),
        report_type=told.report_type,
    )
    if trade is not None:
        wire.trade_id = trade.id
        wire.trade_quantity = plain(trade.quantity)
        wire.trade_price = plain(trade.price)
        wire.trade_fee = plain(trade.fee)
        wire.trade_taker = trade.taker
    return wire


def wire_status(order: Order) -> WireOrder:
    """Write an order as it stands now."""
    return wire_order(report(order, ReportType.STATUS))


def wire_trade(order: Order, trade: Trade, instrument: Instrument) -> dict[str, Any]:
    """Write an execution as the trade history shows it."""
    return {
        "id": trade.id,
        "order_id": order.id,
        "client_order_id": order.asked.client_order_id,
        "symbol": order.asked.symbol,
        "side": order.asked.side,
        "quantity": plain(trade.quantity),
        "price": plain(trade.price),
        "fee": plain(trade.fee),
        "fee_currency": instrument.fee_asset,
        "timestamp": timestamp(trade.traded_ns),
        "taker": trade.taker,
    }


def wire_balances(ledger: Ledger, currencies: Iterable[str]) -> list[dict[str, str]]:
    """Write balances, each with its free and its reserved part."""
    return [
        {
            "currency": currency,
            "available": plain(ledger.available.get(currency, ZERO)),
            "reserved": plain(ledger.reserved.get(currency, ZERO)),
        }
        for currency in sorted(currencies)
    ]


def wire_levels(levels: Sequence[tuple[Decimal, Decimal]], depth: int) -> list[tuple[str, str]]:
    """Write the best levels of one side."""
    return [(plain(price), plain(quantity)) for price, quantity in levels[:depth]]


def book_frame(channel: str, symbol: str, book: OutsideBook) -> bytes:
    """Write the ten best levels of a whole book for the public socket."""
    return encode(
        {
            "ch": channel,
            "data": {
                symbol: {
                    "t": book.venue_ns // 1_000_000,
                    "s": book.sequence,
                    "a": wire_levels(book.asks, 10),
                    "b": wire_levels(book.bids, 10),
                }
            },
        }
    )


def wire_symbol(instrument: Instrument) -> dict[str, str]:
    """Write a pair's rules."""
    return {
        "type": "spot",
        "base_currency": instrument.asset,
        "quote_currency": instrument.quote_asset,
        "status": "working",
        "quantity_increment": plain(instrument.lot_size),
        "tick_size": plain(instrument.tick_size),
        "take_rate": plain(instrument.taker_fee),
        "make_rate": plain(instrument.maker_fee),
        "fee_currency": instrument.fee_asset,
    }


def wire_error(refusal: Refusal) -> WireError:
    """Write a refusal."""
    return WireError(code=refusal.code, message=refusal.message, description=refusal.description)


def answer(request_id: RequestId, result: object) -> bytes:
    """Write the answer to a request."""
    return encode({"jsonrpc": "2.0", "result": result, "id": request_id})


def error_answer(request_id: RequestId, refusal: Refusal) -> bytes:
    """Write the answer to a request that is refused."""
    return encode({"jsonrpc": "2.0", "error": wire_error(refusal), "id": request_id})


def notification(method: str, params: object) -> bytes:
    """Write what nobody asked for."""
    return encode({"jsonrpc": "2.0", "method": method, "params": params})
