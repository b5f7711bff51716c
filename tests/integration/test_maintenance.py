"""From an exchange's status page to the refusal of a signal, and back, in a whole lane."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmarks.worlds import tradable
from core.contracts.notice import Affected, Impact, NoticeKind, NoticeState, VenueNotice
from core.contracts.topics import SIGNALS, VENUE_NOTICES
from core.contracts.trace import Trace
from core.runtime.bus.kafka import KafkaBus, create_topics
from core.runtime.clock import SystemClock
from tests.integration.commands import answer, running
from tests.integration.test_operator import orders_at, status_when, told, trade_one
from tests.integration.trading_world import a_world
from tests.servers.exchange_news import exchange_news
from tests.unit.trader.worlds import signal

MINUTE = timedelta(minutes=1)


async def test_no_entry_while_the_status_page_says_maintenance_not_even_after_kill_nine(
    tmp_path: Path,
) -> None:
    now = datetime.now(UTC)
    async with exchange_news() as site:
        site.post(
            "m1",
            "Upgrade of the matching engine",
            status="in_progress",
            impact="maintenance",
            at=now - 60 * MINUTE,
            components={"c1": "Spot trading", "c2": "Withdrawals"},
            window=(now - MINUTE, now + 60 * MINUTE),
        )
        page = {"status_pages": [site.status_page()], "allow_private": True}
        async with a_world(tmp_path, crawl={"announcements": page}) as world:
            async with running("run", world.config) as lane:
                await status_when(world, "the notice", notices=1)
                await world.release(0)
                await status_when(world, "the refusal", refused_venue_maintenance=1)
                assert await orders_at(world) == 0
                shown = await told(world, "status")
                assert "no entries" in shown
                assert "maintenance in_progress, Upgrade of the matching engine" in shown
                async with world.session.get(f"{world.url}/health/ready") as got:
                    check = (await got.json())["checks"]["maintenance"]
                    assert not check["ok"]
                    assert "Upgrade of the matching engine" in check["detail"]
                async with world.session.get(f"{world.url}/metrics") as got:
                    text = await got.text()
                assert "tidings_venue_notices_against_entries 1.0" in text
                assert 'tidings_venue_notices_total{channel="announcements:status"} 1.0' in text
                await lane.kill()
            site.fault = 503
            async with running("run", world.config):
                found = await answer(world.session, f"{world.url}/control/status")
                (kept_back,) = found["kept_back"]
                assert (kept_back["now"], kept_back["positions"]) == (True, 0)
                await world.release(1)
                await status_when(world, "the refusal", refused_venue_maintenance=1)
                assert await orders_at(world) == 0
                site.fault = None
                site.update("m1", at=now, status="completed", body="It is done.")
                await status_when(world, "the end of it", kept_back=[])
                await trade_one(world, 2, 1)
                assert "no entries" not in await told(world, "status")


async def test_maintenance_of_withdrawals_keeps_no_signal_back(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    async with exchange_news() as site:
        site.post(
            "m1",
            "Wallet maintenance",
            status="in_progress",
            impact="maintenance",
            at=now - 60 * MINUTE,
            components={"c2": "Withdrawals"},
            window=(now - MINUTE, now + 60 * MINUTE),
        )
        page = {"status_pages": [site.status_page()], "allow_private": True}
        async with (
            a_world(tmp_path, crawl={"announcements": page}) as world,
            running("run", world.config),
        ):
            await status_when(world, "the notice", notices=1, kept_back=[])
            await trade_one(world, 0, 1)


@pytest.mark.kafka
@pytest.mark.slow
async def test_trader_of_the_distributed_lane_heeds_notices_told_before_it_started(
    kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    await create_topics(kafka, topic_prefix=kafka_prefix)
    bus = KafkaBus(kafka, clock=SystemClock(), topic_prefix=kafka_prefix)
    await bus.start()
    first, second = list(tradable())[:2]
    now_ns = SystemClock().now_ns()
    outage = VenueNotice(
        id="n1",
        venue="hitbtc",
        kind=NoticeKind.INCIDENT,
        state=NoticeState.IN_PROGRESS,
        impact=Impact.CRITICAL,
        starts_ns=now_ns,
        affects=(Affected.TRADING,),
        title="Orders are not accepted",
        event_id="e1",
        revision=1,
        received_ns=now_ns,
    )

    async def say(notice: VenueNotice) -> None:
        record_id = f"{notice.id}-{notice.revision}"
        keys = (notice.venue,)
        bus.publish(VENUE_NOTICES, notice, record_id=record_id, keys=keys, trace=Trace())
        await bus.flush()

    async def give(number: int, asset: str) -> None:
        made = signal(number, now_ns=SystemClock().now_ns(), asset=asset)
        bus.publish(SIGNALS, made, record_id=made.id, keys=(asset,), trace=Trace())
        await bus.flush()

    broker = {"bootstrap": kafka, "topic_prefix": kafka_prefix}
    try:
        await say(outage)
        async with a_world(tmp_path, kafka=broker) as world, running("trade", world.config):
            await status_when(world, "the notice", notices=1)
            await give(1, first)
            await status_when(world, "the refusal", refused_venue_maintenance=1)
            assert await orders_at(world) == 0
            await say(replace(outage, state=NoticeState.RESOLVED, revision=2))
            await status_when(world, "the end of it", kept_back=[])
            await give(2, second)
            await status_when(world, "the order", orders=1, in_flight=0)
            assert await orders_at(world) == 1
    finally:
        await bus.stop()
