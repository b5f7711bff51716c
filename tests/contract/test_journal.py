"""The journal on both databases: exactly once, equal, in order, through kills and outages."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import msgspec
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.clock import ManualClock
from core.contracts.errors import ConfigurationError, Fatal, Rejected, Retryable
from core.contracts.gate import GateChange, GateState
from core.contracts.money import Amount
from core.contracts.orders import (
    Approved,
    Fill,
    Intent,
    OrderReport,
    Refused,
    RefuseReason,
    Report,
    Side,
)
from core.contracts.signal import Direction, EventType, Signal
from core.contracts.story import AssetStories, Story
from core.runtime.journal import database, sql
from core.runtime.journal import journal as facade
from core.runtime.journal.database import default_url, open_engine, parse_url
from core.runtime.journal.journal import Journal
from core.runtime.journal.kinds import (
    EXIT_CLOSED,
    GATE,
    INTENT,
    KINDS,
    REFUSED,
    REPORT,
    SIGNAL,
    STORIES,
    ExitClosed,
)
from core.runtime.journal.log import JournalLog, Position
from core.runtime.journal.models import Base
from core.runtime.journal.reader import JournalReader
from core.runtime.journal.schema import upgrade
from core.runtime.journal.segments import Entry
from tests.contract.journal_killed import NUMBERS_A_ROUND
from tests.unit.journal_examples import any_record

ROOT = Path(__file__).resolve().parents[2]
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
Away = Callable[[], AbstractContextManager[None]]
NOW_NS = 1_700_000_000_000_000_000


def closed(number: int) -> ExitClosed:
    return ExitClosed(entry_client_order_id="e", closed_ns=number)


def approved(order: str) -> Approved:
    intent = Intent(
        client_order_id=order,
        signal_id="s",
        desk="event",
        leg="entry",
        venue="hitbtc",
        symbol="BTCUSDT",
        asset="BTC",
        quote_asset="USDT",
        side=Side.BUY,
        quantity=Amount("1E-7"),
        limit_price=Amount("50000.010"),
        created_ns=NOW_NS,
        expires_ns=NOW_NS + 1,
    )
    return Approved(intent=intent, approved_ns=NOW_NS)


def fill(order: str, *, received_ns: int = 3) -> Fill:
    return Fill(
        trade_id="1",
        client_order_id=order,
        venue="hitbtc",
        symbol="BTCUSDT",
        side=Side.BUY,
        price=Amount("50000.01"),
        quantity=Amount("0.0000001"),
        fee=Amount("-0.1"),
        fee_asset="USDT",
        taker=True,
        venue_ns=2,
        received_ns=received_ns,
    )


def report(order: str, what: Report, execution: Fill | None = None) -> OrderReport:
    return OrderReport(
        client_order_id=order,
        venue="hitbtc",
        symbol="BTCUSDT",
        report=what,
        fill=execution,
        received_ns=4,
    )


def stories(asset: str, mentions: int) -> AssetStories:
    story = Story(
        id="st",
        asset=asset,
        event_type=EventType.HACK,
        direction=Direction.SELL,
        first_event_id="ev",
        actors=("a", "b"),
        signalled=True,
        first_received_ns=1,
        last_received_ns=2,
        mentions=mentions,
    )
    return AssetStories(asset=asset, stories=(story,), changed_ns=mentions)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return default_url(tmp_path / "data")
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_NS)


@pytest.fixture
async def journal(directory: Path, url: str, clock: ManualClock) -> AsyncIterator[Journal]:
    opened = Journal(directory, url, clock=clock)
    await opened.open()
    yield opened
    await opened.close()


@contextmanager
def sqlite_away(url: str) -> Iterator[None]:
    """Keep the write lock, as a process that hangs in its transaction does."""
    other = sqlite3.connect(str(make_url(url).database), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.close()


@contextmanager
def postgres_away(url: str) -> Iterator[None]:
    """Cut all connections to the database and let none in."""
    name = make_url(url).database
    server = make_url(url).set(drivername="postgresql", database="postgres")
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as other:
        other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())


@pytest.fixture
def away(url: str, monkeypatch: pytest.MonkeyPatch) -> Away:
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_MS", 1)
    kind = sqlite_away if url.startswith("sqlite") else postgres_away
    return lambda: kind(url)


def count_segments(directory: Path) -> int:
    return len(list(directory.glob("*.jsonl")))


async def sql_write(url: str, statement: str) -> None:
    engine = open_engine(parse_url(url))
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what it waits for is in other processes
            await asyncio.sleep(0.01)


async def sql_rows(url: str, query: str) -> list[tuple[object, ...]]:
    engine = open_engine(parse_url(url))
    async with engine.begin() as connection:
        rows = [tuple(row) for row in await connection.execute(text(query))]
    await engine.dispose()
    return rows


@given(records=st.lists(any_record(WORDS), min_size=1, max_size=12))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_appended_is_loaded_back_equal_and_in_order(
    directory: Path, url: str, records: list[tuple[str, msgspec.Struct]]
) -> None:
    async def append_and_load() -> None:
        journal = Journal(directory, url, clock=ManualClock(NOW_NS))
        await journal.open()
        before = {kind: len(await journal.load(kind)) for kind in KINDS}
        newest = {value.asset: value for value in await journal.load_stories()}
        journal.append_many(records)
        await journal.flush()
        assert journal.behind == 0
        for kind in KINDS.keys() - {STORIES}:
            appended = [record for name, record in records if name == kind]
            assert (await journal.load(kind))[before[kind] :] == appended
        newest |= {
            record.asset: record for _, record in records if isinstance(record, AssetStories)
        }
        assert {value.asset: value for value in await journal.load_stories()} == newest
        await journal.close()

    asyncio.run(append_and_load())


def test_tables_of_the_migrations_are_those_of_the_models(url: str) -> None:
    upgrade(url)
    upgrade(url)  # again, and nothing happens
    parsed = make_url(url)
    if parsed.drivername == database.SQLITE:
        parsed = parsed.set(drivername="sqlite")
    engine = create_engine(parsed)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert inspect(connection).has_table("intents")
    engine.dispose()


def test_processes_that_start_together_all_find_their_tables(url: str) -> None:
    program = "import sys; from core.runtime.journal.schema import upgrade; upgrade(sys.argv[1])"
    started = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", program, url], cwd=ROOT)
        for _ in range(3)
    ]
    assert [process.wait() for process in started] == [0, 0, 0]


async def test_database_of_a_later_version_is_refused(url: str, journal: Journal) -> None:
    await sql_write(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Fatal, match="has the tables of another version"):
        upgrade(url)


@pytest.mark.slow
def test_each_record_is_copied_exactly_once_however_often_copying_is_killed(
    directory: Path, url: str
) -> None:
    program = [
        sys.executable,
        "-m",
        "tests.contract.journal_killed",
        str(directory),
        url,
        "20",
        "7",
    ]
    killed = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, check=True)
    assert killed.stderr == ""
    returned = [int(line) for line in killed.stdout.split()]
    assert len({number // NUMBERS_A_ROUND for number in returned}) >= 5  # rounds that appended

    async def load_all() -> list[int]:
        journal = Journal(directory, url, clock=ManualClock(NOW_NS))
        await journal.open()
        found = [record.closed_ns for record in await journal.load(EXIT_CLOSED)]
        await journal.close()
        return found

    found = asyncio.run(load_all())
    assert sorted(set(found)) == found  # none twice, and in order
    assert set(returned) <= set(found)  # none lost
    assert len(found) <= len(returned) + 20  # each kill may come between an append and its print


async def test_restart_copies_what_was_appended_but_not_copied(
    directory: Path, url: str, journal: Journal, clock: ManualClock
) -> None:
    journal.append(EXIT_CLOSED, closed(1))
    await journal.close()
    log = JournalLog(directory)
    log.append(EXIT_CLOSED, closed(2), NOW_NS)
    log.close()
    journal = Journal(directory, url, clock=clock)
    await journal.open()
    assert await journal.load(EXIT_CLOSED) == [closed(1), closed(2)]
    await journal.close()


async def test_load_gives_what_was_appended_since(journal: Journal, clock: ManualClock) -> None:
    assert await journal.load_latest_gate() is None
    for number in range(4):
        journal.append(EXIT_CLOSED, closed(number))
        state = GateState.HALTED if number % 2 else GateState.ACTIVE
        change = GateChange(state=state, reason=str(number), by="test", changed_ns=number)
        journal.append(GATE, change)
        journal.append(STORIES, stories("ABA"[number % 3], number))
        clock.advance(10)
    await journal.flush()
    assert await journal.load(EXIT_CLOSED, NOW_NS + 20) == [closed(2), closed(3)]
    assert await journal.load_latest_gate() == change
    assert await journal.load_stories(NOW_NS) == [stories("B", 1), stories("A", 3)]
    assert await journal.load_stories(NOW_NS + 11) == [stories("A", 3)]


async def test_execution_told_twice_is_one_fill_and_two_reports(url: str, journal: Journal) -> None:
    first = report("t1", Report.FILLED, fill("t1"))
    again = report("t1", Report.FILLED, fill("t1", received_ns=9))
    journal.append(REPORT, first)
    await journal.flush()
    journal.append(REPORT, again)
    journal.append(REPORT, report("t2", Report.FILLED, fill("t2")))
    await journal.flush()
    assert (await journal.load(REPORT))[:2] == [first, again]
    async with JournalReader(url) as reader:
        assert await reader.fills() == [fill("t2"), fill("t1")]


async def test_amounts_stand_in_sql_as_plain_digits(url: str, journal: Journal) -> None:
    journal.append(INTENT, approved("t1"))
    await journal.flush()
    rows = await sql_rows(url, "SELECT quantity, limit_price, side, time_in_force FROM intents")
    assert rows == [("0.0000001", "50000.010", "buy", "IOC")]


async def test_nul_in_a_venues_words_does_not_stop_the_copy(journal: Journal) -> None:
    change = GateChange(state=GateState.HALTED, reason="a\x00b", by="test", changed_ns=1)
    journal.append(GATE, change)
    await journal.flush()
    assert await journal.load_latest_gate() == msgspec.structs.replace(change, reason="a\ufffdb")


async def test_added_kind_is_kept_whole(directory: Path, url: str, clock: ManualClock) -> None:
    class Note(msgspec.Struct):
        text: str

    journal = Journal(directory, url, clock=clock, kinds={**KINDS, "note": Note})
    await journal.open()
    journal.append("note", Note("a\x00"))
    journal.append("note", Note("b"))
    await journal.flush()
    assert await journal.load("note") == [Note("a\x00"), Note("b")]
    await journal.close()


async def test_copied_segments_are_deleted(directory: Path, url: str, clock: ManualClock) -> None:
    journal = Journal(directory, url, clock=clock, segment_bytes=100)
    await journal.open()
    for number in range(20):
        journal.append(EXIT_CLOSED, closed(number))
    assert count_segments(directory) == 10
    await journal.flush()
    assert count_segments(directory) == 1
    assert await journal.load(EXIT_CLOSED) == [closed(number) for number in range(20)]
    await journal.close()


async def test_log_of_another_database_is_refused(
    directory: Path, url: str, clock: ManualClock, tmp_path: Path
) -> None:
    journal = Journal(directory, url, clock=clock, segment_bytes=100)
    await journal.open()
    for number in range(5):
        journal.append(EXIT_CLOSED, closed(number))
    await journal.close()
    other = Journal(directory, default_url(tmp_path / "other"), clock=clock)
    with pytest.raises(ConfigurationError, match="was copied to another database"):
        await other.open()
    await journal.open()  # the refused one has let go of the lock
    await journal.close()


async def test_new_log_on_an_old_database_adds_to_it(
    directory: Path, url: str, journal: Journal, clock: ManualClock
) -> None:
    journal.append(EXIT_CLOSED, closed(1))
    await journal.close()
    journal = Journal(directory.with_name("new"), url, clock=clock)
    await journal.open()
    journal.append(EXIT_CLOSED, closed(2))
    await journal.flush()
    assert await journal.load(EXIT_CLOSED) == [closed(1), closed(2)]
    await journal.close()


async def test_log_that_lost_its_end_in_a_power_cut_goes_on_behind_what_sql_has(
    directory: Path, url: str, journal: Journal, clock: ManualClock
) -> None:
    journal.append(EXIT_CLOSED, closed(1))
    journal.append(EXIT_CLOSED, closed(2))
    await journal.close()
    path = directory / "journal-00000001.jsonl"
    path.write_bytes(path.read_bytes()[:80])
    for number in (3, 4):
        journal = Journal(directory, url, clock=clock)
        await journal.open()
        journal.append(EXIT_CLOSED, closed(number))
        await journal.flush()
        assert await journal.load(EXIT_CLOSED) == [closed(n) for n in range(1, number + 1)]
        await journal.close()


async def test_answer_lost_after_the_commit_copies_nothing_twice(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(EXIT_CLOSED, closed(1))
    real = sql.copy

    async def copy_and_lose_the_answer(
        engine: AsyncEngine, log_id: str, entries: list[Entry], before: Position, after: Position
    ) -> bool:
        await real(engine, log_id, entries, before, after)
        raise OperationalError("COMMIT", None, Exception("connection lost"))

    monkeypatch.setattr(sql, "copy", copy_and_lose_the_answer)
    with pytest.raises(Retryable, match="connection lost"):
        await journal.flush()
    monkeypatch.setattr(sql, "copy", real)
    journal.append(EXIT_CLOSED, closed(2))
    await journal.flush()
    assert await journal.load(EXIT_CLOSED) == [closed(1), closed(2)]


async def test_copier_waits_out_a_database_that_is_away(
    away: Away, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facade, "COPY_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(facade, "LONGEST_BACKOFF_SECONDS", 0.05)
    running = asyncio.create_task(journal.run())
    with away():
        journal.append(EXIT_CLOSED, closed(1))
        await eventually(lambda: journal.trouble is not None)
        assert "could not copy the journal in" in str(journal.trouble)
        assert "only-for-tests" not in str(journal.trouble)
        assert journal.behind > 0
        journal.append(EXIT_CLOSED, closed(2))  # the log takes it all the same
    await eventually(lambda: journal.trouble is None and journal.behind == 0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await journal.load(EXIT_CLOSED) == [closed(1), closed(2)]


async def test_too_much_log_behind_a_database_that_is_away_is_fatal(
    directory: Path, url: str, clock: ManualClock, away: Away
) -> None:
    journal = Journal(directory, url, clock=clock, max_behind_bytes=100)
    await journal.open()
    with away():
        for number in range(3):
            journal.append(EXIT_CLOSED, closed(number))
        with pytest.raises(Fatal, match="more than the 100 allowed; bring the database back"):
            await journal.run()
        with pytest.raises(Retryable):
            await journal.close()
    await journal.open()  # it was closed all the same, and now catches up
    assert await journal.load(EXIT_CLOSED) == [closed(0), closed(1), closed(2)]
    await journal.close()


async def test_opening_without_the_database_is_retryable_and_lets_go_of_the_log(
    directory: Path, url: str, clock: ManualClock, away: Away
) -> None:
    upgrade(url)
    journal = Journal(directory, url, clock=clock)
    with away(), pytest.raises(Retryable, match="is the database up"):
        await journal.open()
    await journal.open()
    await journal.close()


async def test_table_that_is_gone_is_fatal(url: str, journal: Journal) -> None:
    await sql_write(url, "DROP TABLE exits_closed")
    journal.append(EXIT_CLOSED, closed(1))
    with pytest.raises(Fatal, match="is this database Tidings' own"):
        await journal.run()
    with pytest.raises(Fatal):
        await journal.close()


async def test_deferred_record_is_durable_once_the_loop_has_turned(journal: Journal) -> None:
    before = journal.behind
    journal.defer(GATE, GateChange(state=GateState.HALTED, reason="r", by="b", changed_ns=1))
    assert journal.behind == before
    await asyncio.sleep(0)
    assert journal.behind > before
    await journal.flush()
    assert await journal.load_latest_gate() is not None


async def test_deferred_record_that_cannot_be_written_stops_the_copier(journal: Journal) -> None:
    journal.defer(GATE, closed(1))
    with pytest.raises(TypeError):
        await journal.flush()


async def test_journal_that_is_not_open_takes_and_gives_nothing(
    directory: Path, url: str, clock: ManualClock
) -> None:
    journal = Journal(directory, url, clock=clock)
    with pytest.raises(Fatal, match="not open"):
        journal.append(EXIT_CLOSED, closed(1))
    with pytest.raises(Fatal, match="not open"):
        journal.append_many([(EXIT_CLOSED, closed(1))])
    with pytest.raises(Fatal, match="not open"):
        await journal.load(EXIT_CLOSED)
    assert journal.behind == 0
    await journal.close()


async def test_reader_sees_orders_with_their_reports_while_the_journal_is_open(
    url: str, journal: Journal
) -> None:
    refused = Refused(signal_id="s", reason=RefuseReason.NO_BOOK, refused_ns=1)
    signal = Signal(
        id="si",
        story_id="st",
        event_id="ev",
        asset="BTC",
        direction=Direction.BUY,
        event_type=EventType.LISTING,
        confidence=0.1 + 0.2,
        reasons=("a", "b"),
        headline="h",
        source="rss",
        channel="c",
        published_ns=1,
        received_ns=2,
        expires_ns=3,
    )
    change = GateChange(state=GateState.HALTED, reason="r", by="test", changed_ns=1)
    journal.append_many(
        [
            (SIGNAL, signal),
            (INTENT, approved("t1")),
            (REPORT, report("t1", Report.SENT)),
            (INTENT, approved("t2")),
            (REPORT, report("t2", Report.SENT)),
            (REPORT, report("t1", Report.FILLED, fill("t1"))),
            (REFUSED, refused),
            (GATE, change),
        ]
    )
    await journal.flush()
    async with JournalReader(url) as reader:
        orders = await reader.orders()
        assert [order.approved for order in orders] == [approved("t2"), approved("t1")]
        assert [r.report for r in orders[0].reports] == [Report.SENT]
        assert [r.report for r in orders[1].reports] == [Report.SENT, Report.FILLED]
        assert len(await reader.orders(limit=1)) == 1
        assert await reader.signals() == [signal]
        assert await reader.signals(since_ns=NOW_NS + 1) == []
        assert await reader.refusals() == [refused]
        assert await reader.fills() == [fill("t1")]
        assert await reader.latest_gate() == change


async def test_reader_of_a_file_that_is_not_there_says_so_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=r"no journal at .*tidings\.sqlite yet"):
        async with JournalReader(default_url(tmp_path)):
            raise AssertionError("entered")
    assert not (tmp_path / "tidings.sqlite").exists()


@pytest.mark.parametrize(
    "bad", ["mysql://u:secret@h/d", "sqlite+aiosqlite://", "secret", "postgresql://u:secret@h/d"]
)
def test_url_of_another_database_is_refused_without_its_password(
    directory: Path, clock: ManualClock, bad: str
) -> None:
    with pytest.raises(ConfigurationError, match="postgresql\\+psycopg://USER") as refused:
        Journal(directory, bad, clock=clock)
    assert "secret" not in str(refused.value)
