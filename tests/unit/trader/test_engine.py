"""The trader's steps: what it sends, what it refuses, and what each old loss taught."""

import asyncio
from decimal import Decimal

import pytest

from core.contracts.errors import Fatal
from core.contracts.gate import GateState
from core.contracts.orders import Report, Side, TimeInForce
from core.contracts.signal import Direction
from tests.unit.trader.worlds import SECOND, World, balance, depth, signal
from trader.orders.lifecycle import OrderState


async def settled() -> None:
    """Let what was put behind the order run."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_signal_becomes_a_limit_ioc_within_the_slippage_cap() -> None:
    world = World().ready()
    world.tell()
    (sent,) = world.venue.sent
    assert sent.intent.side is Side.BUY
    assert sent.intent.time_in_force is TimeInForce.IOC
    assert Decimal("1.0000") <= sent.intent.limit_price <= Decimal("1.0030")
    assert sent.intent.quantity % Decimal("0.1") == 0


async def test_order_is_in_the_journal_before_its_bytes_leave() -> None:
    world = World().ready()
    world.journal.full = True
    with pytest.raises(Fatal):
        world.tell()
    assert world.venue.sent == []


async def test_same_signal_twice_is_one_order() -> None:
    world = World().ready()
    world.tell()
    world.tell()
    assert len(world.venue.sent) == 1
    assert world.trader.counts["signals_seen"] == 1


async def test_expired_signal_is_dropped_and_counted() -> None:
    world = World().ready()
    made = signal(now_ns=world.clock.now_ns())
    world.clock.advance(5 * SECOND)
    world.tell(made)
    assert world.venue.sent == []
    assert world.trader.counts["refused_expired"] == 1


async def test_no_signal_is_traded_before_journal_and_venue_agree() -> None:
    world = World().ready()
    world.trader.ready = False
    world.tell()
    assert world.venue.sent == []


async def test_timeout_keeps_the_order_unknown_and_blocks_its_symbol() -> None:
    world = World().ready()
    world.tell()
    await settled()
    entry = world.venue.sent[0].intent.client_order_id
    world.report(entry, Report.TIMED_OUT)
    world.tell(signal(2, now_ns=world.clock.now_ns()))
    assert len(world.venue.sent) == 1
    assert world.trader.counts["refused_unresolved_order"] == 1
    order = world.trader.orders.get(entry)
    assert order is not None
    assert order.state is OrderState.UNKNOWN


async def test_unknown_order_weighs_its_worst_case() -> None:
    world = World().ready()
    world.tell()
    await settled()
    sent = world.venue.sent[0].intent
    world.report(sent.client_order_id, Report.TIMED_OUT)
    assert world.trader.portfolio.exposure == sent.quantity * sent.limit_price


async def test_stale_balance_is_not_traded_on() -> None:
    world = World().ready()
    world.clock.advance(world.settings.limits.max_balance_age_ms * 1_000_000 + 1)
    world.trader.on_depth(depth(at_ns=world.clock.now_ns()))
    world.tell()
    assert world.trader.counts["refused_stale_balance"] == 1
    assert world.venue.sent == []


async def test_stale_book_is_not_traded_on() -> None:
    world = World().ready()
    world.clock.advance(world.settings.limits.max_book_age_ms * 1_000_000 + 1)
    world.trader.on_balances(world.venue.held)
    world.tell()
    assert world.trader.counts["refused_stale_book"] == 1


async def test_frozen_balance_is_not_free() -> None:
    world = World().ready()
    now = world.clock.now_ns()
    world.trader.on_balances((balance("USDT", "0", "10000", at_ns=now),))
    world.tell()
    assert world.trader.counts["refused_no_balance"] == 1
    assert world.venue.sent == []


async def test_funds_of_an_order_in_flight_are_not_spent_twice() -> None:
    world = World().ready(usdt="505")
    world.tell()
    first = world.venue.sent[0].intent
    free = world.trader.portfolio.free("hitbtc", "USDT")
    assert free == Decimal(505) - first.quantity * first.limit_price


async def test_sell_is_made_only_from_what_is_held() -> None:
    world = World().ready(iota="0")
    world.tell(signal(direction=Direction.SELL, now_ns=world.clock.now_ns()))
    assert world.trader.counts["refused_no_balance"] == 1
    held = World().ready(iota="50")
    held.tell(signal(direction=Direction.SELL, now_ns=held.clock.now_ns()))
    assert held.venue.sent[0].intent.quantity == 50


async def test_reducing_gate_lets_only_exits_through() -> None:
    world = World().ready()
    world.tell()
    await settled()
    world.fill(world.venue.sent[0])
    world.trader.move_gate(GateState.REDUCING, reason="test", by="operator")
    world.tell(signal(2, now_ns=world.clock.now_ns()))
    assert world.trader.counts["refused_gate_reducing"] == 1
    bought = world.venue.sent[0].intent.quantity
    now = world.clock.now_ns()
    world.trader.on_balances((balance("IOTA", str(bought), at_ns=now),))
    world.clock.advance(SECOND)
    world.trader.on_depth(depth("1.0500", "1.0510", at_ns=world.clock.now_ns()))
    assert [a.intent.leg for a in world.venue.sent] == ["entry", "exit-1"]


async def test_halted_gate_sends_nothing_and_cancels_what_rests() -> None:
    world = World().ready()
    world.tell()
    await settled()
    entry = world.venue.sent[0].intent.client_order_id
    world.report(entry, Report.ACKNOWLEDGED)
    world.trader.move_gate(GateState.HALTED, reason="test", by="operator")
    assert world.venue.cancelled == [entry]
    world.tell(signal(2, now_ns=world.clock.now_ns()))
    assert len(world.venue.sent) == 1


async def test_take_profit_closes_the_position() -> None:
    world = World().ready()
    world.tell()
    await settled()
    entry = world.venue.sent[0]
    world.fill(entry)
    now = world.clock.now_ns()
    world.trader.on_balances((balance("IOTA", str(entry.intent.quantity), at_ns=now),))
    world.clock.advance(SECOND)
    world.trader.on_depth(depth("1.0300", "1.0310", at_ns=world.clock.now_ns()))
    exit_order = world.venue.sent[1]
    assert exit_order.intent.side is Side.SELL
    assert exit_order.intent.reduces
    await settled()
    world.fill(exit_order)
    (closed,) = world.trader.closing.closed
    assert closed.reason == "take_profit"
    assert closed.result > 0
    assert world.trader.portfolio.exposure == 0


async def test_stop_and_time_limit_close_the_position() -> None:
    for price, wait_s, reason in (("0.9800", 1, "stop"), ("0.9995", 901, "time_limit")):
        world = World().ready()
        world.tell()
        await settled()
        entry = world.venue.sent[0]
        world.fill(entry)
        now = world.clock.now_ns()
        world.trader.on_balances((balance("IOTA", str(entry.intent.quantity), at_ns=now),))
        world.clock.advance(wait_s * SECOND)
        world.trader.on_balances(world.venue.held[:1])
        world.trader.on_depth(depth(price, "1.0010", at_ns=world.clock.now_ns()))
        assert world.trader.portfolio.positions[entry.intent.signal_id].reason == reason
        assert len(world.venue.sent) == 2


async def test_partly_filled_exit_is_followed_by_another_for_the_rest() -> None:
    world = World().ready()
    world.tell()
    await settled()
    entry = world.venue.sent[0]
    world.fill(entry)
    bought = Decimal(entry.intent.quantity)
    now = world.clock.now_ns()
    world.trader.on_balances((balance("IOTA", str(bought), at_ns=now),))
    world.clock.advance(SECOND)
    world.trader.on_depth(depth("0.9800", "0.9810", at_ns=world.clock.now_ns()))
    await settled()
    first = world.venue.sent[1]
    world.fill(first, quantity=Decimal(100))
    world.report(first.intent.client_order_id, Report.EXPIRED, filled="100")
    rest = bought - 100
    world.trader.on_balances((balance("IOTA", str(rest), at_ns=now),))
    world.clock.advance(SECOND)
    world.trader.on_depth(depth("0.9700", "0.9710", at_ns=world.clock.now_ns()))
    second = world.venue.sent[2]
    assert second.intent.leg == "exit-2"
    assert second.intent.quantity == rest


async def test_not_connected_sends_nothing_and_is_a_definite_no() -> None:
    world = World().ready()
    world.venue.down = True
    world.tell()
    (order,) = world.trader.orders
    assert order.state is OrderState.REJECTED
    assert world.trader.portfolio.exposure == 0


async def test_impossible_report_trips_the_gate_to_reducing() -> None:
    world = World().ready()
    world.tell()
    await settled()
    entry = world.venue.sent[0].intent
    world.report(entry.client_order_id, Report.FILLED, filled=str(entry.quantity * 2))
    assert world.trader.gate.state is GateState.REDUCING
    assert "gate" in world.journal.kinds()


async def test_unknown_error_in_a_desk_halts_and_stops() -> None:
    world = World().ready()
    world.tell()
    await settled()
    world.journal.full = True
    world.report(world.venue.sent[0].intent.client_order_id, Report.ACKNOWLEDGED)
    assert world.trader.gate.state is GateState.HALTED
    with pytest.raises(Fatal, match="journal"):
        await world.trader.failure()


async def test_order_unknown_for_too_long_trips_the_gate() -> None:
    world = World().ready()
    world.tell()
    await settled()
    world.report(world.venue.sent[0].intent.client_order_id, Report.TIMED_OUT)
    world.clock.advance(world.settings.limits.max_unresolved_ms * 1_000_000 + 1)
    world.trader.watch()
    assert world.trader.gate.state is GateState.REDUCING


async def test_flatten_closes_whatever_the_plan_says() -> None:
    world = World().ready()
    world.tell()
    await settled()
    entry = world.venue.sent[0]
    world.fill(entry)
    now = world.clock.now_ns()
    world.trader.on_balances((balance("IOTA", str(entry.intent.quantity), at_ns=now),))
    world.clock.advance(SECOND)
    assert world.trader.closing.flatten() == 1
    assert world.venue.sent[1].intent.reduces


async def test_amounts_leave_without_an_exponent_and_on_their_steps() -> None:
    world = World().ready()
    world.trader.on_depth(
        depth("0.0000019", "0.0000020", quantity="90000000", at_ns=world.clock.now_ns() + 1)
    )
    world.tell()
    for sent in world.venue.sent:
        assert "E" not in str(sent.intent.limit_price).upper()
        assert "E" not in str(sent.intent.quantity).upper()
