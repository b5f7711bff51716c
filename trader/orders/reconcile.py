"""Agreement with the venue: every order whose fate is unknown is asked for until it is proved.

The one path of start-up and recovery: an order is never assumed rejected and never sent again
under another id; if journal and venue can't be made to agree, trading does not start.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Final

from core.contracts.clock import Clock
from core.contracts.errors import Fatal, Retryable
from core.contracts.identity import CLIENT_ORDER_ID_LENGTH
from core.contracts.orders import OrderReport, Report, Side
from trader.orders.lifecycle import TERMINAL
from trader.orders.tracker import Order, Orders
from trader.risk.portfolio import Portfolio
from trader.settings import ReconcileSettings
from trader.venues.port import Balance, Venue, VenueOrder

MS: Final = 1_000_000
_OURS: Final = re.compile(rf"t[0-9a-f]{{{CLIENT_ORDER_ID_LENGTH - 1}}}")
_FEE_ALLOWANCE: Final = Decimal("0.99")  # a fee taken in the base asset leaves a little less


class Reconciler:
    """Asks the venue for the fate of orders and feeds the answers back as reports."""

    def __init__(
        self,
        venue: Venue,
        orders: Orders,
        *,
        apply: Callable[[OrderReport], None],
        resend: Callable[[Order], None],
        clock: Clock,
        settings: ReconcileSettings,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Wire up.

        Args:
            venue: whom to ask.
            orders: ours.
            apply: takes each answer as a report, as if the venue had told it by itself.
            resend: is offered an order that was proved never to have arrived.
            clock: the time.
            settings: how often and how long to ask.
            sleep: waits; a test gives its own.
        """
        self._venue = venue
        self._orders = orders
        self._apply = apply
        self._resend = resend
        self._clock = clock
        self._settings = settings
        self._sleep = sleep
        self._wake = asyncio.Event()
        self._pause_s = settings.settle_ms / 1000 / max(settings.checks - 1, 1)

    def wake(self) -> None:
        """Something is unresolved: look at once."""
        self._wake.set()

    async def start(self, portfolio: Portfolio) -> None:
        """Agree with the venue before the first order.

        Raises:
            Fatal: the venue holds what the journal doesn't know, or lacks what it says we hold.
            Retryable: the venue can't be asked now.
        """
        for order in await self._venue.open_orders():
            if _OURS.fullmatch(order.client_order_id) and order.client_order_id not in self._orders:
                raise Fatal(
                    f"{order.venue} has open order {order.client_order_id} ({order.symbol}), which"
                    " carries our mark but is not in the journal: cancel it there, or start with"
                    " the journal it was made with"
                )
        while await self.resolve():
            await self._sleep(self._pause_s)
        balances = await self._venue.balances()
        portfolio.set_balances(self._venue.name, balances, self._clock.now_ns())
        self._agree_on_positions(balances, portfolio)

    def _agree_on_positions(self, balances: tuple[Balance, ...], portfolio: Portfolio) -> None:
        held = {b.currency: b.available + b.reserved for b in balances}
        claimed: dict[str, Decimal] = {}
        for position in portfolio.open_positions():
            if position.intent.side is Side.BUY:
                asset = position.intent.asset
                claimed[asset] = claimed.get(asset, Decimal(0)) + position.open_quantity
        for asset, quantity in claimed.items():
            if held.get(asset, Decimal(0)) < quantity * _FEE_ALLOWANCE:
                raise Fatal(
                    f"the journal says we hold {quantity:f} {asset}, {self._venue.name} says"
                    f" {held.get(asset, Decimal(0)):f}: find out who moved it before trading"
                )

    async def run(self) -> None:
        """Resolve whatever becomes unknown, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while True:
                try:
                    left = await self.resolve()
                except Retryable as error:
                    await self._sleep(max((error.retry_after_ns or 0) / 1e9, self._pause_s))
                    continue
                if not left:
                    break
                await self._sleep(self._pause_s)

    async def resolve(self) -> int:
        """Ask once for each unresolved order; give how many remain.

        Raises:
            Retryable: the venue can't be asked now.
        """
        for order in self._orders.unresolved():
            found = await self._venue.find_order(order.intent.client_order_id, order.intent.symbol)
            if found is None:
                self._denied(order)
            else:
                order.checks = 0
                for report in reports_of(found, self._clock.now_ns()):
                    self._apply(report)
        return len(self._orders.unresolved())

    def _denied(self, order: Order) -> None:
        """Count a 'no such order'; only enough of them, over the settle time, prove it."""
        now_ns = self._clock.now_ns()
        if order.checks == 0:
            order.asked_ns = now_ns
        order.checks += 1
        if order.state in TERMINAL or order.fills:
            return  # it did exist: keep asking
        settled = now_ns - order.asked_ns >= self._settings.settle_ms * MS
        if order.checks >= self._settings.checks and settled:
            order.checks = 0
            intent = order.intent
            self._apply(
                OrderReport(
                    client_order_id=intent.client_order_id,
                    venue=intent.venue,
                    symbol=intent.symbol,
                    report=Report.ABSENT,
                    detail="the venue doesn't know the id, asked until it was settled",
                    received_ns=now_ns,
                )
            )
            self._resend(order)


def reports_of(found: VenueOrder, now_ns: int) -> list[OrderReport]:
    """Tell what the venue answered as reports: each execution, then where the order stands."""
    reports = [
        OrderReport(
            client_order_id=found.client_order_id,
            venue=found.venue,
            symbol=found.symbol,
            report=Report.PARTIALLY_FILLED,
            venue_order_id=found.venue_order_id,
            filled_quantity=found.filled_quantity,
            fill=fill,
            venue_ns=fill.venue_ns,
            received_ns=now_ns,
        )
        for fill in found.fills
    ]
    reports.append(
        OrderReport(
            client_order_id=found.client_order_id,
            venue=found.venue,
            symbol=found.symbol,
            report=found.status,
            venue_order_id=found.venue_order_id,
            filled_quantity=found.filled_quantity,
            received_ns=now_ns,
        )
    )
    return reports
