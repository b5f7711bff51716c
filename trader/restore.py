"""Rebuilds a trader from the journal: orders, positions, exit plans, the gate."""

from typing import Protocol, TypeVar

import msgspec

from core.contracts.gate import GateChange
from core.contracts.orders import Approved, ExitPlan, OrderReport, Refused
from trader.engine import Trader

R = TypeVar("R", bound=msgspec.Struct)


class JournalSource(Protocol):
    """The journal as it is read at the start."""

    async def load(self, kind: str, since_ns: int) -> list[msgspec.Struct]:
        """Give the records of one kind from `since_ns` on, oldest first."""

    async def load_latest_gate(self) -> GateChange | None:
        """Give the gate's last change, however old."""


async def restore(trader: Trader, journal: JournalSource, since_ns: int) -> None:
    """Take up where the last process ended; every unfinished order comes back as UNKNOWN.

    Positions whose entry lies before `since_ns` are not taken up; choose it to cover the longest
    time limit by far.
    """
    intents = _of(Approved, await journal.load("intent", since_ns))
    reports = _of(OrderReport, await journal.load("report", since_ns))
    fills = trader.orders.restore(intents, reports)
    portfolio = trader.portfolio
    for refused in _of(Refused, await journal.load("refused", since_ns)):
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
    for plan in _of(ExitPlan, await journal.load("exit_plan", since_ns)):
        position = portfolio.positions.get(plan.signal_id)
        if position is not None:
            position.plan = plan
    for position in portfolio.open_positions():
        signal_id = position.intent.signal_id
        position.exits = exits.get(signal_id, 0)
        for order in trader.orders.live():
            if order.intent.signal_id == signal_id and order.intent.reduces:
                position.pending = order.intent.client_order_id
        trader.closing.watch(position)
    trader.gate.restore(await journal.load_latest_gate())


def _of(kind: type[R], records: list[msgspec.Struct]) -> list[R]:
    return [record for record in records if isinstance(record, kind)]
