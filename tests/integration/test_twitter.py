"""X over real TLS with tweepy unpatched: every way, every fault, each post exactly one event."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from aiohttp import web

from core.contracts.errors import Rejected, Retryable
from core.contracts.event import EventKind, OriginKind
from core.contracts.identity import event_id
from core.runtime.clock import SystemClock
from crawlers.history import History
from crawlers.http import USER_AGENT
from crawlers.item import Item
from crawlers.normalise import Limits
from crawlers.sources.twitter.client import open_histories
from crawlers.sources.twitter.settings import TwitterSettings
from tests.integration.crawl_runs import Run, crawling
from tests.servers.twitter import CHANNEL, Post, XServer, answer, snowflake
from tests.unit.crawlers.doubles import MemoryCursorStore, NarrowBus

RECORDED = Path(__file__).resolve().parents[3] / "shared/data/api/tweepy"
SEARCH = "/2/tweets/search/recent"
STREAM = "/2/tweets/search/stream"
RULES = "/2/tweets/search/stream/rules"
TIMELINE = "/2/users/:id/tweets"
NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)


@pytest.fixture
async def server() -> AsyncIterator[XServer]:
    running = XServer()
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


def crawl(server: XServer, *ways: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    settings = {**server.settings, "ways": list(ways or ("stream",)), **more}
    return {"save_interval_ms": 10, "twitter": settings}


def post(number: int, text: str = "coin", **more: Any) -> Post:  # noqa: ANN401 - any field
    at = NOW + timedelta(seconds=number)
    return Post(snowflake(at, number), text, published=at, **more)


def texts(run: Run) -> list[str]:
    return [event.text for event in run.events]


def detail(run: Run, channel: str = CHANNEL) -> str:
    return run.crawl.checks()[f"twitter:{channel}"]().detail


# --- the stream ---


async def test_stream_brings_each_post_to_its_channel(server: XServer) -> None:
    settings = crawl(server, accounts=["Desk"], replies=True)
    async with crawling(settings, MemoryCursorStore()) as run:
        await server.until_connected()
        await server.serve(
            post(1, "from the desk, with a coin", author="DESK"),
            post(2, "a coin for everybody"),
            post(3, "no", reply_to="Desk"),
            post(4, "nobody asked for this"),
        )
        await run.until_events(3)
        assert [(one.channel, one.author) for one in run.events] == [
            ("@desk", "DESK"),
            (CHANNEL, "somebody"),
            ("@desk/replies", "somebody"),
        ]
        first = run.events[0]
        assert first.id == event_id("twitter", "@desk", server.posts[0].id)
        assert first.published_ns == int((NOW.timestamp() + 1) * 1000) * 10**6
        assert first.language == "en"


async def test_same_post_is_the_same_event_by_every_way(server: XServer) -> None:
    said = [post(1, "a coin", author="desk"), post(2, "another coin", author="desk")]
    ids = []
    for way in ("stream", "search", "timelines"):
        server.posts.clear()
        terms: list[Any] = [] if way == "timelines" else server.settings["terms"]
        settings = crawl(server, way, accounts=["desk"], terms=terms)
        async with crawling(settings, MemoryCursorStore()) as run:
            if way == "stream":
                await server.until_connected()
            await server.serve(*said)
            await run.until_events(2)
            ids.append([event.id for event in run.events])
    assert ids[0] == ids[1] == ids[2]


async def test_of_several_ways_the_first_wins_and_the_others_are_counted(server: XServer) -> None:
    settings = crawl(server, "stream", "search", "timelines", accounts=["desk"])
    async with crawling(settings, MemoryCursorStore()) as run:
        await server.until_connected()
        await server.serve(*(post(number, author="desk") for number in range(10)))
        await run.until_events(10)
        names = ("twitter:@desk", "twitter:@desk#search", "twitter:@desk#timelines")
        await run.until(lambda: all(run.crawl.counts()[one].items >= 10 for one in names))
        counts = [run.crawl.counts()[one] for one in names]
        assert sum(one.events for one in counts) == 10
        assert sum(one.beaten for one in counts) >= 20
        assert len(set(run.ids)) == len(run.ids) == 10


async def test_rules_are_made_what_is_configured_and_others_left_alone(server: XServer) -> None:
    token = server.settings["keys"]["first"]
    server.rules[token] = [
        {"id": "1", "value": "from:old", "tag": "tidings/accounts"},
        {"id": "2", "value": "from:theirs", "tag": "theirs"},
    ]
    async with crawling(crawl(server, accounts=["desk"]), MemoryCursorStore()):
        await server.until_connected()
        assert [(one["value"], one["tag"]) for one in server.rules[token]] == [
            ("from:theirs", "theirs"),
            ("from:desk", "tidings/accounts"),
            ("coin", "tidings/term:channel"),
        ]
        server.rules[token].pop()
        await server.cut()
        await server.until_connected()
        assert server.rules[token][-1]["value"] == "coin"
    assert server.requests[f"POST {RULES}"] == 3


async def test_rule_of_others_with_the_same_text_serves(server: XServer) -> None:
    token = server.settings["keys"]["first"]
    server.rules[token] = [{"id": "2", "value": "coin", "tag": "theirs"}]
    async with crawling(crawl(server), MemoryCursorStore()) as run:
        await server.until_connected()
        await server.serve(post(1))
        await run.until_events(1)
    assert server.rules[token] == [{"id": "2", "value": "coin", "tag": "theirs"}]


async def test_refused_rule_is_named_and_the_others_work(server: XServer) -> None:
    bad = {"channel": "broken", "query": "bad: operator"}
    terms = [*server.settings["terms"], bad]
    async with crawling(crawl(server, terms=terms), MemoryCursorStore()) as run:
        await server.until_connected()
        await server.serve(post(1))
        await run.until_events(1)
        assert "no such operator" in detail(run, "broken")
        assert "refused" not in detail(run)


async def test_posts_during_a_cut_come_by_search_and_none_twice(server: XServer) -> None:
    async with crawling(crawl(server), MemoryCursorStore()) as run:
        await server.until_connected()
        await server.serve(post(1))
        await run.until_events(1)
        await server.cut()
        await server.serve(post(2), post(3))
        await run.until_events(3)
        await server.until_connected()
        await server.serve(post(4))
        await run.until_events(4)
        assert run.ids == [one.id for one in server.posts]


async def test_posts_during_a_cut_come_by_timelines_where_search_is_not_paid_for(
    server: XServer,
) -> None:
    for key in server.settings["keys"]:
        server.refusals[key, SEARCH] = 403
    settings = crawl(server, accounts=["desk"], terms=[], fill_gaps="timelines")
    async with crawling(settings, MemoryCursorStore()) as run:
        await server.until_connected()
        await server.serve(post(1, author="desk"))
        await run.until_events(1)
        await server.cut()
        await server.serve(post(2, author="desk"))
        await run.until_events(2)


async def test_gap_that_can_not_be_filled_is_told(server: XServer) -> None:
    for key in server.settings["keys"]:
        server.refusals[key, SEARCH] = 403
    async with crawling(crawl(server), MemoryCursorStore()) as run:
        await server.until_connected()
        await server.serve(post(1))
        await run.until_events(1)
        await server.cut()
        await run.until(lambda: "tidings backfill twitter" in detail(run))


async def test_cursor_stands_still_until_the_gap_is_filled(server: XServer) -> None:
    store = MemoryCursorStore()
    async with crawling(crawl(server), store) as run:
        await server.until_connected()
        await server.serve(post(1))
        await run.until_events(1)
        for key in server.settings["keys"]:
            server.refusals[key, SEARCH] = 503
        await server.cut()
        await server.serve(post(2))
        await server.until_connected()
        await server.serve(post(3))
        await run.until_events(2)
        await run.until(lambda: "a gap waits" in detail(run))
    assert store.cursors["twitter", CHANNEL] == server.posts[0].id
    server.refusals.clear()
    async with crawling(crawl(server), store) as run:
        await run.until_events(1)
        assert run.ids == [server.posts[1].id]


async def test_restart_fills_what_was_missed_meanwhile(server: XServer) -> None:
    store = MemoryCursorStore()
    async with crawling(crawl(server), store) as run:
        await server.until_connected()
        await server.serve(post(1))
        await run.until_events(1)
    await server.until(lambda: not server.streams)
    await server.serve(post(2), post(3))
    async with crawling(crawl(server), store) as run:
        await run.until_events(2)
        assert run.ids == [one.id for one in server.posts[1:]]


async def test_first_start_does_not_replay_the_past(server: XServer) -> None:
    await server.serve(post(1))
    async with crawling(crawl(server), MemoryCursorStore()) as run:
        await server.until_connected()
        await server.serve(post(2))
        await run.until_events(1)
        assert run.ids == [server.posts[1].id]


async def test_silent_stream_is_connected_anew(server: XServer) -> None:
    server.keep_alive_s = None
    settings = crawl(server, keep_alive_timeout_ms=100)
    async with crawling(settings, MemoryCursorStore()) as run:
        await server.until(lambda: server.requests[f"GET {STREAM}"] >= 2)
        server.keep_alive_s = 0.01
        await run.until(lambda: run.crawl.checks()[f"twitter:{CHANNEL}"]().ok)


async def test_stream_that_ends_properly_or_says_it_will_is_connected_anew(
    server: XServer,
) -> None:
    async with crawling(crawl(server), MemoryCursorStore()) as run:
        await server.until_connected()
        await server.close_streams()
        await server.until(lambda: server.requests[f"GET {STREAM}"] == 2)
        await server.until_connected()
        await server.send_raw(
            b'{"errors":[{"title":"operational-disconnect","disconnect_type":"Upstream",'
            b'"detail":"disconnected upstream"}]}\r\n'
        )
        await server.until(lambda: server.requests[f"GET {STREAM}"] == 3)
        assert run.crawl.watches[f"twitter:{CHANNEL}"].connects >= 2


async def test_too_long_a_line_is_refused_and_its_post_looked_for(server: XServer) -> None:
    settings = crawl(server, max_message_bytes=10_000)
    async with crawling(settings, MemoryCursorStore()) as run:
        await server.until_connected()
        await server.serve(post(1))
        await run.until_events(1)
        await server.send_raw(b"x" * 20_000 + b"\r\n")
        counts = run.crawl.counts()[f"twitter:{CHANNEL}"]
        await run.until(lambda: counts.refusals["too_large"] == 1)
        await server.until(lambda: server.requests[f"GET {STREAM}"] == 2)
        await server.serve(post(2))
        await run.until_events(2)


@pytest.mark.parametrize("fault", ["malformed", "doubled", "shuffled", "cut"])
async def test_faulty_stream_loses_and_doubles_nothing(server: XServer, fault: str) -> None:
    async with crawling(crawl(server), MemoryCursorStore()) as run:
        await server.until_connected()
        await server.serve(post(0))
        await run.until_events(1)
        if fault == "cut":
            server.cut_after = 3
        else:
            setattr(server, fault, True)
        for batch in range(1, 21, 4):
            await server.serve(*(post(number) for number in range(batch, batch + 4)))
            await run.until_events(batch + 4)
        assert sorted(run.ids, key=int) == [one.id for one in server.posts]


async def test_full_bus_makes_the_stream_wait(server: XServer) -> None:
    bus = NarrowBus(room=3)
    async with crawling(crawl(server), MemoryCursorStore(), bus=bus) as run:
        await server.until_connected()
        await server.serve(*(post(number) for number in range(10)))
        await run.until_events(3)
        bus.room = None
        await run.until_events(10)
        assert run.ids == [one.id for one in server.posts]


# --- keys ---


@pytest.mark.parametrize("status", [401, 402, 403, 429, 503])
@pytest.mark.parametrize("way", ["stream", "search"])
async def test_failing_key_is_replaced_by_the_next(server: XServer, way: str, status: int) -> None:
    server.refusals["first", "*"] = status
    server.resets_s["first", "*"] = 600
    async with crawling(crawl(server, way), MemoryCursorStore()) as run:
        if way == "stream":
            await server.until_connected()
        await server.serve(post(1))
        await run.until_events(1)
        path = STREAM if way == "stream" else SEARCH
        assert server.tokens[f"GET {path}"][-1] == "second"
        failed = server.tokens[f"GET {RULES if way == 'stream' else SEARCH}"]
        assert failed.count("first") == 1
        await run.until(lambda: "key first is set aside" in detail(run))
        assert "token-first" not in detail(run)


async def test_stream_that_x_finds_wrong_is_not_asked_for_again_at_once(server: XServer) -> None:
    for key in server.settings["keys"]:
        server.refusals[key, STREAM] = 400
    async with crawling(crawl(server), MemoryCursorStore()) as run:
        await run.until(lambda: "all 2 keys are spent for search/stream" in detail(run))
        assert server.requests[f"GET {STREAM}"] == 2


async def test_timed_out_key_is_replaced_by_the_next(server: XServer) -> None:
    async def hang(request: web.Request) -> web.Response | None:
        await asyncio.sleep(60)
        return None

    server.script[SEARCH].append(hang)
    async with crawling(crawl(server, "search", timeout_ms=200), MemoryCursorStore()) as run:
        await server.serve(post(1))
        await run.until_events(1)
        assert server.tokens[f"GET {SEARCH}"][:2] == ["first", "second"]


async def test_all_keys_spent_is_told_with_the_time_and_ends_by_itself(server: XServer) -> None:
    for key in server.settings["keys"]:
        server.refusals[key, SEARCH] = 429
        server.resets_s[key, SEARCH] = 2
    async with crawling(crawl(server, "search"), MemoryCursorStore()) as run:
        await run.until(lambda: "all 2 keys are spent for search/recent until" in detail(run))
        asked = server.requests[f"GET {SEARCH}"]
        assert asked == 2
        server.refusals.clear()
        await server.serve(post(1))
        await run.until_events(1)
        await run.until(lambda: "spent" not in detail(run))


async def test_used_up_window_is_not_asked_again_before_its_reset(server: XServer) -> None:
    async def last_one(request: web.Request) -> web.Response:
        reset = int(datetime.now(UTC).timestamp()) + 600
        headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(reset)}
        return web.json_response({"meta": {"result_count": 0}}, headers=headers)

    server.script[SEARCH].append(last_one)
    async with crawling(crawl(server, "search"), MemoryCursorStore()) as run:
        await server.serve(post(1))
        await run.until_events(1)
        await server.until(lambda: server.requests[f"GET {SEARCH}"] >= 4)
        assert server.tokens[f"GET {SEARCH}"].count("first") == 1


async def test_requests_name_us_and_the_key_is_only_in_its_header(server: XServer) -> None:
    seen: list[web.Request] = []

    async def look(request: web.Request) -> None:
        seen.append(request)

    for path in (SEARCH, STREAM, RULES):
        server.script[path].append(look)
    async with crawling(crawl(server, "stream", "search"), MemoryCursorStore()):
        await server.until(lambda: len(seen) == 3)
    for request in seen:
        assert request.headers["User-Agent"] == USER_AGENT
        assert request.headers["Host"] == "api.twitter.com"
        assert "token" not in str(request.url)


# --- searches and timelines ---


async def test_search_reads_all_pages_since_the_last_post_oldest_first(server: XServer) -> None:
    server.page_size = 3
    async with crawling(crawl(server, "search"), MemoryCursorStore()) as run:
        await server.serve(post(0))
        await run.until_events(1)
        await server.serve(*(post(number) for number in range(1, 11)))
        await run.until_events(11)
        assert run.ids == [one.id for one in server.posts]


async def test_more_pages_than_allowed_are_told(server: XServer) -> None:
    server.page_size = 2
    settings = crawl(server, "search", gap_pages=2, overlap_ms=0)
    async with crawling(settings, MemoryCursorStore()) as run:
        await server.serve(post(0))
        await run.until_events(1)
        await server.serve(*(post(number) for number in range(1, 11)))
        await run.until(lambda: "tidings backfill twitter" in detail(run))
        assert run.ids == [server.posts[0].id, *(one.id for one in server.posts[-4:])]


async def test_post_that_the_index_shows_late_is_not_lost(server: XServer) -> None:
    async with crawling(crawl(server, "search"), MemoryCursorStore()) as run:
        await server.serve(post(5))
        await run.until_events(1)
        await server.serve(post(4))  # older than what was read already
        await run.until_events(2)


async def test_account_that_does_not_exist_is_told_and_leaves_the_others(server: XServer) -> None:
    settings = crawl(server, "timelines", accounts=["nobody", "desk"], terms=[])
    async with crawling(settings, MemoryCursorStore()) as run:
        await server.serve(post(1, author="desk"))
        await run.until_events(1)
        await run.until(lambda: "X knows no account @nobody" in detail(run, "@nobody"))


async def test_edit_repost_quote_and_long_post_arrive_whole(server: XServer) -> None:
    original = post(1, "the exchange lists a coin", author="exchange")
    first, second = post(2, "coni"), post(3, "coin, edited")
    edited = second._replace(extra={"edit_history_tweet_ids": [first.id, second.id]})
    repost = post(
        4,
        "RT @exchange: the exchange li…coin",
        extra={"referenced_tweets": [{"type": "retweeted", "id": original.id}]},
        included=(original,),
    )
    long = post(5, "coin…", extra={"note_tweet": {"text": "coin " * 100}})
    async with crawling(crawl(server), MemoryCursorStore()) as run:
        await server.until_connected()
        await server.serve(edited, repost, long)
        await run.until_events(3)
        one, two, three = run.events
        assert (one.kind, one.native_id, one.revision) == (EventKind.EDITED, first.id, 1)
        assert two.text == "the exchange lists a coin"
        assert two.origin is not None
        assert (two.origin.kind, two.origin.author) == (OriginKind.REPOST, "exchange")
        assert two.origin.published_ns == int((NOW.timestamp() + 1) * 1000) * 10**6
        assert three.text == ("coin " * 100).strip()


@pytest.mark.parametrize("name", ["search_recent_tweets", "get_list_tweets"])
async def test_recorded_answer_becomes_events_through_tweepy(server: XServer, name: str) -> None:
    file = RECORDED / f"test_asyncclient_{name}.yaml"
    if not file.exists():
        pytest.skip(f"no recorded answers at {RECORDED}")
    (interaction,) = yaml.safe_load(file.read_text(encoding="utf-8"))["interactions"]
    body = interaction["response"]["body"]["string"].encode()
    server.recorded[SEARCH] = body
    count = body.count(b'"edit_history_tweet_ids"')
    async with crawling(crawl(server, "search"), MemoryCursorStore()) as run:
        await run.until_events(count)
        assert len(set(run.ids)) == count
        assert run.ids == sorted(run.ids, key=int)


# --- the past ---


async def past(
    server: XServer,
    since: datetime,
    until: datetime,
    **more: Any,  # noqa: ANN401
) -> dict[str, list[Item]]:
    settings = TwitterSettings.model_validate({**server.settings, **more})
    found: dict[str, list[Item]] = {}
    clock = SystemClock()
    async with open_histories(settings, Limits(), clock=clock, jitter=Random(1)) as histories:
        for history in histories:
            items = found.setdefault(history.channel, [])
            cursor: str | None = None
            while True:
                page = await history.page(ns(since), ns(until), cursor)
                items += [one for one in page.entries if isinstance(one, Item)]
                cursor = page.next
                if cursor is None:
                    break
    return found


def ns(at: datetime) -> int:
    return int(at.timestamp()) * 10**9


@pytest.mark.parametrize("archive", ["recent", "all"])
async def test_history_is_paged_and_sorted_into_channels(server: XServer, archive: str) -> None:
    server.page_size = 3
    await server.serve(
        *(post(number, author="desk") for number in range(7)),
        post(7, "a coin by another"),
        post(8, "no", reply_to="desk"),
        post(100, author="desk"),
    )
    found = await past(
        server, NOW, NOW + timedelta(seconds=90), archive=archive, accounts=["desk"], replies=True
    )
    ids = {channel: sorted(int(one.native_id) for one in some) for channel, some in found.items()}
    served = [int(one.id) for one in server.posts]
    assert ids == {"@desk": served[:7], "@desk/replies": [served[8]], CHANNEL: [served[7]]}


async def test_history_by_timelines_has_the_accounts_only(server: XServer) -> None:
    await server.serve(post(1, author="desk"), post(2))
    found = await past(
        server, NOW, NOW + timedelta(seconds=9), archive="timelines", accounts=["desk"]
    )
    assert {channel: [one.native_id for one in some] for channel, some in found.items()} == {
        "@desk": [server.posts[0].id]
    }


async def one_history(server: XServer, **more: Any) -> AsyncIterator[History]:  # noqa: ANN401
    settings = TwitterSettings.model_validate({**server.settings, **more})
    async with open_histories(
        settings, Limits(), clock=SystemClock(), jitter=Random(1)
    ) as histories:
        yield histories[0]


async def test_history_says_how_far_it_reached_and_what_it_costs(server: XServer) -> None:
    await server.serve(*(post(number) for number in range(120)))
    async for history in one_history(server):
        since, until = ns(NOW), ns(NOW + timedelta(seconds=120))
        cost = await history.cost(since, until)
        assert (cost.requests, cost.exact) == (2, False)
        assert "about 120 posts" in cost.quota
        page = await history.page(since, until, None)
        assert page.reached_ns == ns(NOW + timedelta(seconds=20))


async def test_history_tells_the_wait_when_all_keys_are_spent(server: XServer) -> None:
    for key in server.settings["keys"]:
        server.refusals[key, SEARCH] = 429
        server.resets_s[key, SEARCH] = 300
    async for history in one_history(server):
        with pytest.raises(Retryable) as raised:
            await history.page(ns(NOW), ns(NOW + timedelta(seconds=9)), None)
        wait_ns = raised.value.retry_after_ns
        assert wait_ns is not None
        assert 290 * 10**9 < wait_ns < 340 * 10**9


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_history_that_x_refuses_is_refused(server: XServer, status: int) -> None:
    for key in server.settings["keys"]:
        server.refusals[key, SEARCH] = status
    async for history in one_history(server):
        with pytest.raises(Rejected, match=str(status)) as raised:
            await history.page(ns(NOW), ns(NOW + timedelta(seconds=9)), None)
        assert "token" not in str(raised.value).replace("apps' tokens", "")


async def test_history_before_recent_search_is_refused_with_the_fix(server: XServer) -> None:
    async for history in one_history(server):
        with pytest.raises(Rejected, match="set archive to all"):
            await history.page(ns(NOW - timedelta(days=30)), ns(NOW), None)


async def test_history_of_the_future_is_empty(server: XServer) -> None:
    later = NOW + timedelta(days=1)
    async for history in one_history(server):
        page = await history.page(ns(later), ns(later + timedelta(days=1)), None)
        assert (page.entries, page.next) == ((), None)
    assert not server.requests


async def test_truncated_page_may_be_asked_again(server: XServer) -> None:
    async def half(request: web.Request) -> web.Response:
        return web.Response(body=str(answer(post(1))).encode()[:40])

    server.script[SEARCH].append(half)
    await server.serve(post(1))
    async for history in one_history(server):
        since, until = ns(NOW), ns(NOW + timedelta(seconds=9))
        with pytest.raises(Retryable, match="can't be read"):
            await history.page(since, until, None)
        assert len((await history.page(since, until, None)).entries) == 1
