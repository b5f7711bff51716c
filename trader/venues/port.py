"""What the trader asks of every venue, and the records they exchange in process."""

from typing import Protocol

import msgspec

from core.contracts.money import Amount
from core.contracts.orders import Approved, Fill, OrderReport, Report

Level = tuple[Amount, Amount]  # (price, quantity)


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """A pair as a venue trades it.

    Attributes:
        symbol: the venue's spelling.
        asset: canonical base code.
        quote_asset: canonical quote code.
        lot_size: quantities are multiples of it (base units).
        tick_size: prices are multiples of it (quote per base unit).
        min_quantity: smallest order (base units).
        taker_fee: fraction of notional, 0.0025 is 25 basis points.
        maker_fee: fraction of notional; negative is a rebate.
        fee_asset: canonical code of what fees are paid in.
    """

    venue: str
    symbol: str
    asset: str
    quote_asset: str
    lot_size: Amount
    tick_size: Amount
    min_quantity: Amount
    taker_fee: Amount
    maker_fee: Amount
    fee_asset: str


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """The best levels of one book, both sides best first; a whole, never a delta."""

    venue: str
    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    venue_ns: int
    received_ns: int


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What an account holds of one currency: `available` is free, `reserved` is in open orders."""

    venue: str
    currency: str
    available: Amount
    reserved: Amount
    received_ns: int


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the venue knows it now, asked for by client order id.

    `status` is one of ACKNOWLEDGED, PARTIALLY_FILLED, FILLED, CANCELLED, EXPIRED, REJECTED.
    """

    client_order_id: str
    venue: str
    symbol: str
    venue_order_id: str
    status: Report
    quantity: Amount
    filled_quantity: Amount
    fills: tuple[Fill, ...]


class VenueListener(Protocol):
    """Who hears what a venue tells. Called on the event loop, must not block, must not raise."""

    def on_report(self, report: OrderReport) -> None:
        """Hear a step in an order's life; the same step may be told twice."""

    def on_depth(self, depth: Depth) -> None:
        """Hear the new best levels of a book."""

    def on_balances(self, balances: tuple[Balance, ...]) -> None:
        """Hear balances that changed (or all of them, at the start)."""

    def on_connected(self, venue: str) -> None:
        """The trading connection is up, logged in and subscribed."""

    def on_disconnected(self, venue: str, reason: str) -> None:
        """The trading connection is gone; each unanswered order was reported DISCONNECTED first."""


class Venue(Protocol):
    """An exchange account: orders out, reports, books and balances in.

    `send` and `cancel` write to the socket at once: no await, no queue. Every question is a
    coroutine that raises `Retryable` (not reachable, 5xx, 429) or `Rejected` (a definite no).
    """

    name: str

    async def run(self, listener: VenueListener) -> None:
        """Connect, log in, subscribe and listen until the connection ends; then return.

        Call it again to reconnect; the caller waits between calls.

        Raises:
            Retryable: could not connect.
            Fatal: the credentials were refused.
        """

    def subscribe_depth(self, symbols: tuple[str, ...]) -> None:
        """Choose the books to follow; takes effect at once, and again after each reconnect."""

    def send(self, approved: Approved) -> int:
        """Write a new order to the socket and return when its bytes left (UTC ns).

        A missing answer is reported later as TIMED_OUT or DISCONNECTED.

        Raises:
            Retryable: not connected; nothing was written.
        """

    def cancel(self, client_order_id: str) -> None:
        """Write a cancel request to the socket; its outcome arrives as a report.

        Raises:
            Retryable: not connected; nothing was written.
        """

    async def instruments(self) -> tuple[Instrument, ...]:
        """Ask for all tradable pairs."""

    async def balances(self) -> tuple[Balance, ...]:
        """Ask for all balances that are not zero."""

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        """Ask for all active orders."""

    async def find_order(self, client_order_id: str, symbol: str) -> VenueOrder | None:
        """Ask for one order wherever it may be: active or in history, with its fills.

        None only when the venue answered that it does not know the id; an unsure answer raises
        `Retryable`.
        """

    async def cancel_order(self, client_order_id: str) -> None:
        """Cancel over the request path (not the socket); for use when the socket is down."""

    async def close(self) -> None:
        """Give up what was opened to ask questions; after `run` has ended."""
