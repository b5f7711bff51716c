"""A backfill gathers every page once, in any order of pages, over failures and kills."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest
from pyarrow import parquet

from core.contracts.clock import ManualClock
from core.contracts.errors import ConfigurationError, Fatal, Rejected, Retryable
from core.contracts.event import Event, EventKind
from crawlers.backfill.gather import Step, gather
from crawlers.backfill.output import SCHEMA, OutputFormat, format_of, write_events
from crawlers.backfill.publish import publish_events
from crawlers.backfill.work import Job, WorkFile
from crawlers.history import Cost, Page
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.normalise import Limits
from tests.unit.crawlers.doubles import NOW_NS, NarrowBus, key_by_id

SECOND_NS = 1_000_000_000
SINCE_NS = NOW_NS - 10_000 * SECOND_NS


def post(number: int, **more: object) -> Item:
    at = (SINCE_NS + number * SECOND_NS) // SECOND_NS
    return msgspec.structs.replace(
        Item(native_id=str(number), title=f"post {number}", published=at), **more
    )


class Listing:
    """A channel's past in pages, newest first, each overlapping the one before by an item."""

    source = "listing"
    limits = Limits()

    def __init__(
        self, items: Sequence[Item | Refusal], channel: str = "desk", size: int = 10
    ) -> None:
        self.channel = channel
        self.items = list(items)
        self.size = size
        self.asked: list[str | None] = []
        self.before_page: Callable[[str | None], None] = lambda _cursor: None

    async def cost(self, since_ns: int, until_ns: int) -> Cost:
        return Cost(len(self.items) // self.size, exact=True, quota="none")

    async def page(self, since_ns: int, until_ns: int, cursor: str | None) -> Page:
        self.asked.append(cursor)
        self.before_page(cursor)
        begin = int(cursor or 0)
        end = begin + self.size
        entries = self.items[max(0, begin - 1) : end]
        times = [int(e.published or 0) for e in entries if isinstance(e, Item)]
        reached = min(times) * SECOND_NS if times else None
        return Page(entries, str(end) if end < len(self.items) else None, reached)


def job(*channels: str) -> Job:
    return Job(source="listing", channels=channels, since_ns=SINCE_NS, until_ns=NOW_NS)


async def run(
    work: WorkFile, *listings: Listing, on_step: Callable[[Step], None] = lambda _step: None
) -> list[float]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    wanted = job(*(listing.channel for listing in listings))
    work.begin(wanted)
    await gather(listings, work, wanted, on_step=on_step, jitter=Random(1), sleep=sleep)
    return slept


@pytest.fixture
def work(tmp_path: Path) -> WorkFile:
    return WorkFile(tmp_path / "out.jsonl.partial")


def numbers(work: WorkFile) -> list[int]:
    return [int(event.native_id) for event in work.events()]


async def test_pages_become_events_oldest_first_and_once(work: WorkFile) -> None:
    await run(work, Listing([post(n) for n in reversed(range(95))]))
    assert numbers(work) == list(range(95))


async def test_events_of_several_channels_stand_in_one_order(work: WorkFile) -> None:
    odd = Listing([post(n) for n in range(99, 0, -2)], "odd")
    even = Listing([post(n) for n in range(98, -1, -2)], "even")
    await run(work, odd, even)
    assert numbers(work) == list(range(100))


async def test_what_is_outside_the_range_or_undated_is_left_out_and_counted(
    work: WorkFile,
) -> None:
    items: list[Item | Refusal] = [
        post(9_999),
        post(10_000),  # the first moment after the range
        post(20_000),  # the future, seen from the range's end
        post(0),
        post(-1),
        post(5, published=None),
        Refusal(RefusalReason.NO_ID, "x"),
    ]
    await run(work, Listing(items))
    assert numbers(work) == [0, 9_999]
    assert work.refusals() == {"no_id": 1, "outside_the_range": 3, "undated": 1}


async def test_versions_of_a_post_are_events_of_their_own(work: WorkFile) -> None:
    edited = post(1, kind=EventKind.EDITED, revision=7)
    await run(work, Listing([edited, post(1)]))
    assert [(e.kind, e.revision) for e in work.events()] in (
        [("published", 0), ("edited", 7)],
        [("edited", 7), ("published", 0)],
    )


async def test_limit_is_waited_out_as_long_as_the_source_says(work: WorkFile) -> None:
    listing = Listing([post(n) for n in range(30)])
    refusals = iter([15 * 60 * SECOND_NS] * 12)

    def limited(cursor: str | None) -> None:
        if cursor == "10" and (wait := next(refusals, None)):
            raise Retryable("429", retry_after_ns=wait)

    listing.before_page = limited
    told: list[Step] = []
    slept = await run(work, listing, on_step=told.append)
    assert len(slept) == 12
    assert all(seconds >= 900 for seconds in slept)
    assert sum("429" in (step.waiting or "") for step in told) == 12
    assert len(numbers(work)) == 30


async def test_source_that_never_answers_ends_it_and_the_next_run_goes_on(
    work: WorkFile,
) -> None:
    listing = Listing([post(n) for n in range(30)])

    def away(cursor: str | None) -> None:
        if cursor == "20":
            raise Retryable("no route")

    listing.before_page = away
    with pytest.raises(Retryable, match=r"listing:desk .* 8 tries: no route.*same command"):
        await run(work, listing)
    listing.before_page = lambda _cursor: None
    listing.asked.clear()
    await run(work, listing)
    assert listing.asked == ["20"]
    assert numbers(work) == list(range(30))


async def test_refusal_names_the_channel(work: WorkFile) -> None:
    listing = Listing([post(1)])

    def refused(_cursor: str | None) -> None:
        raise Rejected("401: check the key")

    listing.before_page = refused
    with pytest.raises(Rejected, match="listing:desk: 401"):
        await run(work, listing)


async def test_page_that_comes_again_and_again_is_an_error(work: WorkFile) -> None:
    class Stuck(Listing):
        async def page(self, since_ns: int, until_ns: int, cursor: str | None) -> Page:
            return Page([post(1)], "here")

    with pytest.raises(Rejected, match="same page again and again"):
        await run(work, Stuck([]))


@pytest.mark.parametrize("killed_at", range(5))
async def test_killed_between_any_two_steps_the_next_run_gives_the_same(
    work: WorkFile, tmp_path: Path, killed_at: int
) -> None:
    items = [post(n) for n in range(50)]
    listing = Listing(items)

    def killed(_cursor: str | None) -> None:
        if len(listing.asked) == killed_at + 1:
            raise asyncio.CancelledError

    listing.before_page = killed
    with pytest.raises(asyncio.CancelledError):
        await run(work, listing)
    again = WorkFile(tmp_path / "out.jsonl.partial")
    listing.before_page = lambda _cursor: None
    await run(again, listing)
    assert numbers(again) == list(range(50))


async def test_part_that_has_been_read_grows_from_either_end(work: WorkFile) -> None:
    told: list[Step] = []
    newest_first = Listing([post(n) for n in range(9_000, 0, -200)], "newest")
    oldest_first = Listing([post(n) for n in range(0, 9_000, 200)], "oldest")

    class Forward(Listing):
        async def page(self, since_ns: int, until_ns: int, cursor: str | None) -> Page:
            page = await super().page(since_ns, until_ns, cursor)
            times = [int(e.published or 0) for e in page.entries if isinstance(e, Item)]
            return page._replace(reached_ns=max(times) * SECOND_NS)

    forward = Forward(oldest_first.items, "oldest")
    await run(work, newest_first, forward, on_step=told.append)
    for channel in ("newest", "oldest"):
        parts = [s.reached for s in told if s.channel == channel and s.reached is not None]
        assert parts == sorted(parts)
        assert parts[-1] == 1.0


def test_work_file_of_another_range_is_not_gone_on_with(work: WorkFile) -> None:
    work.begin(job("desk"))
    with pytest.raises(ConfigurationError, match="another range"):
        work.begin(job("desk", "other"))


def test_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.partial"
    path.write_text("my notes, which are not a database at all" * 100)
    with pytest.raises((ConfigurationError, Fatal)):
        WorkFile(path)
    assert path.read_text().startswith("my notes")


async def test_json_lines_are_events_that_read_back(work: WorkFile, tmp_path: Path) -> None:
    await run(work, Listing([post(n) for n in range(20)]))
    target = tmp_path / "out.jsonl"
    assert write_events(work.events(), target, format_of(target)) == 20
    read = [msgspec.json.decode(line, type=Event) for line in target.read_bytes().splitlines()]
    assert read == list(work.events())
    assert {event.received_ns for event in read} == {NOW_NS}


async def test_parquet_has_every_field_of_the_events(work: WorkFile, tmp_path: Path) -> None:
    await run(work, Listing([post(n) for n in range(20)]))
    target = tmp_path / "out.parquet"
    assert format_of(target) is OutputFormat.PARQUET
    write_events(work.events(), target, OutputFormat.PARQUET)
    assert SCHEMA.names == list(Event.__struct_fields__)
    rows = parquet.read_table(target).to_pylist()
    assert [msgspec.convert(row, Event) for row in rows] == list(work.events())


async def test_file_that_cannot_be_written_leaves_what_was_there(
    work: WorkFile, tmp_path: Path
) -> None:
    await run(work, Listing([post(1)]))
    with pytest.raises(Fatal, match="can't be written"):
        write_events(work.events(), tmp_path / "no" / "such" / "out.jsonl", OutputFormat.JSON_LINES)
    assert numbers(work) == [1]


async def test_publishing_goes_on_behind_what_was_confirmed(work: WorkFile) -> None:
    await run(work, Listing([post(n) for n in range(1_200)], size=100))
    bus = NarrowBus()
    done: list[int] = []

    def fail_later(count: int) -> None:
        done.append(count)
        bus.flush_fails = True

    clock = ManualClock(NOW_NS + 5)
    with pytest.raises(Retryable):
        await publish_events(work, bus, key_by_id, clock, on_batch=fail_later)
    assert done == [500]
    rest = NarrowBus()
    assert await publish_events(work, rest, key_by_id, clock, on_batch=done.append) == 700
    assert [int(event.native_id) for event in rest.events] == list(range(500, 1_200))
    assert {event.received_ns for event in rest.events} == {NOW_NS + 5}
