"""Medium over real sockets: feeds live, archive pages for the past, the same events from both."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from core.contracts.errors import Rejected
from core.contracts.event import EventKind
from core.runtime.clock import SystemClock
from crawlers.history import History
from crawlers.item import Item
from crawlers.service import open_histories
from crawlers.settings import CrawlSettings
from tests.integration.crawl_runs import crawling
from tests.servers.feeds import Post
from tests.servers.medium import MediumSite
from tests.unit.crawlers.doubles import MemoryCursorStore


def post(number: int, published: str, **more: str) -> Post:
    return {"id": f"{number:012x}", "title": f"title {number}", "published": published, **more}


@asynccontextmanager
async def medium(**more: Any) -> AsyncIterator[tuple[MediumSite, dict[str, Any]]]:  # noqa: ANN401 - any setting
    site = MediumSite()
    await site.start()
    try:
        yield site, {"save_interval_ms": 10, "medium": {**site.settings, **more}}
    finally:
        await site.stop()


@asynccontextmanager
async def pasts(settings: dict[str, Any]) -> AsyncIterator[Sequence[History]]:
    crawl = CrawlSettings.model_validate(settings)
    async with open_histories(crawl, "medium", clock=SystemClock(), jitter=Random(1)) as opened:
        yield opened


def ns(*day: int) -> int:
    return int(datetime(*day, tzinfo=UTC).timestamp()) * 10**9  # type: ignore[arg-type, misc]


async def read_all(history: History, since_ns: int, until_ns: int) -> list[Item]:
    items: list[Item] = []
    cursor: str | None = None
    while True:
        page = await history.page(since_ns, until_ns, cursor)
        items += [entry for entry in page.entries if isinstance(entry, Item)]
        cursor = page.next
        if cursor is None:
            return items


BUSY_YEAR = [
    post(1, "2020-01-15T10:00:00+00:00"),
    post(2, "2020-03-14T09:00:00+00:00"),
    post(3, "2020-03-14T10:00:00+00:00"),
    post(4, "2020-03-20T10:00:00+00:00"),
    post(5, "2020-12-31T23:59:59+00:00"),
]


async def test_posts_are_events_by_their_own_ids_and_updates_are_edits() -> None:
    async with medium() as (site, settings), crawling(settings, MemoryCursorStore()) as run:
        await site.serve(post(1, "2024-01-02T03:04:05+00:00"))
        await run.until_events(1)
        await site.serve(
            post(1, "2024-01-02T03:04:05+00:00", updated="2024-01-03T00:00:00Z", text="more")
        )
        await run.until_events(2)
        first, edit = run.events
        assert (first.source, first.channel) == ("medium", "channel")
        assert first.native_id == edit.native_id == "000000000001"
        assert first.url == "https://medium.com/channel/a-title-000000000001"
        assert (edit.kind, edit.revision) == (EventKind.EDITED, 1_704_240_000)


async def test_archive_is_walked_by_year_month_and_day_oldest_first() -> None:
    async with medium() as (site, settings), pasts(settings) as (history,):
        await site.serve(*BUSY_YEAR)
        items = await read_all(history, ns(2020, 1, 1), ns(2021, 1, 1))
        assert sorted(item.native_id[-1] for item in items) == ["1", "2", "3", "4", "5"]
        assert site.archive_asked == [
            "2020",
            "2020/01",
            "2020/01/15",
            "2020/03",
            "2020/03/14",
            "2020/03/20",
            "2020/12",
            "2020/12/31",
        ]


async def test_only_pages_that_may_hold_the_range_are_asked_for() -> None:
    async with medium() as (site, settings), pasts(settings) as (history,):
        await site.serve(*BUSY_YEAR)
        items = await read_all(history, ns(2020, 3, 18), ns(2020, 4, 1))
        assert [item.native_id[-1] for item in items] == ["4"]
        assert site.archive_asked == ["2020", "2020/03", "2020/03/20"]
        cost = await history.cost(ns(2020, 3, 18), ns(2020, 4, 1))
        assert cost.requests >= 3
        assert not cost.exact


async def test_year_with_few_posts_is_one_page_and_one_without_is_none() -> None:
    async with medium() as (site, settings), pasts(settings) as (history,):
        await site.serve(*BUSY_YEAR, post(6, "2022-05-05T05:05:05+00:00"))
        items = await read_all(history, ns(2021, 6, 1), ns(2023, 1, 1))
        assert [item.native_id[-1] for item in items] == ["6"]
        assert site.archive_asked == ["2021", "2022"]


async def test_same_post_has_one_identity_live_and_in_the_past() -> None:
    async with medium() as (site, settings):
        await site.serve(BUSY_YEAR[0])
        async with crawling(settings, MemoryCursorStore()) as run:
            await run.until_events(1)
        async with pasts(settings) as (history,):
            (item,) = await read_all(history, ns(2020, 1, 1), ns(2021, 1, 1))
        (event,) = run.events
        assert (item.native_id, item.revision) == (event.native_id, event.revision)
        assert history.channel == event.channel
        assert item.published == "2020-01-15T10:00:00+00:00"


async def test_tags_have_archives_and_users_what_their_feed_holds() -> None:
    async with medium(publications=[], users=["jo"], tags=["coins"]) as (site, settings):
        await site.serve(*BUSY_YEAR)
        async with pasts(settings) as histories:
            for history in histories:
                items = await read_all(history, ns(2020, 1, 1), ns(2021, 1, 1))
                assert {item.native_id[-1] for item in items} == {"1", "2", "3", "4", "5"}
            assert [history.channel for history in histories] == ["@jo", "tag/coins"]


async def test_robots_file_is_kept_to() -> None:
    async with medium() as (site, settings), pasts(settings) as (history,):
        site.robots = "User-agent: *\nDisallow: /*/archive/"
        with pytest.raises(Rejected, match="forbids"):
            await history.page(ns(2020, 1, 1), ns(2021, 1, 1), None)


async def test_page_that_is_no_archive_is_said_to_be_none() -> None:
    async with medium() as (site, settings), pasts(settings) as (history,):
        await site.serve(post(1, "2020-01-15T10:00:00+00:00"))
        site.locked = True
        with pytest.raises(Rejected, match="log-in"):
            await history.page(ns(2020, 1, 1), ns(2021, 1, 1), None)
