"""The simulated exchange at work: engine, faults and clock joined, its news told to clients."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Raw

from core.contracts.clock import Clock
from trader.simulator.connection import Connection
from trader.simulator.exchange import Exchange
from trader.simulator.faults import Faults
from trader.simulator.feed import PublicFeed
from trader.simulator.orders import ExecutionReport, NewOrder
from trader.simulator.outside_book import Levels
from trader.simulator.wire import encode, notification, wire_balances, wire_order


class Receipts:
    """Which orders came in over the sockets, and when, whatever became of them."""

    def __init__(self, limit: int) -> None:
        self.received_ns: dict[str, list[int]] = {}  # by client order id, oldest first
        self.frames = 0
        self.duplicates = 0  # frames whose client order id had come before
        self._limit = limit

    def note(self, client_order_id: object, received_ns: int) -> None:
        """Count one order frame."""
        self.frames += 1
        if not isinstance(client_order_id, str):
            return
        times = self.received_ns.setdefault(client_order_id[:64], [])
        if times:
            self.duplicates += 1
        times.append(received_ns)
        if len(self.received_ns) > self._limit:
            del self.received_ns[next(iter(self.received_ns))]


class SimulatedVenue:
    """Lets orders and books in, and tells every client of the account what came of them.

    Attributes:
        exchange: the engine.
        faults: what to do wrong.
        feed: the public side.
        receipts: the order frames that came in.
        report_listeners: connections that subscribed to reports.
        balance_listeners: connections that subscribed to balances.
    """

    def __init__(
        self,
        exchange: Exchange,
        faults: Faults,
        clock: Clock,
        *,
        immediate: bool,
        history_limit: int,
    ) -> None:
        self.exchange: Final = exchange
        self.faults: Final = faults
        self.feed: Final = PublicFeed(exchange, faults, immediate=immediate)
        self.receipts: Final = Receipts(history_limit)
        self.report_listeners: dict[Connection, None] = {}  # in the order of subscription
        self.balance_listeners: dict[Connection, None] = {}
        self._clock = clock
        self._held: dict[str, list[bytes]] = {}  # reports withheld, by client order id
        self._timers: set[asyncio.TimerHandle] = set()

    def now_ns(self) -> int:
        """Tell the exchange's time, which a fault may have set wrong."""
        return self._clock.now_ns() + self.faults.skew_ns

    def place(self, asked: NewOrder) -> list[ExecutionReport]:
        """Place and match an order; nobody hears of it before `tell`.

        Raises:
            Refusal: nothing was placed.
        """
        return self.exchange.place(asked, self.now_ns())

    def tell(self, reports: Iterable[ExecutionReport], *, copies: int = 1) -> list[Raw]:
        """Send reports to those who subscribed, unless withheld, and trades to the public.

        Returns:
            The orders as they were written, one for each report.
        """
        written: list[Raw] = []
        for told in reports:
            order = Raw(encode(wire_order(told)))
            written.append(order)
            frame = notification("spot_order", order)
            held = self._held.get(told.order.asked.client_order_id)
            for _ in range(copies):
                if held is not None:
                    held.append(frame)
                else:
                    self._send(self.report_listeners, frame)
            if told.trade is not None:
                self.feed.publish_trade(told)
        return written

    def tell_changes(self) -> None:
        """Send the balances and books that changed."""
        changed = self.exchange.ledger.changed
        if changed:
            if self.balance_listeners:
                balances = wire_balances(self.exchange.ledger, changed)
                self._send(self.balance_listeners, notification("spot_balance", balances))
            changed.clear()
        self.feed.publish_books()

    def hold(self, client_order_id: str, hold_ms: int | None) -> None:
        """Withhold an order's reports for so long, or until somebody asks for it."""
        self._held.setdefault(client_order_id, [])
        if hold_ms is not None:
            self.later(hold_ms, lambda: self.release(client_order_id))

    def release(self, client_order_id: str) -> None:
        """Send what was withheld about an order, and the balances that changed meanwhile."""
        for frame in self._held.pop(client_order_id, ()):
            self._send(self.report_listeners, frame)
        self.tell_changes()

    def release_all(self) -> None:
        """Send everything that was withheld."""
        for client_order_id in tuple(self._held):
            self.release(client_order_id)

    def set_book(
        self, symbol: str, bids: Levels, asks: Levels, venue_ns: int | None = None
    ) -> None:
        """Show a new whole book; resting orders it crosses fill, and everybody hears.

        Args:
            symbol: the pair.
            bids: (price, quantity) of all levels.
            asks: the same.
            venue_ns: when it was published, UTC ns; None for now.

        Raises:
            Rejected: it is no book, or the symbol is not listed.
        """
        now_ns = self.now_ns()
        published_ns = now_ns if venue_ns is None else venue_ns
        self.tell(self.exchange.set_book(symbol, bids, asks, published_ns, now_ns))
        self.tell_changes()

    def later(self, delay_ms: int, act: Callable[[], None]) -> None:
        """Do something after a delay, unless the exchange stops before."""

        def due() -> None:
            self._timers.discard(handle)
            act()

        handle = asyncio.get_running_loop().call_later(delay_ms / 1000, due)
        self._timers.add(handle)

    def forget(self, connection: Connection) -> None:
        """Drop a trading client that is gone."""
        self.report_listeners.pop(connection, None)
        self.balance_listeners.pop(connection, None)

    def stop(self) -> None:
        """Cancel what was still to happen."""
        for handle in self._timers:
            handle.cancel()
        self._timers.clear()
        self.feed.stop()

    def _send(self, listeners: Iterable[Connection], frame: bytes) -> None:
        for connection in tuple(listeners):
            connection.send(frame)
