"""Cursors move only after the bus has confirmed, and nothing is skipped when saving fails."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.contracts.clock import ManualClock
from core.contracts.errors import Retryable
from core.runtime.cursors import CursorStore
from core.runtime.journal.cursors import SqlCursorStore
from core.runtime.journal.database import default_url
from crawlers.progress import DAY_NS, Channel, Progress
from tests.unit.crawlers.doubles import NOW_NS, MemoryCursorStore, NarrowBus


@pytest.fixture(params=["memory", "sql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CursorStore]:
    if request.param == "memory":
        yield MemoryCursorStore()
        return
    sql = SqlCursorStore(default_url(tmp_path))
    await sql.open()
    yield sql
    await sql.close()


async def test_store_keeps_cursor_and_ids_by_source(store: CursorStore) -> None:
    assert await store.load_cursor("rss", "a") is None
    await store.save("rss", "a", cursor="1", seen=["x", "y"], at_ns=NOW_NS)
    await store.save("rss", "a", cursor="2", seen=["x", "z"], at_ns=NOW_NS + 5)
    await store.save("newswire", "a", cursor=None, seen=["w"], at_ns=NOW_NS)
    assert await store.load_cursor("rss", "a") == "2"
    assert await store.load_cursor("newswire", "a") is None
    assert await store.load_seen("rss", 0) == ["x", "y", "z"]
    assert await store.load_seen("rss", NOW_NS + 5) == ["z"]


async def opened(
    store: CursorStore, bus: NarrowBus, clock: ManualClock | None = None
) -> tuple[Progress, Channel]:
    progress = Progress(bus, store, clock or ManualClock(NOW_NS))
    return progress, await progress.open("rss", "a")


async def test_saved_progress_is_found_after_a_restart() -> None:
    store = MemoryCursorStore()
    bus = NarrowBus()
    progress, channel = await opened(store, bus)
    assert channel.cursor is None
    channel.unsaved += ["x", "y"]
    channel.cursor = "2"
    await progress.save()
    restarted, channel = await opened(store, bus)
    assert channel.cursor == "2"
    assert await restarted.load_seen("rss", 7) == ["x", "y"]
    assert bus.flushes == 1


async def test_ids_past_the_days_asked_for_are_not_loaded() -> None:
    store = MemoryCursorStore()
    clock = ManualClock(NOW_NS)
    progress, channel = await opened(store, NarrowBus(), clock)
    channel.unsaved.append("old")
    await progress.save()
    clock.advance(2 * DAY_NS)
    assert await progress.load_seen("rss", 1) == []


async def test_nothing_is_saved_when_nothing_changed() -> None:
    store = MemoryCursorStore()
    progress, channel = await opened(store, NarrowBus())
    await progress.save()
    channel.cursor = "1"
    await progress.save()
    await progress.save()
    assert store.saves == 1


async def test_unconfirmed_events_keep_their_cursor_back() -> None:
    store = MemoryCursorStore()
    bus = NarrowBus()
    progress, channel = await opened(store, bus)
    channel.unsaved.append("x")
    channel.cursor = "1"
    bus.flush_fails = True
    with pytest.raises(Retryable):
        await progress.save()
    assert store.saves == 0
    assert progress.failure == "not confirmed"
    bus.flush_fails = False
    await progress.save()
    assert store.cursors == {("rss", "a"): "1"}
    assert progress.failure is None


async def test_store_that_is_away_gets_everything_later() -> None:
    store = MemoryCursorStore()
    progress, channel = await opened(store, NarrowBus())
    channel.unsaved.append("x")
    store.away = True
    with pytest.raises(Retryable):
        await progress.save()
    channel.unsaved.append("y")
    store.away = False
    await progress.save()
    assert await store.load_seen("rss", 0) == ["x", "y"]


async def test_events_that_come_while_saving_wait_for_the_next_save() -> None:
    store = MemoryCursorStore()

    class Busy(NarrowBus):
        async def flush(self) -> None:
            await super().flush()
            if self.flushes == 1:
                channel.unsaved.append("later")
                channel.cursor = "2"

    bus = Busy()
    progress, channel = await opened(store, bus)
    channel.unsaved.append("x")
    channel.cursor = "1"
    await progress.save()
    assert store.cursors["rss", "a"] == "1"
    assert await store.load_seen("rss", 0) == ["x"]
    await progress.save()
    assert store.cursors["rss", "a"] == "2"
    assert await store.load_seen("rss", 0) == ["x", "later"]


async def test_channel_is_opened_once() -> None:
    progress, channel = await opened(MemoryCursorStore(), NarrowBus())
    assert await progress.open("rss", "a") is channel
