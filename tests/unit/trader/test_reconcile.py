"""Agreement with the venue, at the start and after every doubt."""

import pytest

from core.contracts.errors import Fatal
from core.contracts.gate import GateState
from core.contracts.money import Amount
from core.contracts.orders import Approved, Report
from tests.unit.trader.test_engine import settled
from tests.unit.trader.worlds import SECOND, VENUE, World, balance, make_fill, signal
from trader.orders.lifecycle import OrderState
from trader.orders.reconcile import Reconciler
from trader.restore import restore
from trader.settings import ReconcileSettings
from trader.venues.port import VenueOrder


def reconciler(world: World) -> Reconciler:
    async def sleep(seconds: float) -> None:
        world.clock.advance(round(seconds * SECOND))

    return Reconciler(
        world.venue,
        world.trader.orders,
        apply=world.trader.on_report,
        resend=world.trader.resend,
        clock=world.clock,
        settings=ReconcileSettings(),
        sleep=sleep,
    )


def known(approved: Approved, status: Report, *, filled: bool) -> VenueOrder:
    intent = approved.intent
    fills = (make_fill(approved, intent.quantity, "9", approved.approved_ns),) if filled else ()
    return VenueOrder(
        client_order_id=intent.client_order_id,
        venue=VENUE,
        symbol=intent.symbol,
        venue_order_id="77",
        status=status,
        quantity=intent.quantity,
        filled_quantity=intent.quantity if filled else Amount(0),
        fills=fills,
    )


async def crashed(*, expired: bool = False) -> tuple[World, Approved]:
    """Send one order, then begin again from its journal: nobody knows if its bytes left."""
    before = World().ready()
    before.tell()
    (sent,) = before.venue.sent
    after = World(journal=before.journal, clock=before.clock)
    if expired:
        after.clock.advance(60 * SECOND)
    after.ready()
    after.trader.ready = False
    await restore(after.trader, after.journal, 0)
    return after, sent


async def test_order_found_filled_after_a_crash_becomes_a_position() -> None:
    world, sent = await crashed()
    world.venue.known[sent.intent.client_order_id] = known(sent, Report.FILLED, filled=True)
    world.venue.held = (balance("IOTA", str(sent.intent.quantity), at_ns=0),)
    await reconciler(world).start(world.trader.portfolio)
    (position,) = world.trader.portfolio.open_positions()
    assert position.open_quantity == sent.intent.quantity
    assert position.plan is not None
    assert world.venue.sent == []


async def test_order_that_never_arrived_is_sent_again_under_its_own_id() -> None:
    world, sent = await crashed()
    await reconciler(world).resolve()
    assert world.venue.sent == []  # one 'no such order' proves nothing
    asking = reconciler(world)
    for _ in range(ReconcileSettings().checks):
        await asking.resolve()
        world.clock.advance(SECOND)
    await settled()
    assert [a.intent.client_order_id for a in world.venue.sent] == [sent.intent.client_order_id]
    assert world.trader.counts["resent"] == 1


async def test_order_that_never_arrived_and_expired_is_not_sent() -> None:
    world, sent = await crashed(expired=True)
    await reconciler(world).start(world.trader.portfolio)
    order = world.trader.orders.get(sent.intent.client_order_id)
    assert order is not None
    assert order.state is OrderState.ABSENT
    assert world.venue.sent == []
    assert world.trader.portfolio.exposure == 0


async def test_signal_read_again_after_a_crash_is_not_a_second_order() -> None:
    world, sent = await crashed()
    world.venue.known[sent.intent.client_order_id] = known(sent, Report.EXPIRED, filled=False)
    await reconciler(world).start(world.trader.portfolio)
    world.trader.ready = True
    world.tell(signal(now_ns=world.clock.now_ns()))
    assert world.venue.sent == []
    assert world.trader.counts["signals_seen"] == 1


async def test_open_order_with_our_mark_that_the_journal_lacks_stops_the_start() -> None:
    _, sent = await crashed()
    world = World().ready()
    world.venue.open = [known(sent, Report.ACKNOWLEDGED, filled=False)]
    with pytest.raises(Fatal, match="not in the journal"):
        await reconciler(world).start(world.trader.portfolio)


async def test_coins_missing_at_the_venue_stop_the_start() -> None:
    world, sent = await crashed()
    world.venue.known[sent.intent.client_order_id] = known(sent, Report.FILLED, filled=True)
    world.venue.held = (balance("IOTA", "1", at_ns=0),)
    with pytest.raises(Fatal, match="find out who moved it"):
        await reconciler(world).start(world.trader.portfolio)


async def test_gate_survives_a_restart() -> None:
    before = World().ready()
    before.trader.move_gate(GateState.HALTED, reason="the news is wrong", by="operator")
    after = World(journal=before.journal, clock=before.clock)
    await restore(after.trader, after.journal, 0)
    assert after.trader.gate.state is GateState.HALTED
    assert after.trader.gate.last_change.reason == "the news is wrong"


async def test_venue_that_denies_an_order_it_filled_is_asked_on() -> None:
    world = World().ready()
    world.tell()
    await settled()
    sent = world.venue.sent[0]
    world.report(
        sent.intent.client_order_id, Report.FILLED, filled=str(sent.intent.quantity)
    )  # without the execution itself
    asking = reconciler(world)
    for _ in range(10):
        assert await asking.resolve() == 1
        world.clock.advance(SECOND)
    world.venue.known[sent.intent.client_order_id] = known(sent, Report.FILLED, filled=True)
    assert await asking.resolve() == 0
    order = world.trader.orders.get(sent.intent.client_order_id)
    assert order is not None
    assert order.done
