"""Intents, approved intents, order reports and fills: an order's way to a venue and back."""

from enum import StrEnum

import msgspec

from core.contracts.money import ZERO, Amount


class Side(StrEnum):
    """Which side of the book we take."""

    BUY = "buy"
    SELL = "sell"


class TimeInForce(StrEnum):
    """How long the venue may hold the order."""

    IOC = "IOC"  # immediate or cancel
    GTC = "GTC"  # good till cancelled
    FOK = "FOK"  # fill or kill


class Report(StrEnum):
    """What a report says happened to an order."""

    SENT = "sent"  # our bytes left
    ACKNOWLEDGED = "acknowledged"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"  # by us or the venue; an IOC's rest included
    EXPIRED = "expired"
    REJECTED = "rejected"  # the venue's definite no: the order does not exist there
    TIMED_OUT = "timed_out"  # no answer in time: nobody knows yet
    DISCONNECTED = "disconnected"  # the connection broke with the answer outstanding
    FAILED = "failed"  # an answer that settles nothing (5xx, an error that names no order)
    ABSENT = "absent"  # the venue proved, after the settle time, that it never had the order


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """An order we want, before the risk gate.

    Attributes:
        client_order_id: `client_order_id(signal id, venue, leg)`, at most 32 characters.
        signal_id: the signal behind it; for manual orders the operator's request id.
        desk: which strategy wants it: `event`, `arbitrage`, `rebalancing`, `manual`.
        leg: which order of the signal: `entry`, `exit-1`, `exit-2` ...
        venue: the exchange's name.
        symbol: the venue's spelling of the pair.
        asset: canonical code of the base asset.
        quote_asset: canonical code of the quote asset.
        side: buy or sell.
        quantity: in base units, a multiple of the venue's lot size.
        limit_price: quote per base unit, a multiple of the venue's tick size.
        time_in_force: how long the venue may hold it.
        reduces: it brings exposure closer to zero.
        created_ns: UTC ns.
        expires_ns: not to be sent at or after this time, UTC ns.
    """

    client_order_id: str
    signal_id: str
    desk: str
    leg: str
    venue: str
    symbol: str
    asset: str
    quote_asset: str
    side: Side
    quantity: Amount
    limit_price: Amount
    time_in_force: TimeInForce = TimeInForce.IOC
    reduces: bool = False
    created_ns: int
    expires_ns: int


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """An intent that the risk gate let through; the only thing a venue accepts."""

    intent: Intent
    approved_ns: int


class RefuseReason(StrEnum):
    """Why the risk gate or the sizing said no."""

    GATE_HALTED = "gate_halted"
    GATE_REDUCING = "gate_reducing"
    DUPLICATE = "duplicate"
    EXPIRED = "expired"
    NO_SYMBOL = "no_symbol"
    NO_BOOK = "no_book"
    STALE_BOOK = "stale_book"
    STALE_BALANCE = "stale_balance"
    NO_BALANCE = "no_balance"
    TOO_SMALL = "too_small"
    THIN_BOOK = "thin_book"
    PRICE_BAND = "price_band"
    MAX_ORDER = "max_order"
    MAX_POSITION = "max_position"
    MAX_EXPOSURE = "max_exposure"
    MAX_DAILY_LOSS = "max_daily_loss"
    MAX_ORDER_RATE = "max_order_rate"
    UNRESOLVED_ORDER = "unresolved_order"
    DISCONNECTED = "disconnected"
    DENIED = "denied"  # a trusted source denied its story before it was traded
    NOTHING_OPEN = "nothing_open"  # it raises or closes what was never opened, or is closed
    VENUE_MAINTENANCE = "venue_maintenance"  # the exchange's own notice says not to enter now


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A signal or an intent that becomes no order, and why."""

    signal_id: str
    reason: RefuseReason
    client_order_id: str | None = None
    asset: str | None = None
    detail: str = ""
    refused_ns: int


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution, as the venue tells it.

    Attributes:
        trade_id: the venue's id of the execution; the same execution told twice has the same.
        price: quote per base unit.
        quantity: base units.
        fee: in `fee_asset`; negative is a rebate.
        taker: we took liquidity.
        venue_ns: the venue's time of the execution, UTC ns.
        received_ns: when its report reached us, UTC ns.
    """

    trade_id: str
    client_order_id: str
    venue: str
    symbol: str
    side: Side
    price: Amount
    quantity: Amount
    fee: Amount
    fee_asset: str
    taker: bool
    venue_ns: int
    received_ns: int


class OrderReport(msgspec.Struct, frozen=True, kw_only=True):
    """One step in an order's life.

    Attributes:
        client_order_id: ours.
        venue_order_id: theirs, once known.
        report: what happened.
        filled_quantity: cumulative, base units, as far as the report tells.
        fill: the execution, where the report is one.
        code: the venue's error code, where it gave one.
        detail: the venue's words, or ours for a time-out.
        venue_ns: the venue's time, UTC ns; None where it gave none.
        received_ns: UTC ns.
    """

    client_order_id: str
    venue: str
    symbol: str
    report: Report
    venue_order_id: str | None = None
    filled_quantity: Amount = ZERO
    fill: Fill | None = None
    code: str | None = None
    detail: str = ""
    venue_ns: int | None = None
    received_ns: int


class ExitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How a position that an entry opened is to be closed: whichever comes first.

    Attributes:
        entry_client_order_id: the order that opened it.
        side: the side that closes it.
        entry_price: average price of the entry's fills, quote per base unit.
        take_profit: close at this price or better.
        stop: close at this price or worse.
        close_at_ns: close at this time whatever the price, UTC ns.
    """

    signal_id: str
    entry_client_order_id: str
    venue: str
    symbol: str
    asset: str
    quote_asset: str
    side: Side
    entry_price: Amount
    take_profit: Amount
    stop: Amount
    close_at_ns: int
