"""A signal may raise what an earlier one opened, or have it closed; never twice."""

from decimal import Decimal

from msgspec.structs import replace

from core.contracts.identity import signal_id, story_id
from core.contracts.orders import RefuseReason, Side
from core.contracts.signal import Action, Signal
from tests.unit.trader.test_engine import settled
from tests.unit.trader.worlds import SECOND, World, balance, depth, signal
from trader.restore import restore


def follow(action: Action, opened: Signal, *, share: float = 1.0) -> Signal:
    story = story_id(opened.event_id, opened.asset)
    return replace(
        opened,
        id=signal_id(story, opened.asset, opened.direction, action),
        event_id="another event",
        action=action,
        share=share,
        follows=opened.id,
    )


def opened_in(world: World, *, share: float = 0.1) -> Signal:
    return replace(signal(now_ns=world.clock.now_ns()), share=share)


async def filled(world: World, opened: Signal) -> None:
    world.tell(opened)
    await settled()
    entry = world.venue.sent[-1]
    world.fill(entry)
    now = world.clock.now_ns()
    world.trader.on_balances(
        (
            balance("IOTA", str(entry.intent.quantity), at_ns=now),
            balance("USDT", "9000", at_ns=now),
        )
    )


async def test_share_scales_the_size() -> None:
    full, token = World().ready(), World().ready()
    full.tell(replace(opened_in(full), share=1.0))
    token.tell(opened_in(token))
    whole, part = full.venue.sent[0].intent.quantity, token.venue.sent[0].intent.quantity
    assert abs(part - whole / 10) <= Decimal("0.1")


async def test_confirmation_adds_the_rest_once() -> None:
    world = World().ready()
    opened = opened_in(world)
    await filled(world, opened)
    world.tell(follow(Action.RAISE, opened, share=0.9))
    world.tell(follow(Action.RAISE, opened, share=0.9))
    await settled()
    first, second = (approved.intent for approved in world.venue.sent)
    assert second.side is Side.BUY
    assert not second.reduces
    assert second.quantity > 5 * first.quantity


async def test_nothing_open_is_not_raised() -> None:
    world = World().ready()
    opened = opened_in(world)
    world.tell(follow(Action.RAISE, opened, share=0.9))
    assert world.venue.sent == []
    assert world.trader.counts[f"refused_{RefuseReason.NOTHING_OPEN}"] == 1


async def test_denial_closes_what_was_opened_and_raised() -> None:
    world = World().ready()
    opened = opened_in(world, share=0.4)
    await filled(world, opened)
    raised = follow(Action.RAISE, opened, share=0.6)
    await filled(world, raised)
    world.clock.advance(SECOND)
    now = world.clock.now_ns()
    held = sum(a.intent.quantity for a in world.venue.sent)
    world.trader.on_balances((balance("IOTA", str(held), at_ns=now),))
    world.trader.on_depth(depth(at_ns=now))
    assert len(world.venue.sent) == 2
    world.tell(follow(Action.CLOSE, opened))
    exits = [a.intent for a in world.venue.sent[2:]]
    assert [one.side for one in exits] == [Side.SELL, Side.SELL]
    assert all(one.reduces for one in exits)
    reasons = {p.reason for p in world.trader.portfolio.positions.values()}
    assert reasons == {"denied"}


async def test_denial_is_heeded_however_late_it_comes() -> None:
    world = World().ready()
    opened = opened_in(world)
    await filled(world, opened)
    world.clock.advance(60 * SECOND)
    world.trader.on_balances(world.venue.held[:1])
    world.trader.on_depth(depth(at_ns=world.clock.now_ns()))
    world.tell(follow(Action.CLOSE, opened))
    assert world.venue.sent[-1].intent.reduces


async def test_story_denied_before_it_was_traded_is_not_entered() -> None:
    world = World().ready()
    opened = opened_in(world)
    world.tell(follow(Action.CLOSE, opened))
    world.tell(opened)
    assert world.venue.sent == []
    assert world.trader.counts[f"refused_{RefuseReason.DENIED}"] == 1


async def test_denial_survives_a_restart() -> None:
    world = World().ready()
    opened = opened_in(world)
    await filled(world, opened)
    world.trader.connected = False  # so that the exit can't leave before the restart
    world.tell(follow(Action.CLOSE, opened))
    assert len(world.venue.sent) == 1
    after = World(journal=world.journal, clock=world.clock)
    await restore(after.trader, after.journal, 0)
    after.ready(iota=str(world.venue.sent[0].intent.quantity))
    after.trader.closing.on_time()
    assert [approved.intent.reduces for approved in after.venue.sent] == [True]
