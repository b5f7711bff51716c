"""Telegram's past over its own protocol: pages, albums at their edges, limits, resuming."""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from telethon import types

from core.contracts.errors import ConfigurationError, Rejected, Retryable
from core.contracts.event import Event, EventKind
from core.runtime.clock import SystemClock
from crawlers.backfill.gather import gather
from crawlers.backfill.work import Job, WorkFile
from crawlers.history import History, Page
from crawlers.item import Item
from crawlers.service import open_histories
from crawlers.settings import CrawlSettings
from tests.integration.crawl_runs import crawling
from tests.servers.telegram import TelegramServer
from tests.unit.crawlers.doubles import MemoryCursorStore

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    running = TelegramServer()
    await running.start()
    yield running
    await running.stop()


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def ns(when: datetime) -> int:
    return int(when.timestamp()) * 10**9


@asynccontextmanager
async def history(server: TelegramServer, **changed: object) -> AsyncIterator[History]:
    settings = CrawlSettings.model_validate({"telegram": {**server.settings, **changed}})
    opened = open_histories(settings, "telegram", clock=SystemClock(), jitter=Random(1))
    async with opened as histories:
        yield histories[0]


async def pages(past: History, since: datetime, until: datetime) -> list[Page]:
    found, cursor = [], None
    while True:
        page = await past.page(ns(since), ns(until), cursor)
        found.append(page)
        if page.next is None:
            return found
        cursor = page.next


def items(found: Sequence[Page]) -> list[Item]:
    return [entry for page in found for entry in page.entries if isinstance(entry, Item)]


async def serve(server: TelegramServer, count: int) -> None:
    """Serve a message a minute, ids from 1."""
    await server.serve(*(server.message(n, str(n), date=at(n)) for n in range(1, count + 1)))


async def test_range_is_read_oldest_first_in_pages(server: TelegramServer) -> None:
    await serve(server, 500)
    async with history(server) as past:
        found = await pages(past, at(100), at(400))
    read = [int(item.native_id) for item in items(found)]
    assert read == sorted(read)
    assert read[0] == 100
    assert set(range(100, 400)) <= set(read)
    assert len(found) <= 4
    reached = [page.reached_ns or 0 for page in found]
    assert reached == sorted(reached)


async def test_same_cursor_gives_the_same_page(server: TelegramServer) -> None:
    await serve(server, 250)
    async with history(server) as past:
        first = await past.page(ns(at(1)), ns(at(900)), None)
        second = await past.page(ns(at(1)), ns(at(900)), first.next)
    async with history(server) as past:  # another process goes on
        assert await past.page(ns(at(1)), ns(at(900)), first.next) == second


async def test_empty_range_is_one_page(server: TelegramServer) -> None:
    await serve(server, 5)
    async with history(server) as past:
        assert await pages(past, at(100), at(200)) == [Page((), None, ns(at(200)))]


@pytest.mark.parametrize("start", range(92, 103))
async def test_album_at_the_edge_of_a_page_is_one_item(server: TelegramServer, start: int) -> None:
    album = range(start, start + 10)
    for number in range(1, 131):
        grouped = 7 if number in album else None
        message = server.message(number, str(number), date=at(number), grouped_id=grouped)
        server.channel.messages[number] = message
    async with history(server) as past:
        read = items(await pages(past, at(0), at(900)))
    ids = [item.native_id for item in read]
    alone = [str(number) for number in range(1, 131) if number not in album[1:]]
    assert list(dict.fromkeys(ids)) == alone
    assert {item.text for item in read if item.native_id == str(start)} == {
        "\n".join(map(str, album))
    }


async def test_album_last_in_the_channel_is_read(server: TelegramServer) -> None:
    await serve(server, 3)
    parts = [server.message(n, str(n), date=at(n), grouped_id=7) for n in (4, 5)]
    await server.serve(*parts)
    async with history(server) as past:
        read = items(await pages(past, at(0), at(900)))
    assert [item.native_id for item in read] == ["1", "2", "3", "4"]


async def test_range_that_begins_within_an_album_leaves_it_to_the_range_before(
    server: TelegramServer,
) -> None:
    parts = [server.message(n, str(n), date=at(n), grouped_id=7) for n in (4, 5)]
    await server.serve(*parts, server.message(6, "6", date=at(6)))
    async with history(server) as past:
        read = items(await pages(past, at(5), at(900)))
    assert [(item.native_id, item.text) for item in read] == [("4", "4\n5"), ("6", "6")]
    assert read[0].published == int(at(4).timestamp())  # which is outside


async def test_service_messages_and_holes_are_passed_over(server: TelegramServer) -> None:
    action = types.MessageActionPinMessage()
    peer = server.channel.peer
    for number in range(1, 121):  # more than a page
        server.channel.messages[number] = types.MessageService(
            id=number, peer_id=peer, date=at(number), action=action
        )
    await server.serve(server.message(150, "after the hole", date=at(150)))
    async with history(server) as past:
        read = items(await pages(past, at(0), at(900)))
    assert [item.text for item in read] == ["after the hole"]


async def test_past_and_live_agree_on_each_version(server: TelegramServer, tmp_path: Path) -> None:
    store = MemoryCursorStore()
    async with crawling({"telegram": server.settings}, store) as run:
        await server.until_following()
        now = datetime.now(UTC).replace(microsecond=0)
        await server.serve(server.message(1, "as written", date=now))
        await server.serve(*(server.message(n, str(n), date=now, grouped_id=7) for n in (2, 3)))
        await server.serve(server.message(4, "to be edited", date=now))
        server.edit(4, now + timedelta(seconds=1), message="edited")
        await run.until_events(4)
        live = {(one.native_id, one.revision, one.kind, one.text) for one in run.events}
    events = await backfilled(
        server, tmp_path / "work", now - timedelta(hours=1), now + timedelta(hours=1)
    )
    past = {(one.native_id, one.revision, one.kind, one.text) for one in events}
    assert past == live - {("4", 0, EventKind.PUBLISHED, "to be edited")}
    assert {one.id for one in events} <= {one.id for one in run.events}


async def backfilled(
    server: TelegramServer, path: Path, since: datetime, until: datetime
) -> list[Event]:
    """Run the backfill's own reader."""
    job = Job(source="telegram", channels=("channel",), since_ns=ns(since), until_ns=ns(until))
    work = WorkFile(path)
    work.begin(job)
    async with history(server) as past:
        await gather([past], work, job, on_step=lambda _step: None, jitter=Random(1))
    events = list(work.events())
    work.close()
    return events


async def test_flood_wait_is_retryable_with_its_wait(server: TelegramServer) -> None:
    await serve(server, 5)
    async with history(server) as past:
        server.floods["GetHistory"] = deque([77])
        with pytest.raises(Retryable, match="wait 77 s") as caught:
            await past.page(ns(at(0)), ns(at(9)), None)
        assert caught.value.retry_after_ns == 77 * 10**9


async def test_cut_connection_is_retryable_and_made_anew(server: TelegramServer) -> None:
    await serve(server, 5)
    async with history(server) as past:

        async def ask_until_it_fails() -> None:
            while True:
                await past.page(ns(at(0)), ns(at(9)), None)

        await past.page(ns(at(0)), ns(at(9)), None)
        server.cut()
        with pytest.raises(Retryable):
            await ask_until_it_fails()
        assert len(items([await past.page(ns(at(0)), ns(at(9)), None)])) == 5


async def test_no_answer_is_retryable_and_the_line_is_left(server: TelegramServer) -> None:
    await serve(server, 5)
    async with history(server, timeout_ms=200) as past:
        await past.page(ns(at(0)), ns(at(9)), None)
        server.mute = True
        with pytest.raises(Retryable, match="no answer in time"):
            await past.page(ns(at(0)), ns(at(9)), None)
        server.mute = False
        connections = server.connections
        await past.page(ns(at(0)), ns(at(9)), None)
        assert server.connections == connections + 1


async def test_lost_session_is_refused_with_the_steps(server: TelegramServer) -> None:
    server.broken_session = (401, "SESSION_REVOKED")
    async with history(server) as past:
        with pytest.raises(Rejected, match=r"telegram\.login"):
            await past.page(ns(at(0)), ns(at(9)), None)


async def test_channel_the_account_was_removed_from_is_refused(server: TelegramServer) -> None:
    server.failures["GetHistory"] = deque([(400, "CHANNEL_PRIVATE")])
    async with history(server) as past:
        with pytest.raises(Rejected, match="is private"):
            await past.page(ns(at(0)), ns(at(9)), None)


async def test_cost_is_estimated_by_ids(server: TelegramServer) -> None:
    await serve(server, 500)
    async with history(server) as past:
        cost = await past.cost(ns(at(100)), ns(at(400)))
        asked = server.requests["GetHistory"]
        found = await pages(past, at(100), at(400))
    assert asked == 2
    assert not cost.exact
    assert len(found) <= cost.requests <= 5
    assert "300 messages" in cost.quota


async def test_session_file_serves_live_and_past_at_once(
    server: TelegramServer, tmp_path: Path
) -> None:
    path = tmp_path / "account.session"
    server.write_session(path)
    server.settings = {**server.settings, "session": str(path), "session_string": None}
    await serve(server, 3)
    async with crawling({"telegram": server.settings}, MemoryCursorStore()) as run:
        await run.until_events(3)
        async with history(server) as past:
            assert len(items(await pages(past, at(0), at(9)))) == 3


async def test_no_session_is_a_configuration_error(server: TelegramServer, tmp_path: Path) -> None:
    missing = {"session": str(tmp_path / "none"), "session_string": None}
    with pytest.raises(ConfigurationError, match=r"telegram\.login"):
        async with history(server, **missing):
            pass
