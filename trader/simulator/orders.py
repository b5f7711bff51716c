"""What the simulated exchange is asked and what it answers: orders, trades, reports, refusals."""

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from core.contracts.errors import Rejected
from core.contracts.orders import Side, TimeInForce

MESSAGES: Final = {
    429: "Too many requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    1001: "Authorization required",
    1002: "Authorization is required or has been failed",
    2001: "No such symbol",
    2011: "Quantity too low",
    10001: "Validation error",
    20001: "Insufficient funds",
    20002: "Order not found",
    20008: "Duplicate clientOrderId",
}

# Plain digits only: an exponent, a sign or more digits than any pair has are refused.
_PLAIN_NUMBER: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
_CLIENT_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_KNOWN_PARAMS: Final = frozenset(
    {
        "client_order_id",
        "symbol",
        "side",
        "type",
        "time_in_force",
        "quantity",
        "price",
        "post_only",
        "strict_validate",
    }
)


class Refusal(Rejected):
    """The exchange's no, with the code that goes over the wire."""

    def __init__(self, code: int, description: str) -> None:
        self.code = code
        self.message = MESSAGES.get(code, "Rejected")
        self.description = description
        super().__init__(f"{code} {self.message}: {description}")


class Status(StrEnum):
    """Where an order stands."""

    NEW = "new"
    PARTIALLY_FILLED = "partiallyFilled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"


class ReportType(StrEnum):
    """What a report tells."""

    STATUS = "status"
    NEW = "new"
    TRADE = "trade"
    CANCELED = "canceled"
    EXPIRED = "expired"


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A limit order as asked for; quantity in base units, price in quote per base unit."""

    client_order_id: str
    symbol: str
    side: Side
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One execution; the fee is in the symbol's fee currency, negative when it is a rebate."""

    id: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    taker: bool
    traded_ns: int


class Order(msgspec.Struct, kw_only=True, eq=False):
    """An order in the exchange's hands.

    Attributes:
        unit_reserve: funds reserved for each base unit that is still open, in the spent currency.
    """

    id: int
    asked: NewOrder
    unit_reserve: Decimal
    created_ns: int
    updated_ns: int
    status: Status = Status.NEW
    filled: Decimal = Decimal(0)
    trades: list[Trade] = []

    @property
    def open_quantity(self) -> Decimal:
        """Base units not yet filled."""
        return self.asked.quantity - self.filled


class ExecutionReport(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it stood after one step; `trade` stands on reports of trades only."""

    order: Order
    report_type: ReportType
    status: Status
    filled: Decimal
    updated_ns: int
    trade: Trade | None = None


def report(order: Order, report_type: ReportType, trade: Trade | None = None) -> ExecutionReport:
    """Note how an order stands now."""
    return ExecutionReport(
        order=order,
        report_type=report_type,
        status=order.status,
        filled=order.filled,
        updated_ns=order.updated_ns,
        trade=trade,
    )


def plain_decimal(value: object) -> Decimal:
    """Read a number as it may stand in a message: a string of plain digits.

    Raises:
        ValueError: not a string, a sign, an exponent, or more than 20 digits on a side.
    """
    if not isinstance(value, str) or not _PLAIN_NUMBER.fullmatch(value):
        raise ValueError(f"expected a plain decimal number in a string, got {value!r:.40}")
    return Decimal(value)


def parse_new_order(params: Mapping[str, object]) -> NewOrder:
    """Read the parameters of `spot_new_order`.

    Raises:
        Refusal: 10001 for anything that is not a plain limit order with plain decimal strings.
    """
    if unknown := params.keys() - _KNOWN_PARAMS:
        raise Refusal(10001, f"unknown parameter {min(unknown)}")
    if params.get("type", "limit") != "limit" or params.get("post_only", False) is not False:
        raise Refusal(10001, "only limit orders that may take are supported")
    client_order_id = params.get("client_order_id")
    if not isinstance(client_order_id, str) or not _CLIENT_ORDER_ID.fullmatch(client_order_id):
        raise Refusal(10001, "client_order_id must be 1 to 32 letters, digits, _ or -")
    symbol = params.get("symbol")
    if not isinstance(symbol, str):
        raise Refusal(10001, "symbol is missing")
    try:
        side = Side(str(params.get("side")))
        time_in_force = TimeInForce(str(params.get("time_in_force", "GTC")))
    except ValueError as error:
        raise Refusal(10001, str(error)) from error
    return NewOrder(
        client_order_id=client_order_id,
        symbol=symbol,
        side=side,
        time_in_force=time_in_force,
        quantity=_plain_number(params, "quantity"),
        price=_plain_number(params, "price"),
    )


def _plain_number(params: Mapping[str, object], name: str) -> Decimal:
    value = params.get(name)
    try:
        return plain_decimal(value)
    except ValueError as error:
        raise Refusal(10001, f"{name}: {error}") from error
