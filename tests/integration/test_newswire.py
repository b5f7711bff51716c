"""Several connections to one news stream, and its corrections and kills, over real sockets."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from core.contracts.event import EventKind
from core.contracts.identity import event_id
from tests.integration.crawl_runs import Run, crawling
from tests.integration.news_servers import NewsSocket, news_socket
from tests.unit.crawlers.doubles import MemoryCursorStore

FIELDS = {"id": "id", "title": "title", "published": "time"}


def wire(*servers: NewsSocket, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any setting
    first, *others = servers
    stream = {
        "channel": "wire",
        "url": first.url,
        "fields": FIELDS,
        "resume_param": "after",
        "clients": [
            {"name": f"mirror{number}", "url": server.url} for number, server in enumerate(others)
        ],
        **more,
    }
    return {"save_interval_ms": 10, "newswire": [stream]}


@asynccontextmanager
async def two_servers() -> AsyncIterator[tuple[NewsSocket, NewsSocket, Run, MemoryCursorStore]]:
    store = MemoryCursorStore()
    async with (
        news_socket() as one,
        news_socket() as two,
        crawling(wire(one, two), store) as run,
    ):
        await one.until_connected()
        await two.until_connected()
        yield one, two, run, store


async def test_first_client_to_bring_an_item_wins_and_the_other_is_counted() -> None:
    async with two_servers() as (one, two, run, _):
        await one.send(("1", "a"))
        await run.until_events(1)
        await two.send(("1", "a"), ("2", "b"))
        await run.until_events(2)
        await one.send(("2", "b"), ("3", "c"))
        await run.until_events(3)
        assert run.ids == ["1", "2", "3"]
        counts = run.crawl.counts()
        assert set(counts) == {"newswire:wire", "newswire:wire#mirror0"}
        assert [one.beaten for one in counts.values()] == [1, 1]
        assert [one.events for one in counts.values()] == [2, 1]
        assert {event.channel for event in run.events} == {"wire"}
        assert all(
            event.id == event_id("newswire", "wire", event.native_id) for event in run.events
        )


async def test_stream_goes_on_through_its_other_client_while_one_is_cut() -> None:
    async with two_servers() as (one, two, run, _):
        await one.send(("1", "a"))
        await run.until_events(1)
        await one.cut()
        await two.send(("1", "a"), ("2", "b"))
        await run.until_events(2)
        assert run.ids == ["1", "2"]


async def test_each_client_resumes_from_what_it_read_itself() -> None:
    store = MemoryCursorStore()
    async with news_socket() as one, news_socket() as two:
        async with crawling(wire(one, two), store) as run:
            await one.until_connected()
            await two.until_connected()
            await one.send(("1", "a"), ("2", "b"))
            await run.until_events(2)
            await two.send(("1", "a"))
            await run.until(lambda: run.crawl.counts()["newswire:wire#mirror0"].duplicates == 1)
        assert store.cursors == {("newswire", "wire"): "2", ("newswire", "wire#mirror0"): "1"}
        async with crawling(wire(one, two), store):
            await one.until_connected()
            await two.until_connected()
        assert one.requests[-1].query["after"] == "2"
        assert two.requests[-1].query["after"] == "1"


async def test_correction_and_kill_are_events_of_the_same_item() -> None:
    fields = FIELDS | {"revision": "version"}
    settings = {
        "fields": fields,
        "type_field": "type",
        "item_types": ["news"],
        "edited_types": ["correction"],
        "deleted_types": ["kill"],
    }
    async with (
        news_socket() as server,
        crawling(wire(server, **settings), MemoryCursorStore()) as run,
    ):
        await server.until_connected()
        first = {"type": "news", "id": "1", "title": "will list", "version": 0}
        edit = {"type": "correction", "id": "1", "title": "will not list", "version": 1}
        kill = {"type": "kill", "id": "1"}
        for message in (first, edit, edit, kill, kill):
            await server.send_raw(json.dumps(message))
        await run.until_events(3)
        await run.until(lambda: run.crawl.counts()["newswire:wire"].duplicates == 2)
        assert [event.kind for event in run.events] == list(EventKind)
        assert run.ids == ["1", "1", "1"]
        assert len({event.id for event in run.events}) == 3
        assert [event.title for event in run.events] == ["will list", "will not list", None]
