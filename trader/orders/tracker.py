"""Our orders and what is known of each: reports in, state and fills out, told twice or not."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from core.contracts.errors import Rejected
from core.contracts.orders import Approved, Fill, Intent, OrderReport
from trader.orders.lifecycle import TERMINAL, OrderState, next_state


class Order:
    """One order: the intent, its state, its executions.

    Attributes:
        intent: what was approved.
        state: where it stands.
        filled: base units executed, from the fills we have seen.
        told_filled: base units executed, as the venue last told (may run ahead of the fills).
        cost: sum of price times quantity of the fills, quote units.
        fees: by asset.
        changed_ns: time of the last report, UTC ns.
        checks: how many times in a row the venue has said that it doesn't know this id.
        asked_ns: when it said so first, UTC ns.
        unknown_ns: since when its fate is unknown, UTC ns.
        committed: its funds and exposure are counted in the portfolio.
    """

    __slots__ = (
        "asked_ns",
        "changed_ns",
        "checks",
        "committed",
        "cost",
        "detail",
        "fees",
        "fills",
        "intent",
        "state",
        "told_filled",
        "unknown_ns",
        "venue_order_id",
    )

    def __init__(self, intent: Intent, approved_ns: int) -> None:
        self.intent = intent
        self.state = OrderState.APPROVED
        self.fills: dict[str, Fill] = {}
        self.told_filled = Decimal(0)
        self.cost = Decimal(0)
        self.fees: dict[str, Decimal] = {}
        self.changed_ns = approved_ns
        self.checks = 0
        self.asked_ns = 0
        self.unknown_ns = approved_ns
        self.committed = False
        self.venue_order_id: str | None = None
        self.detail = ""

    @property
    def filled(self) -> Decimal:
        """Base units executed, from the fills we have seen."""
        return sum((fill.quantity for fill in self.fills.values()), Decimal(0))

    @property
    def average_price(self) -> Decimal:
        """Quote per base unit over all fills; zero without any."""
        filled = self.filled
        return self.cost / filled if filled else Decimal(0)

    @property
    def done(self) -> bool:
        """Nothing more can come of it, and every execution told has been seen."""
        return self.state in TERMINAL and self.filled >= self.told_filled

    @property
    def worst_case(self) -> Decimal:
        """Base units that may still be executed, as far as we can prove."""
        if self.state in TERMINAL:
            return max(self.told_filled - self.filled, Decimal(0))
        return self.intent.quantity - self.filled

    def apply(self, report: OrderReport) -> Fill | None:
        """Take one report in.

        Returns:
            The execution it tells, if it tells one not seen before.

        Raises:
            Rejected: the report can't be true of this order; its state is UNKNOWN now.
        """
        self.changed_ns = report.received_ns
        if self.state is not OrderState.UNKNOWN:
            self.unknown_ns = report.received_ns
        self.venue_order_id = report.venue_order_id or self.venue_order_id
        if report.detail:
            self.detail = report.detail
        fill = self._take_fill(report.fill)
        self.told_filled = max(self.told_filled, report.filled_quantity)
        if self.told_filled > self.intent.quantity or self.filled > self.intent.quantity:
            self.state = OrderState.UNKNOWN
            raise Rejected(
                f"order {self.intent.client_order_id}: the venue tells {self.told_filled} filled"
                f" of {self.intent.quantity}"
            )
        try:
            self.state = next_state(self.state, report.report)
        except Rejected as error:
            self.state = OrderState.UNKNOWN
            raise Rejected(f"order {self.intent.client_order_id}: {error}") from error
        return fill

    def _take_fill(self, fill: Fill | None) -> Fill | None:
        if fill is None or fill.trade_id in self.fills:
            return None
        self.fills[fill.trade_id] = fill
        self.cost += fill.price * fill.quantity
        self.fees[fill.fee_asset] = self.fees.get(fill.fee_asset, Decimal(0)) + fill.fee
        return fill


class Orders:
    """All orders of this account that Tidings made, by client order id."""

    def __init__(self) -> None:
        self._by_id: dict[str, Order] = {}
        self._live: dict[str, Order] = {}

    def __contains__(self, client_order_id: str) -> bool:
        return client_order_id in self._by_id

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Order]:
        return iter(self._by_id.values())

    def get(self, client_order_id: str) -> Order | None:
        """Find one of our orders."""
        return self._by_id.get(client_order_id)

    def add(self, approved: Approved) -> Order:
        """Begin a life.

        Raises:
            Rejected: the id is taken; the same signal must never become two orders.
        """
        intent = approved.intent
        if intent.client_order_id in self._by_id:
            raise Rejected(f"order {intent.client_order_id} exists already")
        order = Order(intent, approved.approved_ns)
        self._by_id[intent.client_order_id] = order
        self._live[intent.client_order_id] = order
        return order

    def apply(self, report: OrderReport) -> tuple[Order, Fill | None]:
        """Take a report in; give the order and the execution, if it tells a new one.

        Raises:
            Rejected: no such order of ours, or the report can't be true of it.
        """
        order = self._by_id.get(report.client_order_id)
        if order is None:
            raise Rejected(
                f"{report.venue} reports {report.report} for {report.client_order_id},"
                " which is no order of ours"
            )
        fill = order.apply(report)
        if order.done:
            self._live.pop(report.client_order_id, None)
        else:
            self._live[report.client_order_id] = order
        return order, fill

    def restore(self, intents: Iterable[Approved], reports: Iterable[OrderReport]) -> list[Fill]:
        """Rebuild from the journal; what was not proved finished comes back as UNKNOWN.

        Returns:
            Every execution the journal tells, each once, in its order.
        """
        fills = []
        for approved in intents:
            if approved.intent.client_order_id not in self._by_id:
                self.add(approved)
        for report in reports:
            try:
                _, fill = self.apply(report)
            except Rejected:
                continue  # it was refused when it came, and left its order UNKNOWN then as now
            if fill is not None:
                fills.append(fill)
        for order in self._live.values():
            order.state = OrderState.UNKNOWN
        return fills

    def live(self) -> tuple[Order, ...]:
        """Orders that may still execute, or have executions we have not seen."""
        return tuple(self._live.values())

    def unresolved(self) -> tuple[Order, ...]:
        """Orders whose fate must be asked for."""
        return tuple(
            order
            for order in self._live.values()
            if order.state is OrderState.UNKNOWN or order.state in TERMINAL
        )
