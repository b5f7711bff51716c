"""Feeds over real sockets: edits, deletions, mirrors, moves, robots.txt, pace, and the past."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from aiohttp import web

from core.contracts.clock import ManualClock
from core.contracts.errors import Rejected, Retryable
from core.contracts.event import EventKind
from core.runtime.clock import SystemClock
from crawlers.history import History, Page
from crawlers.http import USER_AGENT, open_session
from crawlers.item import Item
from crawlers.robots import Robots
from crawlers.service import open_histories
from crawlers.settings import CrawlSettings
from crawlers.sources.rss.feed import read_cursor
from tests.integration.crawl_runs import crawling
from tests.integration.news_servers import FeedServer, feed_server
from tests.servers.feeds import FeedSite, Post, atom, json_feed, rss
from tests.unit.crawlers.doubles import NOW_NS, MemoryCursorStore

DAY = timedelta(days=1)
NEWEST = datetime(2024, 1, 31, 12, tzinfo=UTC)


def settings(url: str, feed: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any setting
    one = {
        "channel": "desk",
        "url": url,
        "interval_ms": 20,
        "longest_interval_ms": 20,
        **(feed or {}),
    }
    return {
        "save_interval_ms": 10,
        "rss": {"feeds": [one], "allow_private": True, "jitter": 0, **more},
    }


def post(number: int, title: str = "title", **more: str) -> Post:
    """Make a post, one a day back from `NEWEST`."""
    published = (NEWEST - number * DAY).isoformat()
    return {"id": f"id-{number}", "title": title, "published": published, **more}


@asynccontextmanager
async def site(form: str = "rss") -> AsyncIterator[FeedSite]:
    served = FeedSite(form)
    await served.start()
    try:
        yield served
    finally:
        await served.stop()


# --- versions ---


@pytest.mark.parametrize("form", ["rss", "atom", "json"])
async def test_changed_entry_is_an_edit_also_after_a_restart(form: str) -> None:
    store = MemoryCursorStore()
    async with site(form) as served:
        of = settings(served.url)
        async with crawling(of, store) as run:
            await served.serve(post(0), post(1))
            await run.until_events(2)
            await served.serve(post(1, "changed"))
            await run.until_events(3)
        await served.serve(post(1, "again"), post(0, updated=(NEWEST + DAY).isoformat()))
        async with crawling(of, store) as again:
            await again.until_events(2)
        edits = [run.events[2], *again.events]
    assert all(edit.kind is EventKind.EDITED for edit in edits)
    assert [(edit.native_id, edit.title, edit.revision) for edit in edits] == [
        ("id-1", "changed", 1),
        ("id-1", "again", 2),
        ("id-0", "title", int((NEWEST + DAY).timestamp())),
    ]


async def test_entry_that_vanishes_is_no_deletion_and_may_come_back() -> None:
    async with site() as served, crawling(settings(served.url), MemoryCursorStore()) as run:
        await served.serve(post(0), post(1))
        await run.until_events(2)
        kept = list(served.posts)
        served.posts = kept[:1]
        await served.until_asked(served.asked + 3)
        served.posts = kept
        await served.until_asked(served.asked + 3)
        assert len(run.events) == 2


async def test_tombstone_is_a_deletion_once() -> None:
    store = MemoryCursorStore()
    async with site("atom") as served:
        async with crawling(settings(served.url), store) as run:
            await served.serve(post(0))
            await run.until_events(1)
            await served.serve({"id": "id-0", "deleted": NEWEST.isoformat()})
            await run.until_events(2)
            assert run.events[1].kind is EventKind.DELETED
            assert run.events[1].native_id == "id-0"
        store.seen.clear()
        async with crawling(settings(served.url), store) as run:
            await served.serve(post(1))
            await run.until_events(1)
            assert run.ids == ["id-1"]


async def test_cursor_stays_small() -> None:
    store = MemoryCursorStore()
    async with site() as served, crawling(settings(served.url), store) as run:
        await served.serve(*[post(number, "x" * 1_000) for number in range(100)])
        await run.until_events(100)
    kept = store.cursors["rss", "desk"]
    assert kept is not None
    assert len(kept) < 6_000
    cursor = read_cursor(kept)
    assert cursor is not None
    assert len(cursor.known) == 100


# --- addresses ---


async def test_mirrors_bring_each_entry_once_and_the_loser_is_counted() -> None:
    async with site() as one, site() as two:
        of = settings(one.url, {"mirrors": [two.url]})
        async with crawling(of, MemoryCursorStore()) as run:
            for served in (one, two):
                await served.serve(post(0), post(1))
            await run.until_events(2)
            await one.until_asked(one.asked + 2)
            await two.until_asked(two.asked + 2)
            counts = list(run.crawl.counts().values())
            assert len(counts) == 2
            assert sum(each.events for each in counts) == len(run.events) == 2
            assert sum(each.beaten for each in counts) >= 2
            name = two.url.split("/")[2]
            assert set(run.crawl.counts()) == {"rss:desk", f"rss:desk#{name}"}


async def test_mirror_carries_on_alone_and_its_edits_are_the_same() -> None:
    async with site() as one, site() as two:
        of = settings(one.url, {"mirrors": [two.url]})
        async with crawling(of, MemoryCursorStore()) as run:
            for served in (one, two):
                await served.serve(post(0))
            await run.until_events(1)
            one.unavailable = 1_000
            await two.serve(post(0, "changed"))
            await run.until_events(2)
            one.unavailable = 0
            await one.until_asked(one.asked + 2)  # still lists the first version
            await one.serve(post(0, "changed"))
            await one.until_asked(one.asked + 3)
            assert [event.revision for event in run.events] == [0, 1]


async def test_permanent_move_is_remembered_and_told() -> None:
    async def moved(request: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": "/new"})

    async with feed_server() as server:
        server.script.append(moved)
        server.publish(("1", "one"))
        async with crawling(settings(server.url), MemoryCursorStore()) as run:
            await run.until_events(1)
            await server.until_asked(4)
            assert [request.path for request in server.requests[:4]] == [
                "/feed",
                "/new",
                "/new",
                "/new",
            ]
            check = run.crawl.checks()["rss:desk"]()
            assert check.ok
            assert "/new: put that in" in check.detail


@pytest.mark.parametrize("status", [404, 410])
async def test_feed_whose_new_address_fails_is_asked_at_its_own_again(status: int) -> None:
    async def moved(request: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": "/new"})

    async def served(request: web.Request) -> None:
        return None

    async def absent(request: web.Request) -> web.Response:
        return web.Response(status=status)

    async with feed_server() as server:
        server.script.extend([moved, served, absent])
        server.publish(("1", "one"))
        async with crawling(settings(server.url), MemoryCursorStore()) as run:
            await run.until_events(1)
            await server.until_asked(5)
            paths = [request.path for request in server.requests[:5]]
            assert paths == ["/feed", "/new", "/new", "/feed", "/feed"]
            await run.until(lambda: run.crawl.checks()["rss:desk"]().ok)


async def test_temporary_redirect_is_not_remembered() -> None:
    async def elsewhere(request: web.Request) -> web.Response | None:
        if request.path == "/new":
            return None
        return web.Response(status=302, headers={"Location": "/new"})

    async with feed_server() as server:
        server.script.extend([elsewhere] * 4)
        server.publish(("1", "one"))
        async with crawling(settings(server.url), MemoryCursorStore()):
            await server.until_asked(4)
            paths = [request.path for request in server.requests[:4]]
            assert paths == ["/feed", "/new", "/feed", "/new"]


async def test_feed_that_is_gone_is_left_alone_and_said_so() -> None:
    async def gone(request: web.Request) -> web.Response:
        return web.Response(status=410)

    async with feed_server() as server, site() as other:
        server.script.append(gone)
        of = settings(server.url)
        of["rss"]["feeds"].append({"channel": "other", "url": other.url, "interval_ms": 20})
        async with crawling(of, MemoryCursorStore()) as run:
            await other.serve(post(0))
            await run.until_events(1)
            await other.until_asked(other.asked + 5)
            assert len(server.requests) == 1
            check = run.crawl.checks()["rss:desk"]()
            assert not check.ok
            assert "gone for good" in check.detail
            assert run.crawl.checks()["rss:other"]().ok


# --- pace ---


async def test_quiet_feed_is_asked_less_and_less_and_at_once_again_after_news() -> None:
    async with site() as served:
        of = settings(served.url, {"interval_ms": 20, "longest_interval_ms": 60_000})
        async with crawling(of, MemoryCursorStore()) as run:
            loop = asyncio.get_running_loop()
            await served.serve(post(0))
            times = []
            for number in range(1, 9):
                await served.until_asked(number)
                times.append(loop.time())
            gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
            assert gaps[-1] > 4 * gaps[0]
            await served.serve(post(-1))
            await run.until_events(2)
            begun, asked = loop.time(), served.asked
            await served.until_asked(asked + 2)
            assert loop.time() - begun < gaps[-1]


async def test_spent_limit_of_requests_is_waited_out() -> None:
    async def spent(request: web.Request) -> web.Response:
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}
        return web.Response(body=rss([post(0)]), headers=headers)

    async with feed_server() as server:
        server.script.append(spent)
        loop = asyncio.get_running_loop()
        async with crawling(settings(server.url), MemoryCursorStore()) as run:
            await run.until_events(1)
            begun = loop.time()
            await server.until_asked(2)
            assert loop.time() - begun > 0.8


async def test_contact_is_sent_with_each_request() -> None:
    async with site() as served, feed_server() as server:
        server.document = rss([post(0)])
        of = settings(server.url, contact="ops@example.com")
        async with crawling(of, MemoryCursorStore()) as run:
            await run.until_events(1)
        agent = server.requests[0].headers["User-Agent"]
        assert agent == f"{USER_AGENT} (ops@example.com)"
        assert served.asked == 0


# --- robots.txt ---


async def test_forbidden_feed_is_not_asked_for() -> None:
    async with feed_server() as server:
        server.robots = b"User-agent: tidings\nDisallow: /feed"
        server.publish(("1", "one"))
        async with crawling(settings(server.url), MemoryCursorStore()) as run:
            check = run.crawl.checks()["rss:desk"]
            await run.until(lambda: "robots.txt forbids" in check().detail)
        assert server.requests == []
        assert server.robots_requests == 1
        async with crawling(settings(server.url, robots=False), MemoryCursorStore()) as run:
            await run.until_events(1)
        assert server.robots_requests == 1


async def test_redirect_to_what_is_forbidden_is_not_followed() -> None:
    async def moved(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/private/feed"})

    async with feed_server() as server:
        server.robots = b"User-agent: *\nDisallow: /private/"
        server.script.extend([moved] * 10)
        async with crawling(settings(server.url), MemoryCursorStore()) as run:
            check = run.crawl.checks()["rss:desk"]
            await run.until(lambda: "robots.txt forbids" in check().detail)
        assert {request.path for request in server.requests} == {"/feed"}


class Waits:
    """Sleeps by moving the clock, and remembers for how long."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW_NS)
        self.seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.clock.advance(round(seconds * 1e9))


@asynccontextmanager
async def robots_of(server: FeedServer) -> AsyncIterator[tuple[Robots, Waits]]:
    waits = Waits()
    async with open_session(
        timeout_ms=5_000, connections_per_host=2, allow_private=True
    ) as session:
        yield Robots(session, clock=waits.clock, sleep=waits.sleep), waits


async def test_robots_file_is_read_once_a_day_however_many_ask() -> None:
    async with feed_server() as server, robots_of(server) as (robots, waits):
        server.robots = b"User-agent: *\nDisallow: /private"
        await asyncio.gather(*[robots.admit(f"{server.url}?{number}") for number in range(20)])
        assert server.robots_requests == 1
        waits.clock.advance(86_400 * 10**9)
        server.robots = b"User-agent: *\nDisallow: /feed"
        with pytest.raises(Rejected, match="forbids"):
            await robots.admit(server.url)
        assert server.robots_requests == 2


async def test_absent_robots_file_allows_all_and_an_unreadable_one_nothing_yet() -> None:
    async with feed_server() as server, robots_of(server) as (robots, waits):
        server.robots, server.robots_status = b"", 503
        with pytest.raises(Retryable, match="must be read first"):
            await robots.admit(server.url)
        server.robots_status = 403
        await robots.admit(server.url)
        waits.clock.advance(86_400 * 10**9)
        server.robots_status = 500
        await robots.admit(server.url)  # as it was allowed


async def test_long_robots_file_is_read_to_its_bound() -> None:
    async with feed_server() as server, robots_of(server) as (robots, _):
        rules = b"User-agent: *\nDisallow: /feed\n"
        server.robots = rules + b"# filling\n" * 200_000
        with pytest.raises(Rejected, match="forbids"):
            await robots.admit(server.url)
        server.robots = b"# filling\n" * 200_000 + rules
    async with feed_server() as server, robots_of(server) as (robots, _):
        server.robots = b"# filling\n" * 200_000 + rules
        await robots.admit(server.url)


async def test_crawl_delay_spaces_the_requests_to_a_server() -> None:
    async with feed_server() as server, robots_of(server) as (robots, waits):
        server.robots = b"User-agent: *\nCrawl-delay: 2.5"
        for number in range(3):
            await robots.admit(f"{server.url}?{number}")
        assert waits.seconds == [2.5, 2.5]


# --- the past ---


async def read_all(history: History, since: datetime, until: datetime) -> list[Page]:
    since_ns, until_ns = (int(at.timestamp()) * 10**9 for at in (since, until))
    pages = []
    cursor: str | None = None
    while True:
        pages.append(await history.page(since_ns, until_ns, cursor))
        cursor = pages[-1].next
        if cursor is None:
            return pages


def ids(pages: list[Page]) -> list[str]:
    return [entry.native_id for page in pages for entry in page.entries if isinstance(entry, Item)]


@asynccontextmanager
async def past(server: FeedServer, **more: Any) -> AsyncIterator[History]:  # noqa: ANN401 - any setting
    crawl = CrawlSettings.model_validate(settings(server.url, **more))
    async with open_histories(crawl, "rss", clock=SystemClock(), jitter=Random(1)) as (history,):
        yield history


def link(relation: str, page: int) -> str:
    return f'<link rel="{relation}" href="/feed/{page}"/>'


@pytest.mark.parametrize(
    ("write", "more"),
    [
        (atom, lambda page: link("prev-archive", page)),
        (atom, lambda page: link("next", page)),
        (json_feed, lambda page: f"/feed/{page}"),
    ],
)
async def test_linked_pages_are_read_back_to_the_ranges_start(write: Any, more: Any) -> None:  # noqa: ANN401 - each form's
    async with feed_server() as server, past(server) as history:
        server.document = write([post(n) for n in range(5)], more(1))
        for page in range(1, 5):
            posts = [post(n) for n in range(5 * page, 5 * page + 5)]
            server.pages[f"/feed/{page}"] = write(posts, more(page + 1) if page < 4 else "")
        since = NEWEST - 12 * DAY
        pages = await read_all(history, since, NEWEST)
        assert ids(pages) == [f"id-{number}" for number in range(20)]
        assert [page.reached_ns for page in pages] == [
            int((NEWEST - number * DAY).timestamp()) * 10**9 for number in (4, 9, 14, 19)
        ]
        cost = await history.cost(int(since.timestamp()) * 10**9, 0)
        assert (cost.requests, cost.exact) == (3, False)
        assert (history.source, history.channel) == ("rss", "desk")


async def test_wordpress_is_asked_for_its_pages_until_there_is_none() -> None:
    generator = "<generator>https://wordpress.org/?v=6.4</generator>"
    async with feed_server() as server, past(server) as history:
        server.document = rss([post(0), post(1)], generator)
        server.pages = {
            "/feed?paged=2": rss([post(2), post(3)], generator),
            "/feed?paged=3": rss([post(4)], generator),
        }

        async def absent(request: web.Request) -> web.Response | None:
            return web.Response(status=404) if "paged=4" in request.path_qs else None

        server.script.extend([absent] * 4)
        pages = await read_all(history, NEWEST - 99 * DAY, NEWEST)
        assert ids(pages) == [f"id-{number}" for number in range(5)]


async def test_server_that_gives_the_same_page_for_ever_is_left() -> None:
    generator = "<generator>https://wordpress.org/?v=6.4</generator>"
    async with feed_server() as server, past(server) as history:
        server.document = rss([post(0), post(1)], generator)
        pages = await read_all(history, NEWEST - 99 * DAY, NEWEST)
        assert ids(pages) == ["id-0", "id-1"]
        assert len(server.requests) == 2


async def test_feed_without_older_pages_costs_one_request() -> None:
    async with feed_server() as server, past(server) as history:
        server.document = rss([post(0)])
        assert ids(await read_all(history, NEWEST - DAY, NEWEST)) == ["id-0"]
        cost = await history.cost(0, 1)
        assert (cost.requests, cost.exact) == (1, True)


async def test_past_gives_the_same_versions_as_live() -> None:
    updated = (NEWEST + DAY).isoformat()
    async with feed_server() as server:
        server.document = atom([post(0, updated=updated), post(1)])
        async with crawling(settings(server.url), MemoryCursorStore()) as run:
            await run.until_events(2)
        async with past(server) as history:
            (page,) = await read_all(history, NEWEST - 9 * DAY, NEWEST + DAY)
        live = {(event.native_id, event.revision, event.kind) for event in run.events}
        assert live == {
            (entry.native_id, entry.revision, entry.kind)
            for entry in page.entries
            if isinstance(entry, Item)
        }


async def test_refusals_of_the_past_say_when_to_come_again() -> None:
    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "7"})

    async with feed_server() as server, past(server) as history:
        server.script.append(busy)
        with pytest.raises(Retryable) as caught:
            await history.page(0, 1, None)
        assert caught.value.retry_after_ns == 7 * 10**9
        server.document = b"<html>Log in</html>"
        with pytest.raises(Rejected, match="no feed to read"):
            await history.page(0, 1, None)
        server.document = rss([post(0)])
        page = await history.page(0, 1, "nonsense")
        assert ids([page]) == ["id-0"]


async def test_robots_file_holds_for_the_past_too() -> None:
    async with feed_server() as server, past(server) as history:
        server.robots = b"User-agent: *\nDisallow: /"
        with pytest.raises(Rejected, match="forbids"):
            await history.page(0, 1, None)
