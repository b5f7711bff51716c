"""Rebuilds a trader from the journal: orders, positions, exit plans, the gate."""

from typing import Any, Protocol, TypeVar

import msgspec

from core.contracts.gate import GateChange
from core.contracts.notice import VenueNotice
from core.contracts.orders import Approved, ExitPlan, OrderReport, Refused
from core.contracts.signal import Action, Signal
from core.runtime.journal.kinds import (
    EXIT_CLOSED,
    EXIT_PLAN,
    INTENT,
    NOTICE,
    REFUSED,
    REPORT,
    SIGNAL,
    ExitClosed,
)
from trader.engine import Trader
from trader.risk.portfolio import Position

R = TypeVar("R", bound=msgspec.Struct)


class JournalSource(Protocol):
    """The journal as it is read at the start."""

    async def load(self, kind: str, since_ns: int) -> list[Any]:
        """Give the records of one kind from `since_ns` on, oldest first."""

    async def load_latest_gate(self) -> GateChange | None:
        """Give the gate's last change, however old."""


async def restore(trader: Trader, journal: JournalSource, since_ns: int) -> None:
    """Take up where the last process ended; every unfinished order comes back as UNKNOWN.

    The venue's notices are taken up however old they are: an incident may last.

    Positions whose entry lies before `since_ns` are not taken up; choose it to cover the longest
    time limit by far.
    """
    intents = _of(Approved, await journal.load(INTENT, since_ns))
    reports = _of(OrderReport, await journal.load(REPORT, since_ns))
    fills = trader.orders.restore(intents, reports)
    portfolio = trader.portfolio
    for refused in _of(Refused, await journal.load(REFUSED, since_ns)):
        trader.refused.add(refused.signal_id)
    exits: dict[str, int] = {}
    for approved in intents:
        intent = approved.intent
        if intent.reduces:
            exits[intent.signal_id] = exits.get(intent.signal_id, 0) + 1
        else:
            portfolio.entries.add(intent.signal_id)
    for fill in fills:
        order = trader.orders.get(fill.client_order_id)
        if order is not None:
            portfolio.filled(order.intent, fill)
    for order in trader.orders.live():
        portfolio.commit(order.intent, order.changed_ns)
        order.committed = True
    await _restore_exits(trader, journal, since_ns)
    for position in portfolio.open_positions():
        position.exits = exits.get(position.intent.signal_id, 0)
        _take_up(trader, position)
    for signal in _of(Signal, await journal.load(SIGNAL, since_ns)):
        if signal.action is Action.RAISE and signal.follows and signal.id in portfolio.entries:
            trader.raises[signal.follows] = signal.id
        elif signal.action is Action.CLOSE and signal.follows:
            trader.deny(signal.id, signal.follows)
    for notice in _of(VenueNotice, await journal.load(NOTICE, 0)):
        trader.closures.take(notice)
    trader.gate.restore(await journal.load_latest_gate())


async def _restore_exits(trader: Trader, journal: JournalSource, since_ns: int) -> None:
    """Give positions their plans, and close those that were closed."""
    positions = trader.portfolio.positions
    for plan in _of(ExitPlan, await journal.load(EXIT_PLAN, since_ns)):
        if plan.signal_id in positions:
            positions[plan.signal_id].plan = plan
    for closed in _of(ExitClosed, await journal.load(EXIT_CLOSED, since_ns)):
        entry = trader.orders.get(closed.entry_client_order_id)
        if entry is not None and entry.intent.signal_id in positions:
            trader.portfolio.close(positions[entry.intent.signal_id], closed.closed_ns)


def _take_up(trader: Trader, position: Position) -> None:
    """Watch an open position again; an exit of it that is in flight keeps others back."""
    for order in trader.orders.live():
        if order.intent.signal_id == position.intent.signal_id and order.intent.reduces:
            position.pending = order.intent.client_order_id
    trader.closing.watch(position)


def _of(kind: type[R], records: list[Any]) -> list[R]:
    return [record for record in records if isinstance(record, kind)]
