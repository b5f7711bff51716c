"""Reddit's past through the real client: listings to their honest end, threads, and dumps."""

import json
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
import zstandard

from core.contracts.errors import Rejected, Retryable
from core.contracts.event import Event
from core.runtime.clock import SystemClock
from crawlers.history import History, Page
from crawlers.item import Item
from crawlers.normalise import normalise
from crawlers.service import open_histories
from crawlers.settings import CrawlSettings
from crawlers.sources.reddit import dumps as dumps_module
from tests.integration.crawl_runs import crawling
from tests.servers.reddit import Fault, RedditServer, Thing, comment, submission
from tests.unit.crawlers.doubles import MemoryCursorStore

NOW_S = int(time.time())
NOW_NS = NOW_S * 10**9
START_S = NOW_S - 30_000


@pytest.fixture
async def server() -> AsyncIterator[RedditServer]:
    running = RedditServer()
    await running.start()
    yield running
    await running.stop()


def news(number: int, **fields: Any) -> Thing:  # noqa: ANN401
    created = float(START_S + number)
    return submission(f"t3_{number}", f"title {number}", created_utc=created, **fields)


def said(number: int, parent: str = "t3_1", **fields: Any) -> Thing:  # noqa: ANN401
    created = float(START_S + number)
    fields = {"created_utc": created, "parent_id": parent, **fields}
    return comment(f"t1_{number}", f"comment {number}", "t3_1", **fields)


def opened(settings: dict[str, Any], **channel: Any) -> Any:  # noqa: ANN401
    one = {"channel": "channel", "subreddit": "Bitcoin", **channel}
    crawl = CrawlSettings.model_validate({"reddit": {**settings, "channels": [one]}})
    return open_histories(crawl, "reddit", clock=SystemClock(), jitter=Random(1))


async def pages_of(history: History, since_s: float = 0.0) -> list[Page]:
    pages = [await history.page(round(since_s * 10**9), NOW_NS, None)]
    while pages[-1].next is not None:
        pages.append(await history.page(round(since_s * 10**9), NOW_NS, pages[-1].next))
    return pages


async def read_into(got: set[str], history: History) -> None:
    """Collect the names of all posts, also where reading ends with an error."""
    cursor = None
    while True:
        page = await history.page(0, NOW_NS, cursor)
        got |= {entry.native_id or "" for entry in page.entries}
        if page.next is None:
            return
        cursor = page.next


def events_of(history: History, pages: list[Page]) -> dict[str, Event]:
    """Give the events by id, as a backfill makes them."""
    events: dict[str, Event] = {}
    for page in pages:
        for entry in page.entries:
            assert isinstance(entry, Item)
            event = normalise(
                entry,
                source=history.source,
                channel=history.channel,
                received_ns=NOW_NS,
                limits=history.limits,
            )
            assert isinstance(event, Event)
            events[event.id] = event
    return events


def names(events: dict[str, Event]) -> list[str]:
    return sorted((one.native_id for one in events.values()), key=lambda name: int(name[3:]))


async def test_past_gives_the_events_that_live_gave(server: RedditServer) -> None:
    await server.serve([news(1, edited=float(NOW_S)), news(2), news(3, selftext="x &amp; y")])
    server.remove("t3_2")
    server.things[1]["data"]["gone"] = False  # some listings still have it
    async with crawling({"reddit": server.settings}, MemoryCursorStore()) as run:
        await run.until_events(3)
        live = {event.id: event for event in run.events}
    async with opened(server.settings) as (history,):
        past = events_of(history, await pages_of(history))
    assert past.keys() == live.keys()
    for one, other in ((past[event_id], live[event_id]) for event_id in live):
        assert (one.kind, one.revision, one.text) == (other.kind, other.revision, other.text)
        assert (one.published_ns, one.url) == (other.published_ns, other.url)


async def test_listing_is_read_back_to_the_ranges_start_and_no_further(
    server: RedditServer,
) -> None:
    await server.serve(news(number) for number in range(1, 901))
    async with opened(server.settings) as (history,):
        pages = await pages_of(history, START_S + 650)
        events = events_of(history, pages)
        assert set(names(events)) >= {f"t3_{number}" for number in range(650, 901)}
        assert len(pages) == 4  # the last one holds nothing but what is older
        assert pages[0].reached_ns == (START_S + 801) * 10**9
        cost = await history.cost(0, NOW_NS)
    assert (cost.requests, cost.exact) == (10, False)
    assert "last 1,000" in cost.quota


async def test_listing_that_ends_before_the_range_begins_says_how_far_it_goes(
    server: RedditServer,
) -> None:
    await server.serve(news(number) for number in range(1, 1_301))
    got: set[str] = set()
    async with opened(server.settings) as (history,):
        with pytest.raises(Rejected) as refused:
            await read_into(got, history)
    assert len(got) == 1_000
    told = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START_S + 301))
    assert told in str(refused.value)
    assert "--since" in str(refused.value)
    assert "dump" in str(refused.value)


async def test_short_listing_is_a_subreddits_whole_past(server: RedditServer) -> None:
    await server.serve(news(number) for number in range(1, 121))
    async with opened(server.settings) as (history,):
        assert len(events_of(history, await pages_of(history))) == 120


async def test_dump_that_meets_the_listing_makes_the_past_whole(
    server: RedditServer, tmp_path: Path
) -> None:
    things = [news(number) for number in range(1, 1_301)]
    await server.serve(things)
    dump = tmp_path / "RS.ndjson"
    dump.write_text("".join(json.dumps(thing["data"]) + "\n" for thing in things[:400]))
    async with opened(server.settings, dumps=[str(dump)]) as (history,):
        pages = await pages_of(history)
        events = events_of(history, pages)
    assert names(events) == [f"t3_{number}" for number in range(1, 1_301)]


async def test_thread_is_read_whole_however_many_and_deep_its_comments(
    server: RedditServer,
) -> None:
    await server.serve([news(1)])
    await server.serve(said(number) for number in range(2, 802))
    await server.serve([said(802, "t1_700")])
    await server.serve(said(number, f"t1_{number - 1}") for number in range(803, 830))
    async with opened(server.settings, thread="1") as (history,):
        cost = await history.cost(0, NOW_NS)
        pages = await pages_of(history)
        events = events_of(history, pages)
    assert names(events) == ["t3_1", *(f"t1_{number}" for number in range(2, 830))]
    assert cost.requests == 5


async def test_same_cursor_gives_the_same_page(server: RedditServer) -> None:
    await server.serve(news(number) for number in range(1, 301))
    async with opened(server.settings) as (history,):
        first = await history.page(0, NOW_NS, None)
        second = await history.page(0, NOW_NS, first.next)
    async with opened(server.settings) as (history,):
        assert await history.page(0, NOW_NS, first.next) == second


async def test_limits_and_refusals_come_out_with_what_to_do(server: RedditServer) -> None:
    async with opened(server.settings) as (history,):
        server.faults.append(Fault(429, b"", {"Retry-After": "7"}))
        with pytest.raises(Retryable, match="429") as limited:
            await history.page(0, NOW_NS, None)
        assert limited.value.retry_after_ns == 7 * 10**9
        with pytest.raises(Retryable, match="Reddit wants no request until") as waiting:
            await history.page(0, NOW_NS, None)
        assert 5 * 10**9 < (waiting.value.retry_after_ns or 0) <= 7 * 10**9
    async with opened(server.settings) as (history,):
        server.faults.append(Fault(503))
        with pytest.raises(Retryable, match="503"):
            await history.page(0, NOW_NS, None)
    server.subreddits["bitcoin"] = "private"
    async with opened(server.settings) as (history,):
        with pytest.raises(Rejected, match="is private: take it out"):
            await history.page(0, NOW_NS, None)


async def test_dumps_are_read_without_an_app_and_go_on_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dumps_module, "PIECE_BYTES", 1_000_000)
    submissions, comments = tmp_path / "RS_2024-01.zst", tmp_path / "RC_2024-01.zst"
    packer = zstandard.ZstdCompressor()
    number = range(1, 20_001)
    for file, things in ((submissions, map(news, number)), (comments, map(said, number))):
        lines = "".join(json.dumps(thing["data"]) + "\n" for thing in things)
        file.write_bytes(packer.compress(lines.encode()))
    for posts, prefix in (("submissions", "t3"), ("comments", "t1")):
        dumps = [str(comments), str(submissions)]
        async with opened({}, posts=posts, dumps=dumps) as (history,):
            cost = await history.cost(0, NOW_NS)
            pages = await pages_of(history)
            events = events_of(history, pages)
        assert (cost.requests, cost.exact) == (0, True)
        assert names(events) == [f"{prefix}_{one}" for one in number]
        assert len(pages) > 2
        for page, following in pairwise(pages):
            async with opened({}, posts=posts, dumps=dumps) as (history,):
                assert await history.page(0, NOW_NS, page.next) == following


async def test_missing_dump_is_named(tmp_path: Path) -> None:
    async with opened({}, dumps=[str(tmp_path / "RS.zst")]) as (history,):
        with pytest.raises(Rejected, match=r"RS\.zst can't be read: No such file"):
            await history.page(0, NOW_NS, None)
