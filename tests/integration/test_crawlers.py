"""Feeds and news streams over real sockets: nothing lost, nothing doubled, nobody overrun."""

import asyncio
import gzip
import json
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web

from core.contracts.errors import Fatal, Rejected
from core.contracts.event import Event
from core.contracts.topics import EVENTS
from core.contracts.trace import Trace
from core.runtime.bus.in_process import InProcessBus
from core.runtime.clock import SystemClock
from crawlers.http import USER_AGENT, fetch, open_session
from crawlers.sources.rss.feed import read_cursor
from tests.integration.crawl_runs import Run, crawling
from tests.integration.news_servers import FeedServer, NewsSocket, feed_server, news_socket
from tests.unit.crawlers.doubles import MemoryCursorStore, NarrowBus

FIELDS = {"id": "id", "title": "title", "published": "time"}


def rss(*servers: FeedServer, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any setting
    feeds = [
        {
            "channel": f"desk{number}",
            "url": server.url,
            "interval_ms": 20,
            "longest_interval_ms": 20,
        }
        for number, server in enumerate(servers)
    ]
    return {
        "save_interval_ms": 10,
        "rss": {"feeds": feeds, "allow_private": True, "jitter": 0, **more},
    }


def wire(server: NewsSocket, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any setting
    stream = {"channel": "wire", "url": server.url, "fields": FIELDS, **more}
    return {"save_interval_ms": 10, "newswire": [stream]}


def counts(run: Run, channel: str) -> tuple[int, int, dict[str, int]]:
    found = run.crawl.counts()[channel]
    return found.events, found.duplicates, dict(found.refusals)


# --- feeds ---


async def test_new_entries_are_published_once_oldest_first() -> None:
    async with feed_server() as server, crawling(rss(server), MemoryCursorStore()) as run:
        server.publish(("1", "one"), ("2", "two"))
        await run.until_events(2)
        server.publish(("1", "one"), ("2", "two"), ("3", "three"))
        await run.until_events(3)
        await server.until_asked(len(server.statuses) + 2)
        assert run.ids == ["1", "2", "3"]
        trace, event = run.traces[0], run.events[0]
        assert trace.received == event.received_ns <= trace.parsed
        assert server.requests[0].headers["User-Agent"] == USER_AGENT


@pytest.mark.parametrize(
    ("validator", "header", "value"),
    [
        ("etag", "If-None-Match", '"v1"'),
        ("last_modified", "If-Modified-Since", formatdate(usegmt=True)),
    ],
)
async def test_unchanged_feed_is_asked_conditionally_also_after_a_restart(
    validator: str, header: str, value: str
) -> None:
    store = MemoryCursorStore()
    async with feed_server() as server:
        setattr(server, validator, value)
        server.publish(("1", "one"))
        async with crawling(rss(server), store) as run:
            await server.until_asked(3)
            assert server.statuses[:3] == [200, 304, 304]
            assert counts(run, "rss:desk0") == (1, 0, {})
        asked = len(server.requests)
        async with crawling(rss(server), store) as run:
            await server.until_asked(asked + 2)
            assert server.requests[asked].headers[header] == value
            assert run.ids == []


async def test_restart_publishes_only_what_is_new() -> None:
    store = MemoryCursorStore()
    async with feed_server() as server:
        server.publish(("1", "one"), ("2", "two"))
        async with crawling(rss(server), store) as run:
            await run.until_events(2)
        server.publish(("2", "two"), ("3", "three"))
        async with crawling(rss(server), store) as run:
            await run.until_events(1)
            assert run.ids == ["3"]


async def test_entry_a_feed_still_lists_stays_known_when_the_store_forgot_its_id() -> None:
    store = MemoryCursorStore()
    async with feed_server() as server:
        server.publish(("1", "one"))
        async with crawling(rss(server), store) as run:
            await run.until_events(1)
        store.seen.clear()
        server.publish(("1", "one"), ("2", "two"))
        async with crawling(rss(server), store) as run:
            await run.until_events(1)
            assert run.ids == ["2"]


async def test_kill_before_the_save_repeats_the_same_event_ids() -> None:
    store = MemoryCursorStore()
    settings_of = rss
    async with feed_server() as server:
        server.publish(("1", "one"))
        slow = {"save_interval_ms": 3_600_000}
        async with crawling(settings_of(server) | slow, store, killed=True) as run:
            await run.until_events(1)
            before = run.events[0].id
        assert store.cursors == {}
        async with crawling(settings_of(server), store) as run:
            await run.until_events(1)
            assert run.events[0].id == before


async def test_two_crawls_of_one_channel_make_the_same_events() -> None:
    async with feed_server() as server:
        server.publish(("1", "one"))
        async with (
            crawling(rss(server), MemoryCursorStore()) as first,
            crawling(rss(server), MemoryCursorStore()) as second,
        ):
            await first.until_events(1)
            await second.until_events(1)
            assert first.events[0].id == second.events[0].id


async def test_same_post_in_two_feeds_of_one_channel_memory_is_not_mixed_up() -> None:
    async with feed_server() as one, feed_server() as two:
        one.publish(("1", "one"))
        two.publish(("1", "one"))
        async with crawling(rss(one, two), MemoryCursorStore()) as run:
            await run.until_events(2)
            assert {event.channel for event in run.events} == {"desk0", "desk1"}
            assert len({event.id for event in run.events}) == 2


async def test_busy_server_is_left_alone_for_as_long_as_it_says() -> None:
    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "1"})

    async with feed_server() as server:
        server.script.append(busy)
        server.publish(("1", "one"))
        loop = asyncio.get_running_loop()
        async with crawling(rss(server), MemoryCursorStore()) as run:
            await server.until_asked(1)
            started = loop.time()
            await run.until_events(1)
            assert loop.time() - started >= 0.9
            assert server.statuses[:2] == [429, 200]


async def test_failing_feed_recovers_and_never_holds_up_another() -> None:
    async def unavailable(request: web.Request) -> web.Response:
        return web.Response(status=503)

    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"<rss><channel><item><guid>half</guid><title>t")
        assert request.transport is not None
        request.transport.abort()
        return response

    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async def log_in_page(request: web.Request) -> web.Response:
        return web.Response(text="<html>Log in</html>", content_type="text/html")

    async with feed_server() as bad, feed_server() as good:
        bad.script.extend([unavailable, cut, hang, log_in_page])
        bad.publish(("b", "bad"))
        good.publish(("g", "good"))
        settings = rss(bad, good, timeout_ms=100)
        async with crawling(settings, MemoryCursorStore()) as run:
            await good.until_asked(5)
            assert run.ids == ["g"]
            await run.until_events(2)
            assert run.ids == ["g", "b"]
            assert counts(run, "rss:desk0") == (1, 0, {"not_a_feed": 1})


async def test_body_without_end_is_refused_unread() -> None:
    written = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
                written += 65_536
        except ConnectionError:
            return response

    async with feed_server() as server:
        server.script.append(endless)
        server.publish(("1", "one"))
        async with crawling(rss(server, max_document_bytes=100_000), MemoryCursorStore()) as run:
            await run.until_events(1)
            assert counts(run, "rss:desk0") == (1, 0, {"too_large": 1})
        assert written < 20_000_000


async def test_compressed_bomb_is_refused_unread() -> None:
    bomb = gzip.compress(bytes(50_000_000))

    async def compressed(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async with feed_server() as server:
        server.script.append(compressed)
        server.publish(("1", "one"))
        async with crawling(rss(server), MemoryCursorStore()) as run:
            await run.until_events(1)
            assert counts(run, "rss:desk0") == (1, 0, {"too_large": 1})


async def test_redirect_is_followed_but_not_for_ever() -> None:
    async def once(request: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": "/elsewhere"})

    async with (
        feed_server() as server,
        open_session(timeout_ms=5_000, connections_per_host=2, allow_private=True) as session,
    ):
        server.publish(("1", "one"))
        server.script.append(once)
        limits: dict[str, Any] = {
            "headers": {},
            "max_bytes": 10_000,
            "max_redirects": 3,
            "now_ns": 0,
        }
        fetched = await fetch(session, server.url, **limits)
        assert fetched.url.endswith("/elsewhere")
        server.script.extend([once] * 10)
        with pytest.raises(Rejected, match="more than 3 times"):
            await fetch(session, server.url, **limits)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://example.com/", "http://[", "data:,x"]
)
async def test_redirect_to_what_is_no_web_address_is_refused(location: str) -> None:
    async def away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    async with (
        feed_server() as server,
        open_session(timeout_ms=5_000, connections_per_host=2, allow_private=True) as session,
    ):
        server.script.append(away)
        with pytest.raises(Rejected):
            await fetch(
                session, server.url, headers={}, max_bytes=10_000, max_redirects=3, now_ns=0
            )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"])
async def test_private_address_is_never_connected_to(host: str) -> None:
    async with feed_server() as server:
        server.publish(("1", "one"))
        settings = rss(server, allow_private=False)
        settings["rss"]["feeds"][0]["url"] = server.url.replace("127.0.0.1", host)
        async with crawling(settings, MemoryCursorStore()) as run:
            check = run.crawl.checks()["rss:desk0"]
            await run.until(lambda: ";" in check().detail)
            assert server.requests == []


async def test_redirect_to_a_private_address_is_never_followed() -> None:
    """The outside server is real; that its address counts as public is the one thing arranged."""
    async with feed_server() as inside, feed_server() as outside:
        inside.publish(("secret", "secret"))
        port = inside.url.rsplit(":", 1)[1]

        async def lure(request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": f"http://127.0.0.2:{port}"})

        outside.script.extend([lure] * 5)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("crawlers.http.is_public", lambda address: address == "127.0.0.1")
            async with crawling(rss(outside, allow_private=False), MemoryCursorStore()) as run:
                check = run.crawl.checks()["rss:desk0"]
                await run.until(lambda: "private address" in check().detail)
        assert inside.requests == []
        assert outside.requests != []


async def test_truncated_document_is_asked_for_in_full_again() -> None:
    store = MemoryCursorStore()
    async with feed_server() as server:
        server.etag = '"v1"'
        server.publish(("1", "one"), ("2", "two"))
        whole = server.document
        server.document = whole[: whole.index(b"</item>") + 7]
        async with crawling(rss(server), store) as run:
            await run.until_events(1)
            server.document = whole
            await run.until_events(2)
            await server.until_asked(len(server.statuses) + 2)
        assert 200 in server.statuses[1:]
        cursor = read_cursor(store.cursors["rss", "desk0"])
        assert cursor is not None
        assert cursor.etag == '"v1"'


async def test_feed_moved_to_another_address_is_asked_without_the_old_validators() -> None:
    store = MemoryCursorStore()
    async with feed_server() as old, feed_server() as new:
        old.etag = new.etag = '"v1"'
        old.publish(("1", "one"))
        new.publish(("2", "two"))
        async with crawling(rss(old), store) as run:
            await run.until_events(1)
        async with crawling(rss(new), store) as run:
            await run.until_events(1)
            assert run.ids == ["2"]


async def test_silent_feed_turns_unhealthy_and_well_again() -> None:
    async def unavailable(request: web.Request) -> web.Response:
        return web.Response(status=503)

    async with feed_server() as server:
        server.script.extend([unavailable] * 3)
        server.publish(("1", "one"))
        async with crawling(rss(server, timeout_ms=1), MemoryCursorStore()) as run:
            check = run.crawl.checks()["rss:desk0"]
            await run.until(lambda: not check().ok)
            assert "503" in check().detail or "in time" in check().detail
        async with crawling(rss(server), MemoryCursorStore()) as run:
            await run.until_events(1)
            assert run.crawl.checks()["rss:desk0"]().ok


async def test_full_bus_holds_a_feed_back_without_losing_an_entry() -> None:
    bus = NarrowBus(room=1)
    async with feed_server() as server:
        server.publish(("1", "one"), ("2", "two"), ("3", "three"))
        async with crawling(rss(server), MemoryCursorStore(), bus=bus) as run:
            await run.until_events(1)
            await asyncio.sleep(0.1)
            assert run.ids == ["1"]
            bus.room = None
            await run.until_events(3)
            assert run.ids == ["1", "2", "3"]


async def test_stopped_bus_ends_the_crawl() -> None:
    def fail(event: Event, key: str, trace: Trace) -> None:
        raise Fatal("the journal is full")

    bus = InProcessBus(SystemClock())
    bus.subscribe(EVENTS, fail, group="failing")
    async with feed_server() as server:
        server.publish(("1", "one"))
        async with crawling(rss(server), MemoryCursorStore(), bus=bus) as run:
            with pytest.raises(Fatal, match="journal is full"):
                await run.supervisor.wait()


# --- streams ---


async def test_stream_items_are_published_in_order_and_once() -> None:
    async with news_socket() as server, crawling(wire(server), MemoryCursorStore()) as run:
        await server.until_connected()
        await server.send(("3", "c"), ("1", "a"), ("2", "b"), ("1", "a"), ("4", "d"))
        await run.until_events(4)
        assert run.ids == ["3", "1", "2", "4"]  # as they came, whatever their ids
        assert counts(run, "newswire:wire") == (4, 1, {})
        assert run.crawl.checks()["newswire:wire"]().ok


async def test_stream_resumes_after_a_cut_without_a_gap() -> None:
    async with news_socket() as server:
        settings = wire(server, resume_param="after")
        async with crawling(settings, MemoryCursorStore()) as run:
            await server.until_connected()
            await server.send(("1", "a"), ("2", "b"))
            await run.until_events(2)
            await server.cut()
            server.sent.append({"id": "3", "title": "missed"})
            await run.until_events(3)
            assert run.ids == ["1", "2", "3"]
            assert server.requests[1].query["after"] == "2"


async def test_stream_resumes_after_a_restart_without_a_gap() -> None:
    store = MemoryCursorStore()
    async with news_socket() as server:
        settings = wire(server, resume_param="after")
        async with crawling(settings, store) as run:
            await server.until_connected()
            assert "after" not in server.requests[0].query
            await server.send(("1", "a"))
            await run.until_events(1)
        server.sent.append({"id": "2", "title": "missed"})
        async with crawling(settings, store) as run:
            await run.until_events(1)
            assert run.ids == ["2"]


async def test_stream_that_sends_everything_again_is_deduplicated() -> None:
    store = MemoryCursorStore()
    async with news_socket() as server:
        async with crawling(wire(server), store) as run:
            await server.until_connected()
            await server.send(("1", "a"), ("2", "b"))
            await run.until_events(2)
        async with crawling(wire(server), store) as run:
            await server.until_connected()
            await server.send(("1", "a"), ("2", "b"), ("3", "c"))
            await run.until_events(1)
            assert run.ids == ["3"]
            assert counts(run, "newswire:wire") == (1, 2, {})


async def test_stream_sends_key_subscription_and_cursor_when_connecting() -> None:
    store = MemoryCursorStore()
    store.cursors["newswire", "wire"] = "41"
    async with news_socket() as server:
        settings = wire(
            server,
            subscribe={"op": "subscribe", "topics": ["news"]},
            resume_param="from",
            resume_in="subscribe",
            headers={"X-Key": "header-key"},
            query={"key": "query key&"},
        )
        async with crawling(settings, store):
            await server.until(lambda: bool(server.heard))
    expected = {"op": "subscribe", "topics": ["news"], "from": "41"}
    assert json.loads(server.heard[0]) == expected
    assert server.requests[0].headers["X-Key"] == "header-key"
    assert server.requests[0].query["key"] == "query key&"


async def test_malformed_and_oversized_messages_are_counted_and_the_socket_stays() -> None:
    async with news_socket() as server:
        settings = wire(server, max_message_bytes=1_000, type_field=None)
        async with crawling(settings, MemoryCursorStore()) as run:
            await server.until_connected()
            for raw in ("{", "7", '{"title":"no id"}', '{"id":"5"}', "x" * 1_500):
                await server.send_raw(raw)
            await server.send(("1", "a"))
            await run.until_events(1)
            assert counts(run, "newswire:wire")[2] == {
                "bad_json": 1,
                "bad_shape": 1,
                "no_id": 1,
                "no_text": 1,
                "too_large": 1,
            }
            assert len(server.requests) == 1


async def test_heartbeat_messages_are_ignored_by_their_type() -> None:
    async with news_socket() as server:
        settings = wire(server, type_field="type", item_types=["news"])
        async with crawling(settings, MemoryCursorStore()) as run:
            await server.until_connected()
            await server.send_raw('{"type":"heartbeat"}')
            await server.send_raw('{"type":"news","id":"1","title":"t"}')
            await run.until_events(1)
            assert counts(run, "newswire:wire") == (1, 0, {})
            assert run.crawl.counts()["newswire:wire"].ignored == 1


async def test_message_in_fragments_and_bytes_is_read() -> None:
    async with news_socket() as server, crawling(wire(server), MemoryCursorStore()) as run:
        await server.until_connected()
        await server.send_fragments(b'{"id":"1",', b'"title":', b'"in pieces"}')
        await server.clients[0].send_bytes(b'{"id":"2","title":"bytes"}')
        await run.until_events(2)
        assert [event.title for event in run.events] == ["in pieces", "bytes"]


async def test_ping_is_answered() -> None:
    async with news_socket() as server, crawling(wire(server), MemoryCursorStore()):
        await server.until_connected()
        await server.clients[0].ping(b"still there?")
        await server.until(lambda: server.pongs == [b"still there?"])


async def test_silent_server_is_asked_and_then_left() -> None:
    async with news_socket() as server:
        server.mute = True
        settings = wire(server, heartbeat_timeout_ms=200)
        async with crawling(settings, MemoryCursorStore()):
            await server.until(lambda: len(server.requests) >= 2)
        assert server.pings >= 1


async def test_server_that_answers_pings_is_not_left() -> None:
    async with news_socket() as server:
        settings = wire(server, heartbeat_timeout_ms=200)
        async with crawling(settings, MemoryCursorStore()) as run:
            await server.until(lambda: server.pings >= 4)
            assert len(server.requests) == 1
            assert run.crawl.checks()["newswire:wire"]().detail.startswith("answered")


async def test_stream_without_news_for_too_long_is_stale_and_connected_anew() -> None:
    told: list[str] = []
    async with news_socket() as server:
        settings = wire(server, stale_after_ms=200)
        async with crawling(settings, MemoryCursorStore(), notify=told.append) as run:
            check = run.crawl.checks()["newswire:wire"]
            await server.until(lambda: len(server.requests) >= 2)
            await run.until(lambda: "stale" in check().detail)
            assert not check().ok
            await run.until(lambda: bool(told))
            for number in range(50):
                await server.send((str(number), "a"))
                await asyncio.sleep(0.1)
                if len(told) >= 2:
                    break
            assert check().ok
        assert [one.split(" ")[0] for one in told[:2]] == ["newswire:wire", "newswire:wire"]
        assert "heard again" in told[1]


async def test_full_bus_holds_a_stream_back_in_order_also_over_a_cut() -> None:
    bus = NarrowBus(room=1)
    async with news_socket() as server:
        settings = wire(server, resume_param="after")
        async with crawling(settings, MemoryCursorStore(), bus=bus) as run:
            await server.until_connected()
            await server.send(*[(str(number), "t") for number in range(50)])
            await run.until_events(1)
            await server.cut()
            bus.room = None
            await run.until_events(50)
            assert run.ids == [str(number) for number in range(50)]


async def test_unreachable_stream_is_unhealthy_and_tried_again() -> None:
    async with news_socket() as server:
        settings = wire(server)
    async with crawling(settings, MemoryCursorStore()) as run:
        check = run.crawl.checks()["newswire:wire"]
        await run.until(lambda: "None" not in check().detail)
        assert not check().ok
        assert "not connected" in check().detail


async def test_handlers_fatal_error_ends_the_stream_and_comes_out() -> None:
    def fail(event: Event, key: str, trace: Trace) -> None:
        raise Fatal("the journal is full")

    bus = InProcessBus(SystemClock())
    bus.subscribe(EVENTS, fail, group="failing")
    async with news_socket() as server, crawling(wire(server), MemoryCursorStore(), bus=bus) as run:
        await server.until_connected()
        await server.send(("1", "a"))
        with pytest.raises(Fatal, match="journal is full"):
            await run.supervisor.wait()
