"""Closes positions by their exit plans: watches books and time, makes the exit orders."""

from collections import Counter
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from core.contracts.clock import Clock
from core.contracts.money import floor_to_step
from core.contracts.orders import Approved, ExitPlan, Intent, Refused
from core.contracts.trace import Trace
from trader.desks.event import exit_reason, leave, plan_exit
from trader.orders.tracker import Order
from trader.risk.portfolio import Portfolio, Position
from trader.settings import TraderSettings
from trader.venues.books import Books
from trader.venues.port import Depth

MS: Final = 1_000_000


class Dealer(Protocol):
    """What closing needs of the trader it works for."""

    clock: Clock
    settings: TraderSettings
    books: Books
    portfolio: Portfolio
    connected: bool
    counts: Counter[str]

    def check(self, intent: Intent, depth: Depth | None, now_ns: int) -> Approved | Refused:
        """Ask the risk gate."""

    def submit(self, approved: Approved, trace: Trace) -> None:
        """Journal and send."""

    def record_plan(self, plan: ExitPlan) -> None:
        """Journal an exit plan."""

    def record_closed(self, entry_client_order_id: str, closed_ns: int) -> None:
        """Journal that a position is closed."""


class Closing:
    """The open positions of a trader, by symbol, until each is closed.

    Attributes:
        closed: positions that have come to their end, oldest first, the newest 10,000.
        flattening: close everything now, whatever the plans say.
        denied: close the positions of these signals now, whatever their plans say.
    """

    def __init__(self, trader: Dealer) -> None:
        self._trader = trader
        self._open: dict[str, list[Position]] = {}
        self.closed: list[Position] = []
        self.flattening = False
        self.denied: AbstractSet[str] = frozenset()

    def on_fill(self, position: Position, order: Order) -> None:
        """Plan the exit anew at each of the entry's fills: its average price has moved."""
        if order.intent.reduces:
            return
        instrument = self._trader.books.instruments[order.intent.symbol]
        now_ns = self._trader.clock.now_ns()
        position.plan = plan_exit(position, instrument, self._trader.settings.exits, now_ns)
        self._trader.record_plan(position.plan)
        self.watch(position)

    def watch(self, position: Position) -> None:
        """Begin watching a position that has a plan."""
        held = self._open.setdefault(position.intent.symbol, [])
        if position not in held:
            held.append(position)

    def on_done(self, order: Order) -> None:
        """An exit order has come to its end: the position is closed, or the next one may go."""
        position = self._trader.portfolio.positions.get(order.intent.signal_id)
        if position is None or position.pending != order.intent.client_order_id:
            return
        position.pending = None
        if position.open_quantity <= 0:
            self._close(position)

    def on_depth(self, depth: Depth) -> None:
        """Look at the positions of one symbol."""
        held = self._open.get(depth.symbol)
        if held:
            now_ns = self._trader.clock.now_ns()
            for position in tuple(held):
                self._consider(position, depth, now_ns)

    def on_time(self) -> None:
        """Look at the positions whose time is up; call it a few times a second.

        Prices are looked at when they move, in `on_depth`.
        """
        now_ns = self._trader.clock.now_ns()
        for symbol, held in tuple(self._open.items()):
            for position in tuple(held):
                plan = position.plan
                if plan is not None and (
                    self.flattening or now_ns >= plan.close_at_ns or plan.signal_id in self.denied
                ):
                    self._consider(position, self._trader.books.depths.get(symbol), now_ns)

    def flatten(self) -> int:
        """Close every open position as soon as a book allows; give how many there are."""
        self.flattening = True
        self.on_time()
        return self.open_count

    @property
    def open_count(self) -> int:
        """Positions not yet closed."""
        return sum(len(held) for held in self._open.values())

    @property
    def open_symbols(self) -> tuple[str, ...]:
        """Symbols with a position not yet closed."""
        return tuple(symbol for symbol, held in self._open.items() if held)

    def _consider(self, position: Position, depth: Depth | None, now_ns: int) -> None:
        trader, plan = self._trader, position.plan
        if plan is None or depth is None or position.pending is not None:
            return
        instrument = trader.books.instruments[plan.symbol]
        if floor_to_step(position.open_quantity, instrument.lot_size) < instrument.min_quantity:
            trader.counts["dust_left"] += 1
            self._close(position)
            return
        if now_ns - position.last_exit_ns < trader.settings.exits.retry_ms * MS:
            return
        reason = self._reason(plan, depth, now_ns)
        if reason is None or not trader.connected:
            return
        position.reason = reason
        self._leave(position, plan, depth, now_ns)

    def _reason(self, plan: ExitPlan, depth: Depth, now_ns: int) -> str | None:
        """Say why a position is to be closed now; None for not yet."""
        if self.flattening:
            return "flatten"
        if plan.signal_id in self.denied:
            return "denied"
        return exit_reason(plan, depth, now_ns)

    def _leave(self, position: Position, plan: ExitPlan, depth: Depth, now_ns: int) -> None:
        trader = self._trader
        position.last_exit_ns = now_ns
        intent = leave(
            position,
            plan,
            instrument=trader.books.instruments[plan.symbol],
            depth=depth,
            free=trader.portfolio.free(plan.venue, plan.asset),
            settings=trader.settings.exits,
            now_ns=now_ns,
        )
        if intent is None:
            return  # an empty book, or the venue's balance message is still on its way
        outcome = trader.check(intent, depth, now_ns)
        if isinstance(outcome, Refused):
            trader.counts[f"exit_refused_{outcome.reason}"] += 1
            return
        position.exits += 1
        position.pending = intent.client_order_id
        trader.submit(outcome, Trace(depth.received_ns))

    def _close(self, position: Position) -> None:
        closed_ns = self._trader.clock.now_ns()
        self._trader.portfolio.close(position, closed_ns)
        self._trader.record_closed(position.intent.client_order_id, closed_ns)
        held = self._open.get(position.intent.symbol, [])
        if position in held:
            held.remove(position)
        self.closed.append(position)
        del self.closed[:-10_000]
        self._trader.counts["positions_closed"] += 1
