"""What every source keeps: each item one event, nothing lost, nothing doubled, all times UTC."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest

from core.contracts.event import TimePrecision
from core.contracts.identity import event_id
from core.runtime.journal.cursors import SqlCursorStore
from core.runtime.journal.database import default_url
from tests.contract.sources.announcements import (
    announcement_feed,
    announcement_list,
    status_page,
)
from tests.contract.sources.medium import medium
from tests.contract.sources.reddit import reddit
from tests.contract.sources.telegram import telegram
from tests.contract.sources.twitter import twitter_search, twitter_stream
from tests.contract.sources.webhook import webhook
from tests.integration.crawl_runs import Run, crawling
from tests.integration.news_servers import feed_server, news_socket
from tests.unit.crawlers.doubles import MemoryCursorStore, NarrowBus

AN_HOUR_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


class Post(NamedTuple):
    """What a source's server is asked to serve; titles are HTML, texts where there are none."""

    native_id: str
    title: str | None = "title"
    published: datetime | None = AN_HOUR_AGO


class Server(Protocol):
    """One source's server."""

    source: str
    settings: dict[str, Any]

    async def serve(self, *posts: Post) -> None:
        """Serve posts, the last one newest; those served before stay."""

    async def serve_nonsense(self) -> None:
        """Serve once what is no document or message at all."""


class RssServer:
    source = "rss"

    def __init__(self, server: Any) -> None:  # noqa: ANN401 - as the context manager gives it
        self._server = server
        self._items: list[str] = []
        feed = {"channel": "channel", "url": server.url, "interval_ms": 20}
        self.settings = {"rss": {"feeds": [feed], "allow_private": True}}

    async def serve(self, *posts: Post) -> None:
        for post in posts:
            parts = [f'<guid isPermaLink="false">{escape(post.native_id)}</guid>']
            if post.title is not None:
                parts.append(f"<title>{escape(post.title)}</title>")
            if post.published is not None:
                parts.append(f"<pubDate>{format_datetime(post.published)}</pubDate>")
            self._items.insert(0, f"<item>{''.join(parts)}</item>")
        items = "".join(self._items)
        self._server.document = f'<rss version="2.0"><channel>{items}</channel></rss>'.encode()

    async def serve_nonsense(self) -> None:
        self._server.document = b"<html><body>Service unavailable</body></html>"
        asked = len(self._server.statuses)
        await self._server.until_asked(asked + 2)


class NewswireServer:
    source = "newswire"

    def __init__(self, server: Any) -> None:  # noqa: ANN401 - as the context manager gives it
        self._server = server
        stream = {
            "channel": "channel",
            "url": server.url,
            "fields": {"id": "id", "title": "title", "published": "at"},
            "format": "html",
            "resume_param": "after",
        }
        self.settings = {"newswire": [stream]}

    async def serve(self, *posts: Post) -> None:
        await self._server.until_connected()
        for post in posts:
            at = post.published.isoformat() if post.published else None
            item = {"id": post.native_id, "title": post.title, "at": at}
            self._server.sent.append(item)
            await self._server.send_raw(json.dumps(item))

    async def serve_nonsense(self) -> None:
        await self._server.until_connected()
        await self._server.send_raw("<html>Service unavailable</html>")


@asynccontextmanager
async def rss() -> AsyncIterator[Server]:
    async with feed_server() as server:
        adapted = RssServer(server)
        await adapted.serve()
        yield adapted


@asynccontextmanager
async def newswire() -> AsyncIterator[Server]:
    async with news_socket() as server:
        yield NewswireServer(server)


SOURCES: dict[str, Callable[[], AbstractAsyncContextManager[Server]]] = {
    "rss": rss,
    "medium": medium,
    "newswire": newswire,
    "announcements": announcement_list,
    "announcements-feed": announcement_feed,
    "announcements-status": status_page,
    "webhook": webhook,
    "reddit": reddit,
    "twitter": twitter_stream,
    "twitter-search": twitter_search,
    "telegram": telegram,
}


@pytest.fixture(params=SOURCES)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    async with SOURCES[request.param]() as running:
        running.settings["save_interval_ms"] = 10
        yield running


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlCursorStore]:
    sql = SqlCursorStore(default_url(tmp_path))
    await sql.open()
    yield sql
    await sql.close()


def refusals(run: Run) -> dict[str, int]:
    (counts,) = run.crawl.counts().values()
    # An empty feed is refused each time it is read; how often depends on the interval.
    return {reason: count for reason, count in counts.refusals.items() if reason != "empty_feed"}


async def test_each_item_is_one_event_with_its_own_identity(
    server: Server, store: SqlCursorStore
) -> None:
    async with crawling(server.settings, store) as run:
        await server.serve(Post("1", "first"), Post("2", "second"))
        await run.until_events(2)
        assert [event.title or event.text for event in run.events] == ["first", "second"]
        for event in run.events:
            assert (event.source, event.channel) == (server.source, "channel")
            assert event.id == event_id(server.source, "channel", event.native_id)


async def test_time_in_any_zone_becomes_utc(server: Server, store: SqlCursorStore) -> None:
    async with crawling(server.settings, store) as run:
        east = AN_HOUR_AGO.astimezone(datetime.strptime("+0530", "%z").tzinfo)
        await server.serve(Post("1", published=east), Post("2", published=None))
        await run.until_events(2)
        dated, undated = sorted(run.events, key=lambda event: event.native_id)
        assert dated.published_ns == int(AN_HOUR_AGO.timestamp()) * 10**9
        assert dated.published_precision is TimePrecision.EXACT
        assert undated.published_ns == undated.received_ns
        assert undated.published_precision is TimePrecision.RECEIVED


async def test_stamps_follow_one_another(server: Server, store: SqlCursorStore) -> None:
    async with crawling(server.settings, store) as run:
        await server.serve(Post("1"))
        await run.until_events(1)
        (event,), (trace,) = run.events, run.traces
        assert event.received_ns == trace.received <= trace.parsed


async def test_item_served_again_is_dropped(server: Server, store: SqlCursorStore) -> None:
    async with crawling(server.settings, store) as run:
        await server.serve(Post("1"), Post("1", "the same again"))
        await server.serve(Post("2"))
        await run.until_events(2)
        assert run.ids == ["1", "2"]
        (counts,) = run.crawl.counts().values()
        assert counts.duplicates >= 1


async def test_restart_neither_repeats_nor_misses(server: Server, store: SqlCursorStore) -> None:
    async with crawling(server.settings, store) as run:
        await server.serve(Post("1"), Post("2"))
        await run.until_events(2)
    async with crawling(server.settings, store) as run:
        await server.serve(Post("2"), Post("3"))
        await run.until_events(1)
        assert run.ids == ["3"]


async def test_kill_before_the_cursor_moved_repeats_the_same_ids(
    server: Server, store: SqlCursorStore
) -> None:
    server.settings["save_interval_ms"] = 3_600_000
    async with crawling(server.settings, store, killed=True) as run:
        await server.serve(Post("1"))
        await run.until_events(1)
        before = run.events[0].id
    assert await store.load_cursor(server.source, "channel") is None
    async with crawling(server.settings, store) as run:
        await server.serve(Post("1"))
        await run.until_events(1)
        assert run.events[0].id == before


async def test_cursor_waits_for_the_bus_to_confirm(server: Server) -> None:
    memory, bus = MemoryCursorStore(), NarrowBus()
    bus.flush_fails = True
    async with crawling(server.settings, memory, bus=bus) as run:
        await server.serve(Post("1"))
        await run.until_events(1)
        check = run.crawl.checks()["cursors"]
        await run.until(lambda: not check().ok)
        assert memory.cursors == {}
        bus.flush_fails = False
        await run.until(lambda: bool(memory.seen))
        assert memory.seen.keys() == {(server.source, run.events[0].id)}


async def test_full_bus_loses_nothing_and_keeps_the_order(
    server: Server, store: SqlCursorStore
) -> None:
    bus = NarrowBus(room=1)
    async with crawling(server.settings, store, bus=bus) as run:
        await server.serve(*(Post(str(number)) for number in range(20)))
        await run.until_events(1)
        bus.room = None
        await run.until_events(20)
        assert run.ids == [str(number) for number in range(20)]


async def test_nonsense_is_a_named_refusal_and_the_source_goes_on(
    server: Server, store: SqlCursorStore
) -> None:
    async with crawling(server.settings, store) as run:
        await server.serve(Post("1"))
        await run.until_events(1)
        await server.serve_nonsense()
        await run.until(lambda: bool(refusals(run)))
        assert set(refusals(run)) <= {"not_a_feed", "bad_json", "bad_shape"}
        await server.serve(Post("2"))
        await run.until_events(2)
        assert run.ids == ["1", "2"]


async def test_bad_items_are_named_refusals_and_leave_the_others(
    server: Server, store: SqlCursorStore
) -> None:
    future = datetime.now(UTC) + timedelta(days=400)
    async with crawling(server.settings, store) as run:
        await server.serve(Post("1", None), Post("2", published=future), Post("3"))
        await run.until_events(1)
        assert run.ids == ["3"]
        assert set(refusals(run)) == {"no_text", "future"}


async def test_hostile_text_is_made_plain(server: Server, store: SqlCursorStore) -> None:
    title = "<b>Bit\u200bcoin</b>\u202e &amp; <script>x()</script>more"
    async with crawling(server.settings, store) as run:
        await server.serve(Post("1", "plain"), Post("2", title))
        await run.until_events(2)
        said = [event.title or event.text for event in run.events]
        assert said == ["plain", "Bitcoin & more"]
        assert [event.removed_characters for event in run.events] == [0, 2]


async def test_source_at_work_is_healthy(server: Server, store: SqlCursorStore) -> None:
    async with crawling(server.settings, store) as run:
        await server.serve(Post("1"))
        await run.until_events(1)
        checks = run.crawl.checks()
        assert set(checks) == {"cursors", f"{server.source}:channel"}
        assert all(check().ok for check in checks.values())
