"""The matching engine of the simulated exchange: one account against a moving outside book."""

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, localcontext
from typing import Final

from core.contracts.errors import ConfigurationError, Rejected
from core.contracts.orders import Side, TimeInForce
from trader.simulator.ledger import Ledger, spent_currency, unit_reserve
from trader.simulator.orders import (
    ExecutionReport,
    NewOrder,
    Order,
    Refusal,
    ReportType,
    Status,
    Trade,
    report,
)
from trader.simulator.outside_book import Levels, OutsideBook
from trader.venues.port import Instrument

# Money is never rounded: an operation that would have to raises instead.
EXACT: Final = Context(prec=200, traps=[Inexact, InvalidOperation, DivisionByZero])


class Exchange:
    """Instruments, one account, its orders, and the outside books they trade against.

    No I/O and no clock: each call takes the time (UTC ns) and returns the reports it caused, in
    order. The account's own resting orders are not part of the displayed book and never meet one
    another. What a trade takes from the book stays gone until the next book of that symbol.

    Attributes:
        ledger: the account's money.
        orders: every order by client order id, oldest first, at most about `history_limit`.
        active: those still open.
        trades: (order, trade), oldest first, at most `history_limit`.
        books: by symbol.
        changed_books: symbols whose book moved since somebody last emptied the set.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        balances: Mapping[str, Decimal],
        *,
        history_limit: int = 1_000_000,
    ) -> None:
        self.ledger = Ledger(balances)
        self.instruments: dict[str, Instrument] = {}
        self.orders: dict[str, Order] = {}
        self.active: dict[str, Order] = {}
        self.trades: deque[tuple[Order, Trade]] = deque(maxlen=history_limit)
        self.books: dict[str, OutsideBook] = {}
        self.changed_books: set[str] = set()
        self._resting: dict[str, dict[str, Order]] = {}
        self._history_limit = history_limit
        self._last_order_id = 0
        self._last_trade_id = 0
        for instrument in instruments:
            self.add_instrument(instrument)

    def add_instrument(self, instrument: Instrument) -> None:
        """List a pair.

        Raises:
            ConfigurationError: it is listed already, its fee asset is neither of its two
                currencies, or a rate or step makes no sense.
        """
        if instrument.symbol in self.instruments:
            raise ConfigurationError(f"{instrument.symbol} is listed twice")
        if instrument.fee_asset not in {instrument.asset, instrument.quote_asset}:
            raise ConfigurationError(
                f"{instrument.symbol}: fee_asset {instrument.fee_asset} must be "
                f"{instrument.asset} or {instrument.quote_asset}"
            )
        if not (instrument.lot_size > 0 and instrument.tick_size > 0):
            raise ConfigurationError(f"{instrument.symbol}: lot and tick must be above zero")
        if not (-1 < instrument.maker_fee < 1 and 0 <= instrument.taker_fee < 1):
            raise ConfigurationError(f"{instrument.symbol}: a fee is a fraction below 1")
        self.instruments[instrument.symbol] = instrument
        self._resting[instrument.symbol] = {}

    def set_book(
        self, symbol: str, bids: Levels, asks: Levels, venue_ns: int, now_ns: int
    ) -> list[ExecutionReport]:
        """Replace a symbol's whole outside book; resting orders that it crosses fill as maker.

        Raises:
            Rejected: unknown symbol, a number that is none or negative, or a crossed book.
        """
        if symbol not in self.instruments:
            raise Rejected(f"no book without an instrument: {symbol!r} is not listed")
        old = self.books.get(symbol)
        self.books[symbol] = OutsideBook(
            symbol, bids, asks, venue_ns=venue_ns, sequence=old.sequence + 1 if old else 1
        )
        self.changed_books.add(symbol)
        reports: list[ExecutionReport] = []
        if resting := self._resting[symbol]:
            with localcontext(EXACT):
                for order in sorted(resting.values(), key=_priority):
                    reports += self._take(order, now_ns, taker=False)
        return reports

    def place(self, asked: NewOrder, now_ns: int) -> list[ExecutionReport]:
        """Accept an order and match it at once.

        Returns:
            `new`, then each trade, then `expired` where an IOC or FOK order has a rest.

        Raises:
            Refusal: nothing was placed and nothing changed.
        """
        order = self.accept(asked, now_ns)
        accepted = report(order, ReportType.NEW)
        return [accepted, *self.match(order, now_ns)]

    def accept(self, asked: NewOrder, now_ns: int) -> Order:
        """Check an order and reserve its funds; it meets the book only in `match`.

        Raises:
            Refusal: nothing was placed and nothing changed.
        """
        instrument = self.instruments.get(asked.symbol)
        if instrument is None:
            raise Refusal(2001, f"{asked.symbol} is not listed")
        if asked.client_order_id in self.orders:
            raise Refusal(20008, f"{asked.client_order_id} was used before")
        with localcontext(EXACT):
            if asked.quantity % instrument.lot_size:
                raise Refusal(10001, f"quantity is no multiple of {instrument.lot_size}")
            if not asked.price or asked.price % instrument.tick_size:
                raise Refusal(10001, f"price is no multiple of {instrument.tick_size}")
            if not asked.quantity or asked.quantity < instrument.min_quantity:
                raise Refusal(2011, f"at least {instrument.min_quantity} {instrument.asset}")
            unit = unit_reserve(instrument, asked.side, asked.price)
            self.ledger.reserve(spent_currency(instrument, asked.side), unit * asked.quantity)
        self._last_order_id += 1
        order = Order(
            id=self._last_order_id,
            asked=asked,
            unit_reserve=unit,
            created_ns=now_ns,
            updated_ns=now_ns,
        )
        self.orders[asked.client_order_id] = self.active[asked.client_order_id] = order
        if len(self.orders) > self._history_limit:
            self._forget_oldest()
        return order

    def match(
        self, order: Order, now_ns: int, at_most: Decimal | None = None
    ) -> list[ExecutionReport]:
        """Let an accepted order take from the book; then it rests (GTC) or its rest expires.

        Args:
            order: as `accept` returned it; one that was cancelled meanwhile is left alone.
            now_ns: UTC ns.
            at_most: fill no more than this many base units now.
        """
        if order.asked.client_order_id not in self.active:
            return []
        with localcontext(EXACT):
            if order.asked.time_in_force is TimeInForce.FOK and not self._fills_whole(order):
                return [self._close(order, Status.EXPIRED, ReportType.EXPIRED, now_ns)]
            reports = self._take(order, now_ns, taker=True, at_most=at_most)
            if order.status is Status.FILLED:
                return reports
            if order.asked.time_in_force is TimeInForce.GTC:
                self._resting[order.asked.symbol][order.asked.client_order_id] = order
            else:
                reports.append(self._close(order, Status.EXPIRED, ReportType.EXPIRED, now_ns))
            return reports

    def cancel(self, client_order_id: str, now_ns: int) -> ExecutionReport:
        """Take an open order off and free its funds.

        Raises:
            Refusal: 20002, no such order is open.
        """
        order = self.active.get(client_order_id)
        if order is None:
            raise Refusal(20002, f"{client_order_id} is not active")
        with localcontext(EXACT):
            return self._close(order, Status.CANCELED, ReportType.CANCELED, now_ns)

    def _fills_whole(self, order: Order) -> bool:
        """Tell whether the book holds the whole order within its limit."""
        asked = order.asked
        book = self.books.get(asked.symbol)
        return book is not None and (
            book.displayed_within(asked.side, asked.price) >= asked.quantity
        )

    def _take(
        self, order: Order, now_ns: int, *, taker: bool, at_most: Decimal | None = None
    ) -> list[ExecutionReport]:
        """Fill an order level by level: a taker at the book's prices, a maker at its own."""
        asked = order.asked
        book = self.books.get(asked.symbol)
        if book is None:
            return []
        wanted = order.open_quantity if at_most is None else min(order.open_quantity, at_most)
        taken = book.take(asked.side, asked.price, wanted)
        if taken:
            book.venue_ns = now_ns
            self.changed_books.add(asked.symbol)
        return [
            self._fill(order, price if taker else asked.price, quantity, now_ns, taker=taker)
            for price, quantity in taken
        ]

    def _fill(
        self, order: Order, price: Decimal, quantity: Decimal, now_ns: int, *, taker: bool
    ) -> ExecutionReport:
        """Settle one execution and report it."""
        instrument = self.instruments[order.asked.symbol]
        rate = instrument.taker_fee if taker else instrument.maker_fee
        fee = self.ledger.settle(instrument, order, price, quantity, rate)
        self._last_trade_id += 1
        trade = Trade(
            id=self._last_trade_id,
            price=price,
            quantity=quantity,
            fee=fee,
            taker=taker,
            traded_ns=now_ns,
        )
        order.trades.append(trade)
        self.trades.append((order, trade))
        order.filled += quantity
        order.updated_ns = now_ns
        order.status = Status.PARTIALLY_FILLED
        if not order.open_quantity:
            order.status = Status.FILLED
            self._drop_active(order)
        return report(order, ReportType.TRADE, trade)

    def _close(
        self, order: Order, status: Status, report_type: ReportType, now_ns: int
    ) -> ExecutionReport:
        """End an order with a rest: its funds are free again."""
        self.ledger.release(self.instruments[order.asked.symbol], order)
        order.status = status
        order.updated_ns = now_ns
        self._drop_active(order)
        return report(order, report_type)

    def _drop_active(self, order: Order) -> None:
        del self.active[order.asked.client_order_id]
        self._resting[order.asked.symbol].pop(order.asked.client_order_id, None)

    def _forget_oldest(self) -> None:
        """Keep history bounded: drop the oldest order that is closed."""
        for client_order_id in self.orders:
            if client_order_id not in self.active:
                del self.orders[client_order_id]
                return


def _priority(order: Order) -> tuple[Decimal, int]:
    """Order resting orders: better price first, then older first."""
    price = order.asked.price
    return (-price if order.asked.side is Side.BUY else price, order.id)
