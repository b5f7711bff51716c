"""The cursor store on both databases."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from core.contracts.errors import Fatal, Retryable
from core.runtime.cursors import CursorStore
from core.runtime.journal.cursors import SqlCursorStore
from core.runtime.journal.database import default_url

DAY_NS = 24 * 3_600 * 1_000_000_000
NOW_NS = 1_700_000_000_000_000_000


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return default_url(tmp_path / "data")
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture
async def store(url: str) -> AsyncIterator[CursorStore]:
    opened = SqlCursorStore(url)
    await opened.open()
    yield opened
    await opened.close()


async def test_first_start_knows_nothing(store: CursorStore) -> None:
    assert await store.load_cursor("rss", "feed") is None
    assert await store.load_seen("rss", 0) == []


async def test_saved_cursor_and_ids_are_there_after_a_restart(store: CursorStore, url: str) -> None:
    await store.save("rss", "feed", cursor='{"etag":"é"}', seen=["b", "a"], at_ns=NOW_NS)
    again = SqlCursorStore(url)
    await again.open()
    assert await again.load_cursor("rss", "feed") == '{"etag":"é"}'
    assert await again.load_seen("rss", NOW_NS) == ["b", "a"]
    await again.close()


async def test_last_cursor_of_each_channel_counts(store: CursorStore) -> None:
    await store.save("rss", "one", cursor="1", seen=[], at_ns=NOW_NS)
    await store.save("rss", "two", cursor="2", seen=[], at_ns=NOW_NS)
    await store.save("newswire", "one", cursor="3", seen=[], at_ns=NOW_NS)
    await store.save("rss", "one", cursor="4", seen=[], at_ns=NOW_NS + 1)
    await store.save("rss", "two", cursor=None, seen=[], at_ns=NOW_NS + 1)
    assert await store.load_cursor("rss", "one") == "4"
    assert await store.load_cursor("rss", "two") is None
    assert await store.load_cursor("newswire", "one") == "3"


async def test_ids_come_oldest_first_from_the_asked_time_on(store: CursorStore) -> None:
    await store.save("rss", "one", cursor="", seen=["late"], at_ns=NOW_NS + 2)
    await store.save("rss", "two", cursor="", seen=["y", "x"], at_ns=NOW_NS + 1)
    await store.save("rss", "two", cursor="", seen=["old"], at_ns=NOW_NS)
    await store.save("newswire", "one", cursor="", seen=["other"], at_ns=NOW_NS + 1)
    assert await store.load_seen("rss", NOW_NS + 1) == ["y", "x", "late"]
    assert await store.load_seen("rss", NOW_NS) == ["old", "y", "x", "late"]


async def test_id_saved_again_keeps_its_first_time(store: CursorStore) -> None:
    await store.save("rss", "one", cursor="1", seen=["a"], at_ns=NOW_NS)
    await store.save("rss", "one", cursor="2", seen=["a", "b", "b"], at_ns=NOW_NS + 1)
    assert await store.load_seen("rss", 0) == ["a", "b"]
    assert await store.load_seen("rss", NOW_NS + 1) == ["b"]
    assert await store.load_cursor("rss", "one") == "2"


async def test_ids_past_retention_are_dropped(url: str) -> None:
    store = SqlCursorStore(url, retention_ns=DAY_NS)
    await store.open()
    await store.save("rss", "one", cursor="1", seen=["a"], at_ns=NOW_NS)
    await store.save("newswire", "one", cursor="1", seen=["b"], at_ns=NOW_NS)
    await store.save("rss", "one", cursor="2", seen=["c"], at_ns=NOW_NS + DAY_NS)
    assert await store.load_seen("rss", 0) == ["a", "c"]
    await store.save("rss", "one", cursor="3", seen=[], at_ns=NOW_NS + DAY_NS + 1)
    assert await store.load_seen("rss", 0) == ["c"]
    assert await store.load_seen("newswire", 0) == ["b"]
    await store.close()


async def test_failed_save_keeps_neither_cursor_nor_ids(store: CursorStore) -> None:
    await store.save("rss", "one", cursor="1", seen=["a"], at_ns=NOW_NS)
    with pytest.raises(Fatal):
        await store.save("rss", "one", cursor="2", seen=["b", None], at_ns=NOW_NS)  # type: ignore[list-item]
    assert await store.load_cursor("rss", "one") == "1"
    assert await store.load_seen("rss", 0) == ["a"]


async def test_many_stores_save_at_once(store: CursorStore, url: str) -> None:
    others = [SqlCursorStore(url) for _ in range(4)]
    await asyncio.gather(*(other.open() for other in others))
    await asyncio.gather(
        *(
            other.save("rss", str(channel), cursor=str(n), seen=[f"{channel}-{n}"], at_ns=NOW_NS)
            for channel, other in enumerate(others)
            for n in range(5)
        )
    )
    assert len(await store.load_seen("rss", 0)) == 20
    await asyncio.gather(*(other.close() for other in others))


async def test_database_that_is_away_is_retryable_and_its_password_hidden(
    unused_tcp_port: int,
) -> None:
    store = SqlCursorStore(f"postgresql+psycopg://tidings:secret@127.0.0.1:{unused_tcp_port}/x")
    with pytest.raises(Retryable, match=r"tidings:\*\*\*@127\.0\.0\.1") as failed:
        await store.open()
    assert "secret" not in str(failed.value)


@pytest.mark.postgres
async def test_wrong_password_is_hidden(postgres_database: str) -> None:
    wrong = make_url(postgres_database).set(password="not-this")
    store = SqlCursorStore(wrong.render_as_string(hide_password=False))
    with pytest.raises(Retryable, match="password authentication failed") as failed:
        await store.open()
    assert "not-this" not in str(failed.value)


async def test_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="not open"):
        await SqlCursorStore(default_url(tmp_path)).load_seen("rss", 0)
