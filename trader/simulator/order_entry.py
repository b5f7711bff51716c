"""Takes `spot_new_order`: the straight way, and one way for each fault an order can meet."""

from collections.abc import Callable
from typing import Final

from core.contracts.money import floor_to_step
from trader.simulator.connection import Connection
from trader.simulator.faults import ORDER_FAULTS, Fault, FaultKind
from trader.simulator.orders import (
    ExecutionReport,
    Refusal,
    ReportType,
    Status,
    parse_new_order,
    report,
)
from trader.simulator.venue import SimulatedVenue
from trader.simulator.wire import (
    Request,
    answer,
    error_answer,
    wire_error,
)


def new_order(
    venue: SimulatedVenue, connection: Connection, request: Request, received_ns: int
) -> None:
    """Place an order: its reports go to all clients of the account, then the answer to this one.

    Raises:
        Refusal: nothing was placed.
    """
    venue.receipts.note(request.params.get("client_order_id"), received_ns)
    fault = venue.faults.take(ORDER_FAULTS)
    if fault is not None:
        _WAYS[fault.kind](_Misled(venue, connection, request, fault))
        return
    reports = venue.place(parse_new_order(request.params))
    _tell(venue, connection, request, reports)


def _tell(
    venue: SimulatedVenue,
    connection: Connection,
    request: Request,
    reports: list[ExecutionReport],
    *,
    copies: int = 1,
) -> None:
    """Send reports, then the answer, then balances and books.

    The answer is the order's last state, or `new` when it rests.
    """
    written = venue.tell(reports, copies=copies)
    last = reports[-1]
    rests = last.status is Status.PARTIALLY_FILLED
    connection.send(answer(request.id, written[0 if rests else -1]))
    venue.tell_changes()


class _Misled:
    """One order that meets a fault; each method is what one kind of fault does."""

    def __init__(
        self, venue: SimulatedVenue, connection: Connection, request: Request, fault: Fault
    ) -> None:
        self._venue = venue
        self._connection = connection
        self._request = request
        self._fault = fault

    def timeout(self) -> None:
        """Place it; say nothing now, nor to anybody who subscribed."""
        try:
            reports = self._place()
        except Refusal:
            return
        self._venue.hold(reports[0].order.asked.client_order_id, self._fault.hold_ms)
        self._venue.tell(reports)
        self._venue.feed.publish_books()

    def lost(self) -> None:
        """Do nothing at all."""

    def drop_before(self) -> None:
        """Drop the socket; the order was never read."""
        self._connection.drop()

    def drop_after(self) -> None:
        """Drop the socket with the order placed."""
        self._connection.drop()
        self._place_unanswered()

    def error_in_success(self) -> None:
        """Answer a result that holds an error."""
        error = wire_error(Refusal(self._fault.code, "told to answer so"))
        self._connection.send(answer(self._request.id, {"error": error}))
        if self._fault.placed:
            self._place_unanswered()

    def server_error(self) -> None:
        """Answer that the exchange itself failed."""
        self._connection.send(error_answer(self._request.id, Refusal(500, "told to answer so")))
        if self._fault.placed is not False:
            self._place_unanswered()

    def reject(self) -> None:
        """Refuse it, whatever it is."""
        raise Refusal(self._fault.code, "told to refuse")

    def fill_late(self) -> None:
        """Acknowledge it now and let it meet the book later."""
        venue = self._venue
        order = venue.exchange.accept(parse_new_order(self._request.params), venue.now_ns())

        def fill() -> None:
            venue.tell(venue.exchange.match(order, venue.now_ns()))
            venue.tell_changes()

        _tell(venue, self._connection, self._request, [report(order, ReportType.NEW)])
        venue.later(self._fault.delay_ms, fill)

    def partial(self) -> None:
        """Let only a fraction of it meet the book."""
        exchange = self._venue.exchange
        asked = parse_new_order(self._request.params)
        order = exchange.accept(asked, self._venue.now_ns())
        accepted = report(order, ReportType.NEW)
        lot = exchange.instruments[asked.symbol].lot_size
        at_most = floor_to_step(asked.quantity * self._fault.fraction, lot)
        reports = [accepted, *exchange.match(order, self._venue.now_ns(), at_most)]
        _tell(self._venue, self._connection, self._request, reports)

    def duplicate_reports(self) -> None:
        """Send each report twice."""
        _tell(self._venue, self._connection, self._request, self._place(), copies=2)

    def slow(self) -> None:
        """Place it now and tell of it later."""
        reports = self._place()
        self._venue.later(
            self._fault.delay_ms,
            lambda: _tell(self._venue, self._connection, self._request, reports),
        )

    def _place(self) -> list[ExecutionReport]:
        return self._venue.place(parse_new_order(self._request.params))

    def _place_unanswered(self) -> None:
        """Place it; a refusal goes unheard, reports go to those who are still there."""
        try:
            reports = self._place()
        except Refusal:
            return
        self._venue.tell(reports)
        self._venue.tell_changes()


_WAYS: Final[dict[FaultKind, Callable[[_Misled], None]]] = {
    FaultKind.TIMEOUT: _Misled.timeout,
    FaultKind.LOST: _Misled.lost,
    FaultKind.DROP_BEFORE: _Misled.drop_before,
    FaultKind.DROP_AFTER: _Misled.drop_after,
    FaultKind.ERROR_IN_SUCCESS: _Misled.error_in_success,
    FaultKind.SERVER_ERROR: _Misled.server_error,
    FaultKind.REJECT: _Misled.reject,
    FaultKind.FILL_LATE: _Misled.fill_late,
    FaultKind.PARTIAL: _Misled.partial,
    FaultKind.DUPLICATE_REPORTS: _Misled.duplicate_reports,
    FaultKind.SLOW: _Misled.slow,
}
