"""A venue's notices keep entries back and nothing else: the rule, and the trader hearing them."""

from typing import Any

import pytest
from msgspec.structs import replace

from core.contracts.notice import Affected, Impact, NoticeKind, NoticeState, VenueNotice
from core.contracts.orders import Approved, Refused, RefuseReason
from core.contracts.topics import VENUE_NOTICES
from core.contracts.trace import Trace
from tests.unit.trader.test_engine import settled
from tests.unit.trader.worlds import SECOND, World, balance, depth, signal
from trader.restore import restore
from trader.risk.closures import Closures, closure_of
from trader.settings import TraderSettings

MINUTE = 60 * SECOND
START = 1_700_000_000 * SECOND
END = START + 60 * MINUTE
SETTINGS = TraderSettings()
LEAD = SETTINGS.maintenance_lead_ms * 1_000_000
GRACE = SETTINGS.maintenance_grace_ms * 1_000_000

PLANNED = VenueNotice(
    id="n1",
    venue="hitbtc",
    kind=NoticeKind.MAINTENANCE,
    state=NoticeState.SCHEDULED,
    impact=Impact.MAINTENANCE,
    starts_ns=START,
    ends_ns=END,
    affects=(Affected.TRADING,),
    title="Upgrade of the matching engine",
    event_id="e1",
    revision=1,
    received_ns=START - 600 * MINUTE,
)
OUTAGE = replace(
    PLANNED,
    id="n2",
    kind=NoticeKind.INCIDENT,
    state=NoticeState.IN_PROGRESS,
    impact=Impact.CRITICAL,
    ends_ns=None,
    title="Orders are not accepted",
    received_ns=START,
)


def window(
    notice: VenueNotice, settings: TraderSettings = SETTINGS
) -> tuple[int, int | None] | None:
    closure = closure_of(notice, settings)
    return None if closure is None else (closure.from_ns, closure.until_ns)


def test_maintenance_keeps_entries_back_from_its_lead_to_its_end_and_grace() -> None:
    assert window(PLANNED) == (START - LEAD, END + GRACE)
    brief = TraderSettings(maintenance_lead_ms=0, maintenance_grace_ms=1)
    assert window(PLANNED, brief) == (START, END + 1_000_000)


def test_maintenance_that_goes_on_past_its_end_does_for_as_long_as_the_venue_says_so() -> None:
    begun = replace(PLANNED, state=NoticeState.IN_PROGRESS, revision=2, received_ns=START)
    assert window(begun) == (START - LEAD, END + GRACE)
    still = replace(begun, received_ns=END + 30 * MINUTE)
    assert window(still) == (START - LEAD, END + 30 * MINUTE + GRACE)


def test_maintenance_that_began_early_counts_from_when_it_was_said() -> None:
    early = START - 30 * MINUTE
    begun = replace(PLANNED, state=NoticeState.IN_PROGRESS, received_ns=early)
    assert window(begun) == (early, END + GRACE)


def test_incident_without_an_end_lasts_until_it_is_resolved() -> None:
    assert window(OUTAGE) == (START - LEAD, None)
    assert window(replace(OUTAGE, state=NoticeState.RESOLVED)) is None


@pytest.mark.parametrize(
    "notice",
    [
        replace(PLANNED, affects=(Affected.DEPOSITS, Affected.WITHDRAWALS)),
        replace(OUTAGE, affects=(Affected.OTHER,)),
        replace(OUTAGE, impact=Impact.MINOR),
        replace(OUTAGE, impact=Impact.NONE),
        replace(PLANNED, state=NoticeState.CANCELLED),
    ],
)
def test_what_leaves_trading_alone_keeps_nothing_back(notice: VenueNotice) -> None:
    assert window(notice) is None


@pytest.mark.parametrize("notice", [PLANNED, OUTAGE])
def test_notice_that_names_nothing_is_taken_to_be_about_trading(notice: VenueNotice) -> None:
    assert window(replace(notice, affects=())) is not None


def test_notice_that_the_operator_ignores_keeps_nothing_back() -> None:
    assert window(OUTAGE, TraderSettings(ignored_notices=("n2",))) is None


def test_later_word_replaces_the_earlier_and_never_the_other_way_round() -> None:
    closures = Closures(SETTINGS)
    assert closures.take(OUTAGE)
    assert not closures.take(OUTAGE)
    over = replace(OUTAGE, state=NoticeState.RESOLVED, revision=2, received_ns=START + 9)
    assert closures.take(over)
    assert closures.pending == ()
    assert not closures.take(replace(OUTAGE, received_ns=START + 10))
    assert closures.pending == ()


def test_withdrawn_notice_counts_again_when_the_page_knows_it_again() -> None:
    closures = Closures(SETTINGS)
    closures.take(OUTAGE)
    closures.take(replace(OUTAGE, state=NoticeState.CANCELLED, received_ns=START + 1))
    assert closures.pending == ()
    closures.take(replace(OUTAGE, received_ns=START + 2))
    assert len(closures.pending) == 1


# --- the trader, told over the bus ---


def at(world: World) -> int:
    return world.clock.now_ns()


async def hear(world: World, notice: VenueNotice) -> None:
    """Publish a notice on the trader's bus, as a crawler does."""
    world.bus.publish(
        VENUE_NOTICES, notice, record_id=notice.id, keys=(notice.venue,), trace=Trace()
    )


def listening() -> World:
    world = World().ready()
    world.bus.subscribe(VENUE_NOTICES, world.trader.on_notice, group="trader")
    return world


def outage(world: World, **fields: Any) -> VenueNotice:  # noqa: ANN401 - any field
    return replace(OUTAGE, starts_ns=at(world), received_ns=at(world), **fields)


async def test_entry_is_refused_by_its_own_reason_until_the_venue_says_it_is_over() -> None:
    world = listening()
    await hear(world, outage(world))
    world.tell()
    assert world.venue.sent == []
    assert world.trader.counts["refused_venue_maintenance"] == 1
    refused = next(record for kind, record in world.journal.records if kind == "refused")
    assert isinstance(refused, Refused)
    assert refused.reason is RefuseReason.VENUE_MAINTENANCE
    assert refused.detail == "hitbtc: incident in_progress: Orders are not accepted"
    await hear(world, outage(world, state=NoticeState.RESOLVED, revision=2))
    world.tell(signal(2, now_ns=at(world)))
    assert len(world.venue.sent) == 1


async def test_announced_maintenance_begins_with_its_lead_and_ends_with_its_grace() -> None:
    world = listening()
    begins = at(world) + LEAD + MINUTE
    await hear(world, replace(PLANNED, starts_ns=begins, ends_ns=begins + MINUTE))
    for number, (wait, refusals) in enumerate(
        ((0, 0), (MINUTE - 1, 0), (1, 1), (LEAD + MINUTE + GRACE - 1, 2), (1, 2))
    ):
        world.clock.advance(wait)
        world.trader.on_depth(depth(at_ns=at(world)))
        world.trader.on_balances(world.venue.held)
        world.tell(signal(number, now_ns=at(world)))
        assert world.trader.counts["refused_venue_maintenance"] == refusals, number
    assert len(world.venue.sent) == 3


async def test_exit_goes_out_and_orders_are_cancelled_during_an_outage() -> None:
    world = listening()
    world.tell()
    await settled()
    entry = world.venue.sent[0]
    world.fill(entry)
    await hear(world, outage(world))
    world.trader.on_balances((balance("IOTA", str(entry.intent.quantity), at_ns=at(world)),))
    world.clock.advance(SECOND)
    world.trader.on_depth(depth("1.0500", "1.0510", at_ns=at(world)))
    assert [approved.intent.leg for approved in world.venue.sent] == ["entry", "exit-1"]


@pytest.mark.parametrize(
    "fields",
    [
        {"venue": "kraken"},
        {"affects": (Affected.WITHDRAWALS,)},
        {"pairs": ("BTC/USDT", "ETH/USDT")},
    ],
)
async def test_notice_about_something_else_changes_nothing(fields: dict[str, Any]) -> None:
    world = listening()
    await hear(world, outage(world, **fields))
    world.tell()
    assert len(world.venue.sent) == 1


async def test_notice_about_this_pair_keeps_it_back() -> None:
    world = listening()
    await hear(world, outage(world, pairs=("IOTA/USDT",)))
    world.tell()
    assert world.venue.sent == []


async def test_other_venues_notices_are_not_journaled() -> None:
    world = listening()
    await hear(world, outage(world, venue="kraken"))
    assert "notice" not in world.journal.kinds()
    assert world.trader.counts["notices_of_others"] == 1


async def test_notice_survives_a_restart() -> None:
    world = listening()
    await hear(world, outage(world))
    after = World(journal=world.journal, clock=world.clock)
    await restore(after.trader, after.journal, at(after))
    after.ready()
    after.tell()
    assert after.venue.sent == []
    assert after.trader.counts["refused_venue_maintenance"] == 1


async def test_end_heard_after_a_restart_opens_the_venue_again() -> None:
    world = listening()
    await hear(world, outage(world))
    after = World(journal=world.journal, clock=world.clock)
    after.bus.subscribe(VENUE_NOTICES, after.trader.on_notice, group="trader")
    await restore(after.trader, after.journal, at(after))
    after.ready()
    await hear(after, outage(after, state=NoticeState.RESOLVED, revision=2))
    after.tell()
    assert len(after.venue.sent) == 1
    third = World(journal=world.journal, clock=world.clock)
    await restore(third.trader, third.journal, at(third))
    assert third.trader.closures.pending == ()


async def test_notice_heard_before_the_journal_was_read_is_not_undone_by_it() -> None:
    world = listening()
    await hear(world, outage(world))
    after = World(journal=world.journal, clock=world.clock)
    after.bus.subscribe(VENUE_NOTICES, after.trader.on_notice, group="trader")
    await hear(after, outage(after, state=NoticeState.RESOLVED, revision=2))
    await restore(after.trader, after.journal, at(after))
    assert after.trader.closures.pending == ()


async def test_absent_order_is_not_sent_again_into_an_outage() -> None:
    world = listening()
    world.tell()
    await settled()
    (approved,) = world.venue.sent
    assert isinstance(approved, Approved)
    await hear(world, outage(world))
    outcome = world.trader.check(approved.intent, depth(at_ns=at(world)), at(world))
    assert isinstance(outcome, Refused)
    assert outcome.reason is RefuseReason.VENUE_MAINTENANCE
