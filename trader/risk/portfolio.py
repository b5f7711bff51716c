"""What we hold, owe and have lost: balances, positions and exposure, kept up by reports."""

from collections import deque
from decimal import Decimal
from typing import Final

from core.contracts.orders import ExitPlan, Fill, Intent, Side
from trader.venues.port import Balance

DAY_NS: Final = 86_400_000_000_000
MINUTE_NS: Final = 60_000_000_000
ZERO: Final = Decimal(0)


class Position:
    """What one signal's entry opened and its exits have not yet closed.

    Attributes:
        intent: the entry.
        opened: base units the entry executed; closed: base units the exits executed.
        cost: quote units of the entry's fills; proceeds: of the exits' fills.
        fees: by asset, entry and exits.
        exits: how many exit orders were made.
        plan: how it is to be closed; None until the entry is done.
    """

    __slots__ = (
        "closed",
        "closed_ns",
        "cost",
        "exits",
        "fees",
        "intent",
        "last_exit_ns",
        "opened",
        "pending",
        "plan",
        "proceeds",
        "reason",
    )

    def __init__(self, intent: Intent) -> None:
        self.intent = intent
        self.opened = ZERO
        self.closed = ZERO
        self.cost = ZERO
        self.proceeds = ZERO
        self.fees: dict[str, Decimal] = {}
        self.exits = 0
        self.plan: ExitPlan | None = None
        self.pending: str | None = None
        self.last_exit_ns = 0
        self.closed_ns = 0
        self.reason = ""

    @property
    def open_quantity(self) -> Decimal:
        """Base units still to be closed."""
        return self.opened - self.closed

    @property
    def exposure(self) -> Decimal:
        """Quote units at risk, at the entry's price."""
        return self.cost * self.open_quantity / self.opened if self.opened else ZERO

    @property
    def result(self) -> Decimal:
        """Quote units won or lost on the closed part, after fees paid in the quote asset."""
        share = self.closed / self.opened if self.opened else ZERO
        spent = self.cost * share
        gross = self.proceeds - spent if self.intent.side is Side.BUY else spent - self.proceeds
        return gross - self.fees.get(self.intent.quote_asset, ZERO)

    def take(self, fill: Fill, *, entry: bool) -> None:
        """Count one execution."""
        notional = fill.price * fill.quantity
        if entry:
            self.opened += fill.quantity
            self.cost += notional
        else:
            self.closed += fill.quantity
            self.proceeds += notional
        self.fees[fill.fee_asset] = self.fees.get(fill.fee_asset, ZERO) + fill.fee


class Portfolio:
    """Balances, positions and counters that the risk check reads; all O(1) on the way to an order.

    Positions and `entries` (the signals that have had one) are by signal id.

    Exposure counts an entry from its approval on, at its limit price, until its fate is proved:
    an order whose fate is unknown weighs its worst case.
    """

    def __init__(self) -> None:
        self.balances: dict[tuple[str, str], Balance] = {}
        self.balances_ns: dict[str, int] = {}
        self.positions: dict[str, Position] = {}
        self.entries: set[str] = set()
        self._committed: dict[str, Decimal] = {}
        self._settling: dict[str, Decimal] = {}
        self.exposure = ZERO
        self._by_asset: dict[str, Decimal] = {}
        self._sent: deque[int] = deque()
        self._day = 0
        self._realised = ZERO
        self._counted: dict[str, Decimal] = {}

    def set_balances(self, venue: str, balances: tuple[Balance, ...], now_ns: int) -> None:
        """Take what the venue says it holds; the age of all its balances is now."""
        for balance in balances:
            self.balances[venue, balance.currency] = balance
            self._settling.pop(balance.currency, None)
        self.balances_ns[venue] = now_ns

    def free(self, venue: str, currency: str) -> Decimal:
        """Give what is available, less what our own orders use that the venue hasn't told yet.

        Reserved (frozen) funds are not free.
        """
        balance = self.balances.get((venue, currency))
        used = self._committed.get(currency, ZERO) + self._settling.get(currency, ZERO)
        return max((balance.available if balance else ZERO) - used, ZERO)

    def of_asset(self, asset: str) -> Decimal:
        """Give the exposure in one asset, quote units, open and in flight."""
        return self._by_asset.get(asset, ZERO)

    def commit(self, intent: Intent, now_ns: int) -> None:
        """Count an approved order: its funds are taken until the venue tells its own count."""
        currency, amount = _funds_of(intent)
        self._committed[currency] = self._committed.get(currency, ZERO) + amount
        self._sent.append(now_ns)
        if not intent.reduces:
            self._add_exposure(intent.asset, intent.quantity * intent.limit_price)

    def release(self, intent: Intent, *, existed: bool) -> None:
        """Uncount an order that is done.

        Where it existed at the venue, its funds stay taken until the next balance message.
        """
        currency, amount = _funds_of(intent)
        self._committed[currency] = self._committed.get(currency, ZERO) - amount
        if existed:
            self._settling[currency] = self._settling.get(currency, ZERO) + amount
        if not intent.reduces:
            self._add_exposure(intent.asset, -intent.quantity * intent.limit_price)

    @property
    def settled(self) -> bool:
        """Whether the venue has told its balances since our last order was done."""
        return not self._settling

    def filled(self, intent: Intent, fill: Fill) -> Position:
        """Count an execution into its position."""
        entry = not intent.reduces
        position = self.positions.get(intent.signal_id)
        if position is None:
            position = self.positions[intent.signal_id] = Position(intent)
        before = position.exposure
        position.take(fill, entry=entry)
        self._add_exposure(intent.asset, position.exposure - before)
        self._count_result(position, fill.received_ns)
        return position

    def close(self, position: Position, now_ns: int) -> None:
        """Count a position as closed; dust that no order can sell is no exposure any more."""
        self._add_exposure(position.intent.asset, -position.exposure)
        position.closed_ns = now_ns

    def _add_exposure(self, asset: str, change: Decimal) -> None:
        self._by_asset[asset] = self._by_asset.get(asset, ZERO) + change
        self.exposure += change

    def _count_result(self, position: Position, now_ns: int) -> None:
        day = now_ns // DAY_NS
        if day != self._day:
            self._day, self._realised = day, ZERO
        key = position.intent.signal_id
        self._realised += position.result - self._counted.get(key, ZERO)
        self._counted[key] = position.result

    def realised_today(self, now_ns: int) -> Decimal:
        """Give what was won or lost since midnight UTC, quote units, after fees."""
        return self._realised if now_ns // DAY_NS == self._day else ZERO

    def orders_last_minute(self, now_ns: int) -> int:
        """Count approvals in the last sixty seconds."""
        while self._sent and self._sent[0] <= now_ns - MINUTE_NS:
            self._sent.popleft()
        return len(self._sent)

    def open_positions(self) -> tuple[Position, ...]:
        """Give the positions with something still to close."""
        return tuple(p for p in self.positions.values() if p.open_quantity > 0 and not p.closed_ns)


def _funds_of(intent: Intent) -> tuple[str, Decimal]:
    """Name what an order pays with, and how much at most."""
    if intent.side is Side.BUY:
        return intent.quote_asset, intent.quantity * intent.limit_price
    return intent.asset, Decimal(intent.quantity)
