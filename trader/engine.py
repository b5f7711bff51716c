"""The trader: signals and venue messages in, orders out; one synchronous step for each."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from core.contracts.clock import Clock
from core.contracts.errors import Fatal, Rejected, Retryable
from core.contracts.gate import GateState
from core.contracts.notice import VenueNotice
from core.contracts.orders import (
    Approved,
    ExitPlan,
    Intent,
    OrderReport,
    Refused,
    RefuseReason,
    Report,
)
from core.contracts.signal import Action, Signal
from core.contracts.topics import FILLS, INTENTS, REFUSALS, REPORTS, Topic
from core.contracts.trace import Trace
from core.runtime.bus.port import Bus
from core.runtime.journal.kinds import (
    EXIT_CLOSED,
    EXIT_PLAN,
    GATE,
    INTENT,
    NOTICE,
    REFUSED,
    REPORT,
    SIGNAL,
    ExitClosed,
)
from trader.desks.closing import Closing
from trader.desks.event import ENTRY, enter
from trader.orders.lifecycle import OrderState
from trader.orders.tracker import Order, Orders
from trader.risk.check import check
from trader.risk.closures import Closures
from trader.risk.gate import Gate
from trader.risk.portfolio import Portfolio
from trader.settings import TraderSettings
from trader.venues.books import Books
from trader.venues.port import Balance, Depth, Venue

MS: Final = 1_000_000
R = TypeVar("R", bound=msgspec.Struct)


class Recorder(Protocol):
    """The journal as the trader needs it: durable against `kill -9` when it returns."""

    def append(self, kind: str, record: msgspec.Struct) -> None:
        """Keep one record; raises `Fatal` when it can't."""

    def append_many(self, records: Sequence[tuple[str, msgspec.Struct]]) -> None:
        """Keep several in one write; raises `Fatal` when it can't."""


class Trader:
    """Turns signals into orders and keeps the truth about them; a `VenueListener`.

    Single-threaded: every method runs on the event loop, to its end. Between a signal and the
    order's bytes there is one journal write and nothing else that waits.

    Attributes:
        ready: journal and venue agree; until then signals are refused.
        connected: the trading connection is up; while it isn't, signals are refused.
        last_disconnect: which venue went last, and why.
        quiet: set while no order is in flight.
        denied: ids of signals whose stories were denied, and of the denials.
        raises: the signal that raised another one, by that one's id.
        counts: signals, refusals by reason, reports by kind, and what was not understood.
    """

    def __init__(
        self,
        venue: Venue,
        *,
        bus: Bus,
        journal: Recorder,
        clock: Clock,
        settings: TraderSettings,
        on_trace: Callable[[Intent, Trace], None] = lambda _intent, _trace: None,
    ) -> None:
        self.venue = venue
        self.settings = settings
        self.clock = clock
        self.orders = Orders()
        self.portfolio = Portfolio()
        self.books = Books()
        self.closures = Closures(settings)
        self.gate = Gate(on_change=lambda change: journal.append(GATE, change))
        self.closing = Closing(self)
        self.ready = False
        self.connected = False
        self.last_disconnect = ""
        self.quiet = asyncio.Event()
        self.quiet.set()
        self.counts: Counter[str] = Counter()
        self.on_unresolved: Callable[[], None] = lambda: None
        self.on_connection: Callable[[bool], None] = lambda _: None
        self._bus = bus
        self._journal = journal
        self._on_trace = on_trace
        self._traces: dict[str, Trace] = {}
        self.refused: set[str] = set()
        self.denied: set[str] = set()
        self.raises: dict[str, str] = {}
        self._unresolved_symbols: set[str] = set()
        self._failure: asyncio.Future[None] | None = None

    # ------------------------------------------------------------------ signals

    def on_signal(self, signal: Signal, _key: str, trace: Trace) -> None:
        """Trade a signal, once: the bus handler of SIGNALS."""
        now_ns = self.clock.now_ns()
        self.counts["signals"] += 1
        if signal.id in self.refused or signal.id in self.portfolio.entries:
            self.counts["signals_seen"] += 1
            return
        if signal.action is not Action.OPEN and self._follow(signal, now_ns):
            return
        if signal.id in self.denied:
            self._refuse_signal(signal, RefuseReason.DENIED, "its story was denied", now_ns)
            return
        if now_ns >= signal.expires_ns:
            detail = f"{(now_ns - signal.expires_ns) // MS} ms ago"
            self._refuse_signal(signal, RefuseReason.EXPIRED, detail, now_ns)
            return
        if not (self.ready and self.connected):
            self._refuse_signal(signal, RefuseReason.DISCONNECTED, "not trading yet", now_ns)
            return
        instrument = self.books.instrument_for(signal.asset)
        depth = self.books.depths.get(instrument.symbol) if instrument else None
        outcome: Intent | Approved | Refused = enter(
            signal,
            venue=self.venue.name,
            instrument=instrument,
            depth=depth,
            portfolio=self.portfolio,
            settings=self.settings.sizing,
            now_ns=now_ns,
        )
        if isinstance(outcome, Intent):
            outcome = self.check(outcome, depth, now_ns)
        if isinstance(outcome, Refused):
            self._refuse(outcome, signal)
            return
        self.submit(outcome, trace, signal)

    def _follow(self, signal: Signal, now_ns: int) -> bool:
        """Take a signal that follows an earlier one; False for one that is to be entered too."""
        opened = signal.follows or ""
        if signal.action is Action.CLOSE:
            self._close_denied(signal, opened)
            return True
        position = self.portfolio.positions.get(opened)
        if position is None or position.open_quantity <= 0 or position.closed_ns:
            detail = "what it would raise is not open"
            self._refuse_signal(signal, RefuseReason.NOTHING_OPEN, detail, now_ns)
            return True
        self.raises.setdefault(opened, signal.id)
        return False

    def _close_denied(self, signal: Signal, opened: str) -> None:
        """Leave what a denied story opened and raised, and never enter it again."""
        if signal.id in self.denied:
            self.counts["signals_seen"] += 1
            return
        self._journal.append(SIGNAL, signal)
        self.counts["denials"] += 1
        self.deny(signal.id, opened)
        self.closing.on_time()

    def deny(self, closing_id: str, opened: str) -> None:
        """Remember what is to be left: the signal that opened it, what raised that, both."""
        self.denied |= {closing_id, opened, self.raises.get(opened, opened)}
        self.closing.denied = self.denied

    def _refuse_signal(
        self, signal: Signal, reason: RefuseReason, detail: str, now_ns: int
    ) -> None:
        refused = Refused(
            signal_id=signal.id,
            reason=reason,
            asset=signal.asset,
            detail=detail,
            refused_ns=now_ns,
        )
        self._refuse(refused, signal)

    def _refuse(self, refused: Refused, signal: Signal) -> None:
        self.refused.add(signal.id)
        self.counts[f"refused_{refused.reason}"] += 1
        self._journal.append_many(((REFUSED, refused), (SIGNAL, signal)))
        self._publish(REFUSALS, refused, refused.signal_id)

    def on_notice(self, notice: VenueNotice, _key: str, _trace: Trace) -> None:
        """Heed what the venue says of its maintenance: the bus handler of VENUE_NOTICES."""
        if notice.venue != self.venue.name:
            self.counts["notices_of_others"] += 1
        elif self.closures.take(notice):
            self.counts["notices"] += 1
            self._journal.append(NOTICE, notice)

    # ------------------------------------------------------------------ orders out

    def check(self, intent: Intent, depth: Depth | None, now_ns: int) -> Approved | Refused:
        """Ask the risk gate."""
        return check(
            intent,
            self.portfolio,
            self.settings.limits,
            gate=self.gate.state,
            depth=depth,
            unresolved=intent.symbol in self._unresolved_symbols,
            now_ns=now_ns,
            closures=self.closures.pending,
        )

    def record_plan(self, plan: ExitPlan) -> None:
        """Journal how a position is to be closed."""
        self._journal.append(EXIT_PLAN, plan)

    def record_closed(self, entry_client_order_id: str, closed_ns: int) -> None:
        """Journal that a position is closed, dust left or not."""
        closed = ExitClosed(entry_client_order_id=entry_client_order_id, closed_ns=closed_ns)
        self._journal.append(EXIT_CLOSED, closed)

    def submit(self, approved: Approved, trace: Trace, signal: Signal | None = None) -> None:
        """Journal, then send, then everything else.

        Raises:
            Fatal: the journal can't keep the order, so it was not sent.
        """
        intent = approved.intent
        order = self.orders.add(approved)
        if signal is None:
            self._journal.append(INTENT, approved)
        else:
            self._journal.append_many(((INTENT, approved), (SIGNAL, signal)))
        trace.approved = approved.approved_ns
        try:
            trace.sent = self.venue.send(approved)
        except Retryable as error:
            self._take_in(order, approved.approved_ns)
            self.on_report(self._own_report(intent, Report.REJECTED, f"not sent: {error}"))
            return
        self._traces[intent.client_order_id] = trace
        self._take_in(order, trace.sent)
        asyncio.get_running_loop().call_soon(self._after_send, approved, trace.sent)

    def _take_in(self, order: Order, now_ns: int) -> None:
        self.portfolio.commit(order.intent, now_ns)
        order.committed = True
        self.quiet.clear()
        if order.intent.leg == ENTRY:
            self.portfolio.entries.add(order.intent.signal_id)

    def _after_send(self, approved: Approved, sent_ns: int) -> None:
        """Do what could wait until the order's bytes had left."""
        self.counts["orders"] += 1
        intent = approved.intent
        self.on_report(self._own_report(intent, Report.SENT, "", now_ns=sent_ns))
        self._publish(INTENTS, approved, intent.client_order_id)

    def resend(self, order: Order) -> None:
        """Send an order that was proved never to have arrived again, under its own id.

        Only while its signal is good and the gate lets it through; the second sending is in the
        journal before the bytes leave, so a restart asks for it again.
        """
        intent, now_ns = order.intent, self.clock.now_ns()
        depth = self.books.depths.get(intent.symbol)
        if order.state is not OrderState.ABSENT or not self.connected:
            return
        outcome = self.check(intent, depth, now_ns)
        if isinstance(outcome, Refused):
            self.counts[f"not_resent_{outcome.reason}"] += 1
            return
        if not order.committed:
            self.portfolio.commit(intent, now_ns)
            order.committed = True
        self.on_report(self._own_report(intent, Report.SENT, "sent again under the same id"))
        self.counts["resent"] += 1
        try:
            self.venue.send(outcome)
        except Retryable as error:
            self.on_report(self._own_report(intent, Report.DISCONNECTED, f"not sent: {error}"))

    def _own_report(
        self, intent: Intent, report: Report, detail: str, *, now_ns: int = 0
    ) -> OrderReport:
        return OrderReport(
            client_order_id=intent.client_order_id,
            venue=intent.venue,
            symbol=intent.symbol,
            report=report,
            detail=detail,
            received_ns=now_ns or self.clock.now_ns(),
        )

    # ------------------------------------------------------------------ venue messages in

    def on_report(self, report: OrderReport) -> None:
        """Take a step in an order's life; told twice, it counts once."""
        try:
            self._on_report(report)
        except Exception as error:  # noqa: BLE001 - if not sure, shut down
            self.fail(error)

    def _on_report(self, report: OrderReport) -> None:
        self.counts[f"report_{report.report}"] += 1
        self._journal.append(REPORT, report)
        try:
            order, fill = self.orders.apply(report)
        except Rejected as error:
            self.counts["reports_refused"] += 1
            self._not_sure(report, str(error))
            return
        self._stamp(report)
        if fill is not None:
            position = self.portfolio.filled(order.intent, fill)
            self.closing.on_fill(position, order)
            self._publish(FILLS, fill, fill.client_order_id)
        if order.done and order.committed:
            never = order.state in (OrderState.REJECTED, OrderState.ABSENT)
            self.portfolio.release(order.intent, existed=not never)
            order.committed = False
            self.closing.on_done(order)
        self._watch_unresolved()
        self._publish(REPORTS, report, report.client_order_id)

    def _not_sure(self, report: OrderReport, problem: str) -> None:
        if self.orders.get(report.client_order_id) is not None:
            self._watch_unresolved()
            self.trip(GateState.REDUCING, problem)

    def _watch_unresolved(self) -> None:
        if not self.orders.live():
            self.quiet.set()
        unresolved = self.orders.unresolved()
        self._unresolved_symbols = {o.intent.symbol for o in unresolved}
        if unresolved:
            self.on_unresolved()

    def _stamp(self, report: OrderReport) -> None:
        trace = self._traces.get(report.client_order_id)
        if trace is None or report.report is Report.SENT:
            return
        trace.acknowledged = trace.acknowledged or report.received_ns
        if report.fill is not None:
            trace.filled = trace.filled or report.received_ns
        order = self.orders.get(report.client_order_id)
        if order is not None and order.done:
            del self._traces[report.client_order_id]
            self._on_trace(order.intent, trace)

    def on_depth(self, depth: Depth) -> None:
        """Take a book's new levels; a position may reach its exit by them."""
        try:
            self.books.set_depth(depth)
            self.closing.on_depth(depth)
        except Exception as error:  # noqa: BLE001 - if not sure, shut down
            self.fail(error)

    def on_balances(self, balances: tuple[Balance, ...]) -> None:
        """Take what the venue holds for us."""
        self.portfolio.set_balances(self.venue.name, balances, self.clock.now_ns())

    def on_connected(self, venue: str) -> None:
        """The trading connection is up; what became unknown meanwhile is asked for."""
        self.connected = True
        self.counts[f"connections_{venue}"] += 1
        self.on_connection(True)
        self._watch_unresolved()

    def on_disconnected(self, venue: str, reason: str) -> None:
        """The trading connection is gone: no signal is traded until it is back."""
        self.connected = False
        self.last_disconnect = f"{venue}: {reason}"
        self.on_connection(False)

    # ------------------------------------------------------------------ safety

    def move_gate(self, state: GateState, *, reason: str, by: str) -> None:
        """Put the gate where an operator wants it; HALTED also cancels what rests at the venue."""
        self.gate.move(state, reason=reason, by=by, now_ns=self.clock.now_ns())
        if state is GateState.HALTED and self.connected:
            for order in self.orders.live():
                if order.state in (OrderState.OPEN, OrderState.PARTIALLY_FILLED):
                    self.venue.cancel(order.intent.client_order_id)

    def watch(self) -> None:
        """Look at what only time makes wrong; call it a few times a second."""
        now_ns = self.clock.now_ns()
        limits = self.settings.limits
        self.closing.on_time()
        for order in self.orders.unresolved():
            if now_ns - order.unknown_ns > limits.max_unresolved_ms * MS:
                self.trip(
                    GateState.REDUCING,
                    f"the fate of order {order.intent.client_order_id} is still unknown",
                )
        if self.portfolio.realised_today(now_ns) < -limits.max_daily_loss:
            self.trip(GateState.REDUCING, "the daily loss limit is reached")

    def trip(self, state: GateState, reason: str) -> None:
        """Tighten the gate because something is not sure."""
        if self.gate.trip(state, reason=reason, now_ns=self.clock.now_ns()):
            self.counts[f"gate_{state}"] += 1

    def fail(self, error: BaseException) -> None:
        """Halt on what nobody foresaw; `failure` raises it to stop the process."""
        fatal = error if isinstance(error, Fatal) else Fatal(f"the trader failed: {error!r}")
        fatal.__cause__ = error if fatal is not error else None
        self.ready = False
        self.gate.state = GateState.HALTED  # in memory first: the journal may be what failed
        if self._failure is None:
            self._failure = asyncio.get_running_loop().create_future()
        if not self._failure.done():
            self._failure.set_exception(fatal)

    async def failure(self) -> None:
        """Wait until the trader fails, and raise why."""
        if self._failure is None:
            self._failure = asyncio.get_running_loop().create_future()
        await self._failure

    def _publish(self, topic: Topic[R], record: R, key: str) -> None:
        try:
            self._bus.publish(topic, record, record_id=key, keys=(key,), trace=Trace())
        except Retryable:
            self.counts["publish_dropped"] += 1  # the journal has it; the topic is for others
