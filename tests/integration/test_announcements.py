"""An exchange's site over real sockets: fast lists, status pages and their faults, and the past."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from core.contracts.errors import Retryable
from core.contracts.event import DELETED_REVISION, Event, EventKind
from core.contracts.notice import Affected, NoticeKind, VenueNotice
from core.contracts.topics import VENUE_NOTICES
from core.contracts.trace import Trace
from core.runtime.bus.in_process import InProcessBus
from core.runtime.clock import SystemClock
from crawlers.history import History
from crawlers.item import Item
from crawlers.normalise import normalise
from crawlers.service import open_histories
from crawlers.settings import CrawlSettings
from tests.integration.crawl_runs import Run, crawling
from tests.servers.exchange_news import BINANCE_PATH, ExchangeNews, exchange_news
from tests.unit.crawlers.doubles import MemoryCursorStore

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)
SPOT = {"c1": "Spot trading"}


@pytest.fixture
async def site() -> AsyncIterator[ExchangeNews]:
    async with exchange_news() as server:
        yield server


def lists(site: ExchangeNews, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any setting
    every = {"allow_private": True, "jitter": 0, "lists": [site.binance()]} | more
    return {"save_interval_ms": 10, "announcements": every}


def pages(site: ExchangeNews, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any setting
    page = site.status_page(**more)
    every = {"allow_private": True, "jitter": 0, "status_pages": [page]}
    return {"save_interval_ms": 10, "announcements": every}


class Heard:
    """The notices of a run."""

    def __init__(self) -> None:
        self.bus = InProcessBus(SystemClock())
        self.notices: list[VenueNotice] = []
        self.bus.subscribe(VENUE_NOTICES, self._hear, group="test-notices")

    def _hear(self, notice: VenueNotice, key: str, trace: Trace) -> None:
        assert key == notice.venue
        self.notices.append(notice)

    @property
    def states(self) -> list[str]:
        return [notice.state for notice in self.notices]


@asynccontextmanager
async def following(
    settings: dict[str, Any],
    store: MemoryCursorStore,
    **more: Any,  # noqa: ANN401
) -> AsyncIterator[tuple[Run, Heard]]:
    heard = Heard()
    async with crawling(settings, store, bus=heard.bus, **more) as run:
        yield run, heard


# --- announcement lists ---


async def test_listing_is_an_event_within_one_interval(site: ExchangeNews) -> None:
    async with crawling(lists(site), MemoryCursorStore()) as run:
        await site.until_asked(2)
        site.serve("abc", "Binance Will List IOTA (IOTA)", NOW)
        await run.until_events(1)
        (event,) = run.events
        assert (event.source, event.channel, event.native_id) == (
            "announcements",
            "listings",
            "abc",
        )
        assert event.url == f"{site.url}/en/support/announcement/abc"
        assert event.published_ns == int(NOW.timestamp()) * 10**9


async def test_what_robots_txt_forbids_is_not_asked_for(site: ExchangeNews) -> None:
    site.robots = "User-agent: *\nDisallow: /bapi/"
    async with following(lists(site), MemoryCursorStore()) as (run, _):
        check = run.crawl.checks()["announcements:listings"]
        await run.until(lambda: "robots.txt" in check().detail)
        assert site.asked == []
    async with following(lists(site, robots=False), MemoryCursorStore()) as (run, _):
        await site.until_asked(1)


async def test_list_is_asked_for_as_its_pages_ask_and_conditionally(site: ExchangeNews) -> None:
    site.serve("abc", "Binance Will List IOTA (IOTA)", NOW)
    async with crawling(lists(site), MemoryCursorStore()):
        await site.until_asked(4)
    assert set(site.asked) == {f"{BINANCE_PATH}?type=1&catalogId=48&pageNo=1&pageSize=20"}
    assert site.statuses[0] == 200
    assert set(site.statuses[1:]) == {304}


async def test_lists_of_one_address_are_channels_of_their_own(site: ExchangeNews) -> None:
    site.serve("a", "Binance Will List IOTA (IOTA)", NOW)
    site.serve("b", "Binance Will Delist XYZ", NOW, catalog=161)
    both = [site.binance("new"), site.binance("gone", catalog=161)]
    async with crawling(lists(site, lists=both), MemoryCursorStore()) as run:
        await run.until_events(2)
        assert {(event.channel, event.native_id) for event in run.events} == {
            ("new", "a"),
            ("gone", "b"),
        }


async def test_what_came_while_nobody_read_is_found_on_older_pages(site: ExchangeNews) -> None:
    store = MemoryCursorStore()
    settings = lists(site, lists=[site.binance(page_size=5)])
    site.serve("0", "Announcement 0", NOW)
    async with crawling(settings, store) as run:
        await run.until_events(1)
    for number in range(1, 13):
        site.serve(str(number), f"Announcement {number}", NOW)
    async with crawling(settings, store) as run:
        await run.until_events(12)
        await site.until_asked(len(site.statuses) + 2)
        assert run.ids == [str(number) for number in range(1, 13)]


async def test_first_start_reads_no_older_pages(site: ExchangeNews) -> None:
    for number in range(12):
        site.serve(str(number), f"Announcement {number}", NOW)
    settings = lists(site, lists=[site.binance(page_size=5)])
    async with crawling(settings, MemoryCursorStore()) as run:
        await run.until_events(5)
        await site.until_asked(3)
        assert run.ids == ["7", "8", "9", "10", "11"]


async def test_article_that_stays_listed_for_longer_than_ids_are_kept_is_not_new(
    site: ExchangeNews,
) -> None:
    store = MemoryCursorStore()
    site.serve("old", "Announcement", NOW)
    async with crawling(lists(site), store) as run:
        await run.until_events(1)
    store.seen.clear()
    async with crawling(lists(site), store) as run:
        site.serve("new", "Announcement 2", NOW)
        await run.until_events(1)
        assert run.ids == ["new"]


async def test_feed_is_a_list_too(site: ExchangeNews) -> None:
    async with crawling(lists(site, lists=[site.feed()]), MemoryCursorStore()) as run:
        site.serve("abc", "Kraken lists IOTA", NOW)
        await run.until_events(1)
        assert run.events[0].channel == "blog"


@pytest.mark.parametrize(
    ("status", "headers"),
    [(429, {"Retry-After": "3600"}), (403, {}), (418, {"Retry-After": "7200"}), (418, {})],
)
async def test_server_that_wants_to_be_left_alone_is_left_by_all_its_lists(
    site: ExchangeNews, status: int, headers: dict[str, str]
) -> None:
    site.fault, site.fault_headers = status, headers
    both = [site.binance("one"), site.binance("two", interval_ms=30)]
    async with crawling(lists(site, lists=both), MemoryCursorStore()) as run:
        checks = [run.crawl.checks()[f"announcements:{name}"] for name in ("one", "two")]
        await run.until(lambda: all(";" in check().detail for check in checks))
        asked = len(site.asked)
        await asyncio.sleep(0.2)
        assert len(site.asked) == asked <= 2


@pytest.mark.parametrize("fault", [0, 500, 503, 429])
async def test_fault_passes_and_nothing_is_lost(site: ExchangeNews, fault: int) -> None:
    site.fault = fault
    async with crawling(lists(site), MemoryCursorStore()) as run:
        await site.until_asked(2)
        site.serve("abc", "Binance Will List IOTA (IOTA)", NOW)
        site.fault = None
        await run.until_events(1)
        check = run.crawl.checks()["announcements:listings"]
        await run.until(lambda: check().ok and ";" not in check().detail)


async def test_refused_answer_of_the_list_is_told_in_health(site: ExchangeNews) -> None:
    settings = lists(site, lists=[site.binance(url=f"{site.url}/nothing")])
    async with crawling(settings, MemoryCursorStore()) as run:
        check = run.crawl.checks()["announcements:listings"]
        await run.until(lambda: "404" in check().detail)


# --- status pages ---


def outage(site: ExchangeNews, code: str = "i1") -> None:
    site.post(
        code,
        "Orders are not accepted",
        status="investigating",
        impact="critical",
        at=NOW - 10 * MINUTE,
        components=SPOT,
    )


async def test_incident_is_told_in_words_and_as_a_notice_from_begin_to_end(
    site: ExchangeNews,
) -> None:
    async with following(pages(site), MemoryCursorStore()) as (run, heard):
        await site.until_asked(3)
        outage(site)
        await run.until_events(1)
        site.update("i1", at=NOW - 5 * MINUTE, status="monitoring", body="A fix is in place.")
        await run.until_events(2)
        site.update("i1", at=NOW - MINUTE, status="resolved", body="It works again.")
        await run.until_events(3)
        assert [(event.kind, event.text) for event in run.events] == [
            (EventKind.PUBLISHED, "We are looking into it."),
            (EventKind.EDITED, "A fix is in place."),
            (EventKind.EDITED, "It works again."),
        ]
        assert [event.revision for event in run.events] == [
            0,
            int((NOW - 5 * MINUTE).timestamp()),
            int((NOW - MINUTE).timestamp()),
        ]
        assert heard.states == ["in_progress", "in_progress", "resolved"]
        first, _, last = heard.notices
        assert (first.venue, first.affects, first.ends_ns) == ("hitbtc", (Affected.TRADING,), None)
        assert first.event_id == run.events[0].id
        assert last.ends_ns == int((NOW - MINUTE).timestamp()) * 10**9
        counts = run.crawl.counts()["announcements:status"]
        assert counts.notices == 3


async def test_window_that_moves_without_a_word_is_told_as_a_notice(site: ExchangeNews) -> None:
    begins = NOW + 60 * MINUTE
    site.post(
        "m1",
        "Upgrade",
        status="scheduled",
        impact="maintenance",
        at=NOW - 60 * MINUTE,
        components=SPOT,
        window=(begins, begins + 30 * MINUTE),
    )
    async with following(pages(site), MemoryCursorStore()) as (run, heard):
        await run.until(lambda: len(heard.notices) == 1)
        later = (begins + 60 * MINUTE).isoformat()
        site.change("m1", at=NOW, scheduled_until=later)
        await run.until(lambda: len(heard.notices) == 2)
        assert len(run.events) == 1
        assert heard.notices[0].kind is NoticeKind.MAINTENANCE
        ends = [notice.ends_ns for notice in heard.notices]
        assert ends == [
            int((begins + 30 * MINUTE).timestamp()) * 10**9,
            int((begins + 60 * MINUTE).timestamp()) * 10**9,
        ]


async def test_summary_alone_is_asked_for_while_nothing_happens(site: ExchangeNews) -> None:
    async with following(pages(site), MemoryCursorStore()):
        await site.until_asked(8)
    lists_asked = [path for path in site.asked if "summary" not in path]
    assert sorted(lists_asked) == [
        "/api/v2/incidents.json",
        "/api/v2/scheduled-maintenances.json",
    ]
    assert 304 in site.statuses


async def test_open_notice_is_told_again_after_a_restart_and_its_event_is_not(
    site: ExchangeNews,
) -> None:
    store = MemoryCursorStore()
    outage(site)
    async with following(pages(site), store) as (run, heard):
        await run.until(lambda: len(heard.notices) == 1)
        await run.until_events(1)
    async with following(pages(site), store) as (run, heard):
        await run.until(lambda: len(heard.notices) == 1)
        await site.until_asked(len(site.statuses) + 3)
        assert run.events == []
        assert heard.states == ["in_progress"]


async def test_end_that_came_while_nobody_read_is_told_after_the_restart(
    site: ExchangeNews,
) -> None:
    store = MemoryCursorStore()
    outage(site)
    async with following(pages(site), store) as (run, _):
        await run.until_events(1)
    site.update("i1", at=NOW, status="resolved", body="It works again.")
    async with following(pages(site), store) as (run, heard):
        await run.until_events(1)
        assert heard.states == ["resolved"]


async def test_kill_before_the_cursor_moved_tells_the_same_again(site: ExchangeNews) -> None:
    store, settings = MemoryCursorStore(), pages(site)
    settings["save_interval_ms"] = 3_600_000
    outage(site)
    ids = []
    for _ in range(2):
        async with following(settings, store, killed=True) as (run, heard):
            await run.until_events(1)
            ids.append((run.events[0].id, heard.notices[0].id, heard.notices[0].revision))
    assert ids[0] == ids[1]


async def test_lists_out_of_an_old_cache_are_asked_again_until_they_tell_the_end(
    site: ExchangeNews,
) -> None:
    outage(site)
    async with following(pages(site), MemoryCursorStore()) as (run, heard):
        await run.until_events(1)
        await run.until(lambda: any("maintenances" in path for path in site.asked))
        site.stale_lists = True
        site.update("i1", at=NOW, status="resolved", body="It works again.")
        asked = len(site.statuses)
        await site.until_asked(asked + 12)
        assert heard.states == ["in_progress"]
        site.stale_lists = False
        await run.until_events(2)
        assert heard.states == ["in_progress", "resolved"]


async def test_incident_that_its_page_forgets_is_withdrawn(site: ExchangeNews) -> None:
    store = MemoryCursorStore()
    outage(site)
    async with following(pages(site), store) as (run, _):
        await run.until_events(1)
    site.forget("i1")
    async with following(pages(site), store) as (run, heard):
        await run.until_events(1)
        (event,) = run.events
        assert (event.kind, event.revision) == (EventKind.DELETED, DELETED_REVISION)
        assert heard.states == ["cancelled"]
        await site.until_asked(len(site.statuses) + 3)
        assert len(run.events) == 1


async def test_open_incident_older_than_a_full_list_is_not_taken_for_withdrawn(
    site: ExchangeNews,
) -> None:
    store = MemoryCursorStore()
    outage(site)
    async with following(pages(site), store) as (run, _):
        await run.until_events(1)
    site.forget("i1")
    for number in range(50):
        at = NOW - 9 * MINUTE
        site.post(f"n{number}", "Login is slow", status="resolved", impact="minor", at=at)
    async with following(pages(site), store) as (run, heard):
        await run.until_events(50)
        await site.until_asked(len(site.statuses) + 12)
        assert "cancelled" not in heard.states


async def test_maintenance_that_overruns_is_said_to_go_on(site: ExchangeNews) -> None:
    site.post(
        "m1",
        "Upgrade",
        status="in_progress",
        impact="maintenance",
        at=NOW - 90 * MINUTE,
        components=SPOT,
        window=(NOW - 60 * MINUTE, NOW - 30 * MINUTE),
    )
    async with following(pages(site), MemoryCursorStore()) as (run, heard):
        await run.until(lambda: len(heard.notices) == 1)
        board = run.crawl.watches["announcements:status"].intake.notices
        (notice,) = heard.notices
        assert board.overrunning(notice.received_ns) == []
        assert len(board.overrunning(notice.received_ns + 60 * 10**9)) == 1


async def test_contradiction_is_counted_and_still_told_in_words(site: ExchangeNews) -> None:
    site.post(
        "m1",
        "Upgrade",
        status="scheduled",
        impact="maintenance",
        at=NOW,
        window=(NOW, NOW - MINUTE),
    )
    async with following(pages(site), MemoryCursorStore()) as (run, heard):
        await run.until_events(1)
        assert heard.notices == []
        counts = run.crawl.counts()["announcements:status"]
        assert set(counts.refusals) == {"bad_window"}


async def test_quiet_status_page_is_never_stale(site: ExchangeNews) -> None:
    outage(site)
    async with following(pages(site), MemoryCursorStore()) as (run, _):
        await run.until_events(1)
        watch = run.crawl.watches["announcements:status"]
        assert not watch.is_stale(watch.answered_ns + 365 * 86_400 * 10**9)


# --- the past ---


async def everything(history: History, since: datetime, until: datetime) -> tuple[set[str], int]:
    """Read a history to its end; gives the events' ids in the range, and how many pages it took."""
    since_ns, until_ns = (int(at.timestamp()) * 10**9 for at in (since, until))
    found: set[str] = set()
    pages_read, cursor = 0, None
    while pages_read == 0 or cursor is not None:
        page = await history.page(since_ns, until_ns, cursor)
        pages_read, cursor = pages_read + 1, page.next
        for entry in page.entries:
            assert isinstance(entry, Item)
            event = normalise(
                entry,
                source=history.source,
                channel=history.channel,
                received_ns=SystemClock().now_ns(),
                limits=history.limits,
            )
            assert isinstance(event, Event)
            if since_ns <= event.published_ns < until_ns:
                found.add(event.id)
    return found, pages_read


@asynccontextmanager
async def the_past(settings: dict[str, Any]) -> AsyncIterator[History]:
    crawl = CrawlSettings.model_validate(settings)
    clock, jitter = SystemClock(), Random(1)
    async with open_histories(crawl, "announcements", clock=clock, jitter=jitter) as opened:
        (history,) = opened
        yield history


@pytest.mark.parametrize("kind", ["binance", "feed"])
async def test_past_of_a_list_is_its_pages_with_the_ids_it_has_live(
    site: ExchangeNews, kind: str
) -> None:
    one = site.binance(page_size=10) if kind == "binance" else site.feed()
    settings = lists(site, lists=[one])
    for number in range(35):
        site.serve(str(number), f"Announcement {number}", NOW - (40 - number) * 60 * MINUTE)
    async with crawling(settings, MemoryCursorStore()) as run:
        await run.until_events(10)
        live = {event.id for event in run.events}
    async with the_past(settings) as history:
        found, pages_read = await everything(history, NOW - timedelta(days=9), NOW)
        assert len(found) == 35
        assert live <= found
        assert pages_read in (4, 5)
        cost = await history.cost(int((NOW - timedelta(days=9)).timestamp()) * 10**9, 0)
        assert not cost.exact
        assert pages_read <= cost.requests + 1
        recent, few = await everything(history, NOW - 12 * 60 * MINUTE, NOW)
        assert (len(recent), few) == (7, 1)


async def test_past_of_a_feed_without_pages_is_what_it_holds(site: ExchangeNews) -> None:
    for number in range(12):
        site.serve(str(number), f"Announcement {number}", NOW)
    async with the_past(lists(site, lists=[site.feed(page_param=None)])) as history:
        found, pages_read = await everything(history, NOW - MINUTE, NOW + MINUTE)
        assert (len(found), pages_read) == (10, 1)
        assert (await history.cost(0, 1)).exact


async def test_past_of_a_status_page_reaches_beyond_its_lists(site: ExchangeNews) -> None:
    for day in range(200, 0, -2):
        code = f"i{day}"
        site.post(
            code,
            "Orders are slow",
            status="investigating",
            impact="minor",
            at=NOW - timedelta(days=day),
            components=SPOT,
        )
        site.update(
            code, at=NOW - timedelta(days=day) + MINUTE, status="resolved", body="It works again."
        )
    settings = pages(site)
    async with following(settings, MemoryCursorStore()) as (run, _):
        await run.until_events(100)
        live = {event.id for event in run.events}
    async with the_past(settings) as history:
        found, _ = await everything(history, NOW - timedelta(days=300), NOW)
        assert len(found) == 200
        assert live <= found
        month, _ = await everything(history, NOW - timedelta(days=150), NOW - timedelta(days=120))
        assert len(month) == 30
        assert (await history.cost(0, 86_400 * 10**9)).requests > 0


async def test_past_resumes_at_its_cursor_after_a_fault(site: ExchangeNews) -> None:
    for day in range(60, 0, -1):
        at = NOW - timedelta(days=day)
        site.post(f"i{day}", "Orders are slow", status="resolved", impact="minor", at=at)
    since, until = (int(at.timestamp()) * 10**9 for at in (NOW - timedelta(days=300), NOW))
    async with the_past(pages(site)) as history:
        first = await history.page(since, until, None)
        second = await history.page(since, until, first.next)
        site.fault = 503
        with pytest.raises(Retryable):
            await history.page(since, until, second.next)
        site.fault = None
        again = await history.page(since, until, second.next)
        ids = [entry.native_id for entry in (*second.entries, *again.entries)]
        assert len(set(ids)) == 20


async def test_page_that_shows_no_history_gives_its_lists(site: ExchangeNews) -> None:
    outage(site)
    settings = pages(site)
    async with the_past(settings) as history:
        site_history = site._history
        site._history = lambda number: {"months": []}  # type: ignore[method-assign]
        found, pages_read = await everything(history, NOW - timedelta(days=30), NOW)
        site._history = site_history  # type: ignore[method-assign]
        assert (len(found), pages_read) == (1, 2)
