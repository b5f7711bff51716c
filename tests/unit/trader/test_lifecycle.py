"""The order life cycle: one table, no report makes an execution disappear."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.clock import ManualClock
from core.contracts.errors import Rejected
from core.contracts.money import Amount
from core.contracts.orders import Approved, Intent, OrderReport, Report, Side
from tests.unit.trader.worlds import VENUE, make_fill
from trader.orders.lifecycle import TERMINAL, TRANSITIONS, OrderState, next_state
from trader.orders.tracker import Order, Orders

NOW = ManualClock().now_ns()


def approved(quantity: str = "10") -> Approved:
    intent = Intent(
        client_order_id="t" + "0" * 31,
        signal_id="s",
        desk="event",
        leg="entry",
        venue=VENUE,
        symbol="IOTAUSDT",
        asset="IOTA",
        quote_asset="USDT",
        side=Side.BUY,
        quantity=Amount(quantity),
        limit_price=Amount("1"),
        created_ns=NOW,
        expires_ns=NOW + 1,
    )
    return Approved(intent=intent, approved_ns=NOW)


def report(kind: Report, *, filled: str = "0", trade: str | None = None) -> OrderReport:
    made = approved()
    fill = make_fill(made, Decimal(1), trade, NOW) if trade else None
    return OrderReport(
        client_order_id=made.intent.client_order_id,
        venue=VENUE,
        symbol="IOTAUSDT",
        report=kind,
        filled_quantity=Amount(filled),
        fill=fill,
        received_ns=NOW,
    )


def test_timeout_after_send_is_unknown_not_rejected() -> None:
    assert next_state(OrderState.SENT, Report.TIMED_OUT) is OrderState.UNKNOWN


def test_server_error_after_send_is_unknown() -> None:
    assert next_state(OrderState.SENT, Report.FAILED) is OrderState.UNKNOWN


def test_fill_after_cancel_is_kept() -> None:
    order = Order(approved().intent, NOW)
    for step in (report(Report.SENT), report(Report.ACKNOWLEDGED), report(Report.CANCELLED)):
        order.apply(step)
    assert order.apply(report(Report.PARTIALLY_FILLED, filled="1", trade="late")) is not None
    assert order.filled == 1
    assert order.state is OrderState.CANCELLED


def test_same_execution_told_twice_counts_once() -> None:
    order = Order(approved().intent, NOW)
    order.apply(report(Report.PARTIALLY_FILLED, filled="1", trade="a"))
    assert order.apply(report(Report.PARTIALLY_FILLED, filled="1", trade="a")) is None
    assert order.filled == 1


def test_more_filled_than_ordered_is_refused_and_unknown() -> None:
    order = Order(approved("1").intent, NOW)
    order.apply(report(Report.SENT))
    with pytest.raises(Rejected, match="filled"):
        order.apply(report(Report.FILLED, filled="2"))
    assert order.state is OrderState.UNKNOWN


def test_filled_without_its_executions_is_not_done() -> None:
    order = Order(approved("1").intent, NOW)
    order.apply(report(Report.SENT))
    order.apply(report(Report.FILLED, filled="1"))
    assert order.state is OrderState.FILLED
    assert not order.done
    assert order.worst_case == 1


def test_report_for_a_strange_order_is_refused() -> None:
    with pytest.raises(Rejected, match="no order of ours"):
        Orders().apply(report(Report.FILLED))


def test_second_order_of_one_id_is_refused() -> None:
    orders = Orders()
    orders.add(approved())
    with pytest.raises(Rejected, match="exists already"):
        orders.add(approved())


def test_what_was_not_finished_comes_back_unknown() -> None:
    orders = Orders()
    orders.restore([approved()], [report(Report.SENT), report(Report.ACKNOWLEDGED)])
    assert [order.state for order in orders.unresolved()] == [OrderState.UNKNOWN]


def test_every_state_but_approved_can_be_reached() -> None:
    assert set(OrderState) - set(TRANSITIONS.values()) == {OrderState.APPROVED}


def test_no_failure_to_answer_ends_an_order() -> None:
    unsure = {Report.TIMED_OUT, Report.DISCONNECTED, Report.FAILED}
    for (state, kind), after in TRANSITIONS.items():
        if kind in unsure and state not in TERMINAL:
            assert after is OrderState.UNKNOWN


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Report)), st.sampled_from([None, "a", "b", "c"])),
        max_size=30,
    )
)
def test_no_sequence_of_reports_loses_an_execution(
    steps: list[tuple[Report, str | None]],
) -> None:
    order = Order(approved().intent, NOW)
    seen: set[str] = set()
    for kind, trade in steps:
        before = order.filled
        try:
            order.apply(report(kind, filled=str(len(seen)), trade=trade))
        except Rejected:
            assert order.state is OrderState.UNKNOWN
        if trade is not None:
            seen.add(trade)
        assert order.filled >= before
    assert order.filled == len(seen)
    assert order.worst_case + order.filled <= order.intent.quantity
