"""Files of past posts: every kind and compression, page by page, from any row on."""

import csv
import gzip
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from core.contracts.clock import ManualClock
from core.contracts.errors import ConfigurationError, Rejected
from core.contracts.event import Event, EventKind, Origin, OriginKind, TimePrecision
from core.contracts.identity import event_id
from crawlers.backfill.output import OutputFormat, write_events
from crawlers.history import History
from crawlers.item import Item, Refusal
from crawlers.normalise import normalise
from crawlers.service import open_histories
from crawlers.settings import CrawlSettings
from tests.integration.crawl_runs import crawling
from tests.unit.crawlers.doubles import NOW_NS, MemoryCursorStore

COUNT = 2_500  # more than two pages
DAY = datetime(2026, 1, 2, tzinfo=UTC)


def rows(count: int = COUNT) -> Iterator[dict[str, Any]]:
    for number in range(1, count + 1):
        at = DAY.timestamp() + number
        yield {
            "id": str(number),
            "title": f'the "{number}", said',
            "text": "line\nline € ü",
            "published": datetime.fromtimestamp(at, UTC).isoformat(),
        }


def as_jsonl() -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows())


def as_csv() -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["id", "title", "text", "published"])
    writer.writeheader()
    writer.writerows(rows())
    return out.getvalue().encode("utf-8-sig")


def write_parquet(path: Path) -> None:
    parquet.write_table(pa.Table.from_pylist(list(rows())), path, row_group_size=700)


WRITERS: dict[str, Callable[[Path], object]] = {
    "posts.jsonl": lambda path: path.write_bytes(as_jsonl()),
    "posts.jsonl.gz": lambda path: path.write_bytes(gzip.compress(as_jsonl())),
    "posts.ndjson.zst": lambda path: path.write_bytes(
        zstandard.compress(as_jsonl()[:100_000]) + zstandard.compress(as_jsonl()[100_000:])
    ),
    "posts.csv": lambda path: path.write_bytes(as_csv()),
    "posts.csv.zst": lambda path: path.write_bytes(zstandard.compress(as_csv())),
    "posts.parquet": write_parquet,
}


@pytest.fixture(params=WRITERS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / str(request.param)
    WRITERS[path.name](path)
    return path


@asynccontextmanager
async def history(path: Path, **more: Any) -> AsyncIterator[History]:  # noqa: ANN401 - any setting
    settings = CrawlSettings.model_validate({"file": [{"channel": "old", "path": path, **more}]})
    async with open_histories(
        settings, "file", clock=ManualClock(NOW_NS), jitter=Random(1)
    ) as opened:
        (one,) = opened
        yield one


async def read(one: History, cursor: str | None = None) -> list[Item | Refusal]:
    entries: list[Item | Refusal] = []
    while True:
        page = await one.page(0, NOW_NS, cursor)
        entries += page.entries
        if page.next is None:
            return entries
        cursor = page.next


def event_of(entry: Item | Refusal, one: History) -> Event:
    assert isinstance(entry, Item), entry
    event = normalise(
        entry, source=one.source, channel=one.channel, received_ns=NOW_NS, limits=one.limits
    )
    assert isinstance(event, Event), event
    return event


# --- every kind ---


async def test_every_row_is_read_once_and_in_order(written: Path) -> None:
    async with history(written) as one:
        entries = await read(one)
        assert [entry.native_id for entry in entries] == [str(n) for n in range(1, COUNT + 1)]
        event = event_of(entries[-1], one)
        assert event.id == event_id("file", "old", str(COUNT))
        assert (event.title, event.text) == (f'the "{COUNT}", said', "line line € ü")
        assert event.published_ns == (int(DAY.timestamp()) + COUNT) * 10**9


async def test_reading_goes_on_from_any_cursor_also_in_another_process(written: Path) -> None:
    async with history(written) as one:
        whole = await read(one)
        first = await one.page(0, NOW_NS, None)
        assert first.next is not None
    async with history(written) as one:
        assert [*first.entries, *await read(one, first.next)] == whole
        assert (await one.page(0, NOW_NS, first.next)).entries == whole[1_000:2_000]
        assert await read(one, "1234") == whole[1_234:]
        assert await read(one, "nonsense") == whole


async def test_cost_is_told_without_reading(written: Path) -> None:
    async with history(written) as one:
        cost = await one.cost(0, NOW_NS)
        assert cost.requests >= 1
        assert cost.quota.startswith("none: a local file of ")


# --- what a backfill wrote ---

OURS = Event(
    id="hash",
    source="twitter",
    channel="desk",
    native_id="7",
    revision=2,
    kind=EventKind.EDITED,
    title="T",
    text="x",
    author="a",
    url="https://example.com/7",
    language="en",
    published_ns=1_767_312_000_123_456_789,
    received_ns=NOW_NS,
    lookalikes=("x",),
    origin=Origin(
        kind=OriginKind.QUOTE,
        author="b",
        native_id="6",
        text="y",
        published_ns=1_767_300_000 * 10**9,
    ),
)
BARE = Event(
    id="hash2",
    source="rss",
    channel="desk",
    native_id="8",
    text="only a text",
    published_ns=1_767_312_000 * 10**9,
    published_precision=TimePrecision.DAY,
    received_ns=NOW_NS,
)


@pytest.mark.parametrize("form", OutputFormat)
async def test_events_of_a_backfill_are_read_back_as_they_were(
    form: OutputFormat, tmp_path: Path
) -> None:
    path = tmp_path / f"events.{form}"
    write_events([OURS, BARE], path, form)
    async with history(path) as one:
        for entry, before in zip(await read(one), (OURS, BARE), strict=True):
            event = event_of(entry, one)
            for name in (
                *("native_id", "revision", "kind", "title", "text", "author", "url", "language"),
                *("published_ns", "published_precision", "origin"),
            ):
                assert getattr(event, name) == getattr(before, name), name


# --- mapping and times ---


async def test_parquets_own_times_are_read_with_and_without_a_zone(tmp_path: Path) -> None:
    path = tmp_path / "times.parquet"
    at = datetime(2026, 1, 2, 3, 4, 5, 123_456)  # noqa: DTZ001 - one of the columns has no zone
    table = pa.table(
        {
            "guid": pa.array([1], pa.int64()),
            "head": pa.array([{"line": "t"}]),
            "aware": pa.array([at.replace(tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin")),
            "naive": pa.array([at], pa.timestamp("ns")),
            "day": pa.array([at.date()], pa.date32()),
        }
    )
    parquet.write_table(table, path)
    expected = int(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()) * 10**9 + 123_456_000
    hour_ns = 3_600 * 10**9
    for column, at_ns in (
        ("aware", expected),
        ("naive", expected - hour_ns),
        ("day", 1_767_312_000 * 10**9),
    ):
        columns = {"id": "guid", "title": "head.line", "published": column}
        async with history(path, columns=columns, default_zone="Europe/Berlin") as one:
            (entry,) = await read(one)
            event = event_of(entry, one)
            assert (event.native_id, event.title, event.published_ns) == ("1", "t", at_ns), column


async def test_csv_of_another_shape_is_mapped(tmp_path: Path) -> None:
    path = tmp_path / "other.txt"
    path.write_text("guid|said|when\n7|<b>x</b> &amp; y|2026-01-02 03:04:05\n", encoding="utf-8")
    columns = {"id": "guid", "text": "said", "published": "when"}
    async with history(
        path, format="csv", delimiter="|", columns=columns, text_format="html", default_zone=""
    ) as one:
        (entry,) = await read(one)
        assert isinstance(entry, Item)
        assert one.limits.default_zone is None
    async with history(
        path, format="csv", delimiter="|", columns=columns, text_format="html"
    ) as one:
        assert event_of(entry, one).text == "x & y"


# --- broken ---


async def test_bad_lines_are_refused_by_their_number_and_leave_the_others(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    good = b'{"id":"1","text":"t","published":1790000000}'
    long = b'{"id":"2","text":"' + b"x" * 9_000_000 + b'"}'
    path.write_bytes(
        b"\n".join([good, b"{", b"", b"[1]", b'{"id":"\xff"}', b'{"text":"t"}', long, good])
    )
    async with history(path) as one:
        entries = await read(one)
    refused = [(e.reason, e.detail.split(":")[0]) for e in entries if isinstance(e, Refusal)]
    assert refused == [
        ("bad_json", "row 2"),
        ("bad_shape", "row 4"),
        ("bad_json", "row 5"),
        ("no_id", "row 6"),
        ("too_large", "row 7"),
    ]
    assert [isinstance(entry, Item) for entry in entries] == [True, *[False] * 5, True]


async def test_bad_records_of_a_csv_are_refused_by_their_number(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(
        b"id,text,published\n1,t,2026-01-02\n\n2,t\n3,t,2026-01-02,x\n4,\xff,2026-01-02\n"
        b'5,"' + b"x" * 1_500_000 + b'",2026-01-02\n6,t,2026-01-02\n'
    )
    async with history(path) as one:
        entries = await read(one)
    assert [entry.native_id for entry in entries if isinstance(entry, Item)] == ["1", "6"]
    refused = [(e.reason, e.detail.split(":")[0]) for e in entries if isinstance(e, Refusal)]
    assert refused == [
        ("bad_time", "row 2"),
        ("bad_shape", "row 3"),
        ("bad_shape", "row 4"),
        ("bad_shape", "row 5"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.jsonl", None, "No such file"),
        ("cut.jsonl.gz", gzip.compress(as_jsonl())[:-9_000], "can't be read"),
        ("no.jsonl.gz", b"{}", "can't be read"),
        ("no.jsonl.zst", b"{}", "can't be read"),
        ("no.parquet", b"{}", "can't be read after row 0"),
        ("other.csv", b"guid,said\n1,t\n", "its columns are guid, said"),
        ("empty.csv", b"", "no column for id"),
    ],
)
async def test_file_that_is_not_what_it_should_be_is_told(
    name: str, content: bytes | None, says: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    async with history(path) as one:
        with pytest.raises(Rejected, match=says) as told:
            await read(one)
        assert str(path) in str(told.value)


async def test_parquet_without_a_mapped_column_is_told(tmp_path: Path) -> None:
    path = tmp_path / "posts.parquet"
    write_parquet(path)
    async with history(path, columns={"author": "by"}) as one:
        with pytest.raises(Rejected, match=r"author \(by\)"):
            await read(one)


async def test_empty_file_has_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    async with history(path) as one:
        assert await read(one) == []


# --- live ---


async def test_files_are_nothing_to_follow(tmp_path: Path) -> None:
    settings = {"file": [{"channel": "old", "path": tmp_path / "posts.jsonl"}]}
    async with crawling(settings, MemoryCursorStore()) as run:
        assert run.crawl.watches == {}
        assert set(run.crawl.tasks()) == {"cursors", "freshness"}


async def test_no_file_configured_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"crawl\.file"):
        async with open_histories(
            CrawlSettings(), "file", clock=ManualClock(NOW_NS), jitter=Random(1)
        ):
            pass
