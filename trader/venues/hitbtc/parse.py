"""HitBTC's orders, fills and balances to our records; pure, nothing malformed comes through."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from core.contracts.errors import DecodeError
from core.contracts.money import Amount
from core.contracts.orders import Fill, OrderReport, Report
from trader.venues.hitbtc import wire
from trader.venues.hitbtc.codes import (
    OUTCOMES,
    STATUSES,
    TOLD_BY_KIND,
    TOLD_BY_STATUS,
    VENUE,
    canonical,
)
from trader.venues.port import Balance, VenueOrder

Bytes = bytes | msgspec.Raw


parse_frame: Final[Callable[[bytes], wire.Frame]] = wire.reader(wire.Frame, "a trading message")
parse_fault: Final[Callable[[Bytes], wire.Fault]] = wire.reader(wire.Fault, "an error")
parse_order: Final[Callable[[Bytes], wire.Order]] = wire.reader(wire.Order, "an order")
parse_orders: Final[Callable[[Bytes], list[wire.Order]]] = wire.reader(
    list[wire.Order], "a list of orders"
)
_read_trades: Final = wire.reader(list[wire.Trade], "a list of trades")
_read_holdings: Final = wire.reader(list[wire.Holding], "a list of balances")


def present(part: msgspec.Raw) -> bool:
    """Tell whether a member of a message was there and not null."""
    return bytes(part) not in (b"", b"null")


def parse_ack(
    frame: wire.Frame, client_order_id: str, symbol: str, received_ns: int
) -> OrderReport:
    """Read the answer to `spot_new_order`; any answer gives a report, for it ends the waiting.

    What settles nothing (an unknown code, a null result, another order's state) is FAILED. Fills
    are told by `spot_order`, never here.

    Samples:
        {"jsonrpc":"2.0","result":{"id":5,"client_order_id":"t4f","status":"new", ...},"id":7}
        {"jsonrpc":"2.0","error":{"code":20001,"message":"Insufficient funds"},"id":7}
    """
    code, report = None, Report.FAILED
    try:
        if present(frame.error):
            fault = parse_fault(frame.error)
            code, detail = str(fault.code), fault.text()
            report = OUTCOMES.get(fault.code, Report.FAILED)
        else:
            order = parse_order(frame.result)
            if order.client_order_id == client_order_id:
                return to_report(order, received_ns)
            detail = f"the answer names another order, {order.client_order_id}"
    except DecodeError as error:
        detail = f"{error}; got {error.raw[:100]!r}"[:250]
    return OrderReport(
        client_order_id=client_order_id,
        venue=VENUE,
        symbol=symbol,
        report=report,
        code=code,
        detail=detail,
        received_ns=received_ns,
    )


def parse_cancel_ack(
    frame: wire.Frame, client_order_id: str, symbol: str, received_ns: int
) -> OrderReport:
    """Read the answer to `spot_cancel_order`; a refused cancel is FAILED: ask how the order stands.

    Samples:
        {"jsonrpc":"2.0","result":{"id":5,"client_order_id":"t4f","status":"canceled", ...},"id":8}
        {"jsonrpc":"2.0","error":{"code":20002,"message":"Order not found"},"id":8}
    """
    report = parse_ack(frame, client_order_id, symbol, received_ns)
    refused = report.code is not None
    return msgspec.structs.replace(report, report=Report.FAILED) if refused else report


def parse_report(params: Bytes, fee_assets: Mapping[str, str], received_ns: int) -> OrderReport:
    """Read the `params` of a `spot_order` notification.

    Sample: {"id":58,"client_order_id":"t4f","symbol":"BTCUSDT","side":"buy",
        "status":"partiallyFilled","quantity":"0.01","quantity_cumulative":"0.004",
        "updated_at":"2026-01-02T03:04:05.679Z","trade_id":136,"trade_quantity":"0.004",
        "trade_price":"49595.04","trade_fee":"0.49","trade_taker":true,"report_type":"trade"}

    Args:
        params: as they came.
        fee_assets: what fees are paid in, by symbol; a fill of a symbol that is not among them
            says "" for its fee's asset.
        received_ns: when the message came, UTC.

    Raises:
        DecodeError: the bytes are not such a report; keeps them.
    """
    order = parse_order(params)
    if order.report_type != "trade":
        return to_report(order, received_ns)
    try:
        if order.trade_id is None:
            raise ValueError("no trade_id")  # noqa: TRY301 - one way out for all that is wrong
        fill = Fill(
            trade_id=str(order.trade_id),
            client_order_id=order.client_order_id,
            venue=VENUE,
            symbol=order.symbol,
            side=order.side,
            price=wire.price(order.trade_price),
            quantity=wire.price(order.trade_quantity),
            fee=wire.fee(order.trade_fee),
            fee_asset=fee_assets.get(order.symbol, ""),
            taker=order.trade_taker,
            venue_ns=wire.ns(order.updated_at),
            received_ns=received_ns,
        )
    except ValueError as error:
        raise DecodeError(f"not a trade: {error}", bytes(params)) from error
    return to_report(order, received_ns, fill)


def to_report(order: wire.Order, received_ns: int, fill: Fill | None = None) -> OrderReport:
    """Say what a report means.

    Raises:
        DecodeError: a status, kind of report or amount that can't be.
    """
    if fill is not None:
        full = _status(order) is Report.FILLED
        report = Report.FILLED if full else Report.PARTIALLY_FILLED
    elif order.report_type in TOLD_BY_STATUS:
        report = _status(order)
    elif order.report_type in TOLD_BY_KIND:
        report = STATUSES[order.report_type]
    else:
        raise _refuse(order, f"unknown report_type {order.report_type!r}")
    return OrderReport(
        client_order_id=order.client_order_id,
        venue=VENUE,
        symbol=order.symbol,
        report=report,
        venue_order_id=str(order.id),
        filled_quantity=_amounts(order)[1],
        fill=fill,
        venue_ns=wire.ns(order.updated_at),
        received_ns=received_ns,
    )


def to_venue_order(order: wire.Order, fills: tuple[Fill, ...] = ()) -> VenueOrder:
    """Say how an order stands.

    Raises:
        DecodeError: a status or amount that can't be.
    """
    quantity, filled = _amounts(order)
    return VenueOrder(
        client_order_id=order.client_order_id,
        venue=VENUE,
        symbol=order.symbol,
        venue_order_id=str(order.id),
        status=_status(order),
        quantity=quantity,
        filled_quantity=filled,
        fills=fills,
    )


def _status(order: wire.Order) -> Report:
    try:
        return STATUSES[order.status]
    except KeyError:
        raise _refuse(order, f"unknown status {order.status!r}") from None


def _amounts(order: wire.Order) -> tuple[Amount, Amount]:
    try:
        quantity, filled = wire.price(order.quantity), wire.quantity(order.quantity_cumulative)
    except ValueError as error:
        raise _refuse(order, str(error)) from error
    if filled > quantity:
        raise _refuse(order, f"filled {filled} of {quantity}")
    return quantity, filled


def _refuse(order: wire.Order, why: str) -> DecodeError:
    return DecodeError(f"order {order.client_order_id}: {why}", msgspec.json.encode(order))


def parse_trades(raw: Bytes, fee_assets: Mapping[str, str], received_ns: int) -> tuple[Fill, ...]:
    """Read the REST history of our executions.

    Sample: [{"id":1,"order_id":2,"client_order_id":"t4f","symbol":"BTCUSDT","side":"buy",
        "quantity":"0.004","price":"49595.04","fee":"0.49","fee_currency":"USDT",
        "timestamp":"2026-01-02T03:04:05.679Z","taker":true}]

    Raises:
        DecodeError: the bytes are not such a list; keeps them.
    """
    try:
        return tuple(
            Fill(
                trade_id=str(trade.id),
                client_order_id=trade.client_order_id,
                venue=VENUE,
                symbol=trade.symbol,
                side=trade.side,
                price=wire.price(trade.price),
                quantity=wire.price(trade.quantity),
                fee=wire.fee(trade.fee),
                fee_asset=canonical(trade.fee_currency)
                if trade.fee_currency
                else fee_assets.get(trade.symbol, ""),
                taker=trade.taker,
                venue_ns=wire.ns(trade.timestamp),
                received_ns=received_ns,
            )
            for trade in _read_trades(raw)
        )
    except ValueError as error:
        raise DecodeError(f"not a list of trades: {error}", bytes(raw)) from error


def parse_balances(raw: Bytes, received_ns: int) -> tuple[Balance, ...]:
    """Read the `params` of `spot_balance`, or the REST list.

    Sample: [{"currency":"USDT","available":"100.0","reserved":"0"}]

    Raises:
        DecodeError: the bytes are not such a list; keeps them.
    """
    try:
        return tuple(
            Balance(
                venue=VENUE,
                currency=canonical(holding.currency),
                available=wire.quantity(holding.available),
                reserved=wire.quantity(holding.reserved),
                received_ns=received_ns,
            )
            for holding in _read_holdings(raw)
        )
    except ValueError as error:
        raise DecodeError(f"not a list of balances: {error}", bytes(raw)) from error
