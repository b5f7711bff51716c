"""What `tidings backfill` does: gathers a range of the past, then writes or publishes it."""

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from rich.console import Console
from rich.table import Table

from console.backfill_progress import GatherProgress, count_bar
from console.settings import Settings, require_bootstrap
from core.contracts.errors import ConfigurationError
from core.runtime.bus.kafka import KafkaBus
from core.runtime.clock import SystemClock
from crawlers.backfill.gather import gather
from crawlers.backfill.output import format_of, write_events
from crawlers.backfill.publish import publish_events
from crawlers.backfill.work import Job, WorkFile
from crawlers.history import History
from crawlers.item import RefusalReason
from crawlers.service import open_histories
from crawlers.times import parse_time
from signals.reader import Reader

_AGO: Final = re.compile(r"(\d{1,6})(m|h|d|w)")
_UNIT_NS: Final = {
    "m": 60 * 10**9,
    "h": 3_600 * 10**9,
    "d": 86_400 * 10**9,
    "w": 604_800 * 10**9,
}


class Moment(NamedTuple):
    """A time as asked for; `relative` ones mean something else at each start."""

    ns: int
    relative: bool


class Range(NamedTuple):
    """What to read.

    Attributes:
        source: kind of source.
        channels: of that source; empty for all that are configured.
        since: inclusive.
        until: exclusive; None for now.
    """

    source: str
    channels: tuple[str, ...]
    since: Moment
    until: Moment | None


def parse_moment(text: str, now_ns: int) -> Moment:
    """Read a time: ISO 8601 or RFC 822 (UTC where it names no zone), or an age such as 90m, 7d.

    Raises:
        ValueError: it is no such time.
    """
    if ago := _AGO.fullmatch(text.strip()):
        return Moment(now_ns - int(ago[1]) * _UNIT_NS[ago[2]], relative=True)
    if text.strip() == "now":
        return Moment(now_ns, relative=True)
    parsed = parse_time(text, now_ns, UTC)
    if isinstance(parsed, RefusalReason):
        raise ValueError(  # noqa: TRY004 - the value is wrong, not its type
            f"{text!r} is no past time ({parsed}): write 2024-01-31, 2024-01-31T12:00:00Z, or an"
            " age such as 90m, 12h, 7d"
        )
    return Moment(parsed[0], relative=False)


def split_source(text: str) -> tuple[str, tuple[str, ...]]:
    """Read `source` or `source:channel,channel`."""
    source, _, channels = text.partition(":")
    return source, tuple(name for name in channels.split(",") if name)


async def show_cost(settings: Settings, wanted: Range, console: Console) -> None:
    """Print what reading a range would take, without reading it.

    Raises:
        ConfigurationError: the source or a channel is not configured.
        Retryable, Rejected: a source that has to be asked for this did not answer.
    """
    clock = SystemClock()
    now_ns = clock.now_ns()
    until_ns = wanted.until.ns if wanted.until else now_ns
    table = Table("channel", "requests", "quota", box=None, pad_edge=False)
    total = 0
    exact = True
    jitter = Random()  # noqa: S311 - spreads load, guards nothing
    async with open_histories(settings.crawl, wanted.source, clock=clock, jitter=jitter) as opened:
        for history in _chosen(opened, wanted):
            cost = await history.cost(wanted.since.ns, until_ns)
            total += cost.requests
            exact = exact and cost.exact
            requests = f"{cost.requests}" if cost.exact else f"at most about {cost.requests}"
            table.add_row(history.channel, requests, cost.quota)
    console.print(table)
    console.print(f"{total} requests in all{'' if exact else ', at most or about'}")


async def write_past(settings: Settings, wanted: Range, target: Path, console: Console) -> None:
    """Read a range into a file, oldest first; an interrupted run goes on where it was.

    Raises:
        ConfigurationError: see `gather_range`.
        Retryable, Rejected: a source did not answer, or refused; what was gathered is kept.
        Fatal: a file can't be written.
    """
    if await asyncio.to_thread(target.exists):
        raise ConfigurationError(f"{target} exists: name another file, or delete it")
    work = WorkFile(target.with_name(target.name + ".partial"))
    try:
        await _gather_range(settings, wanted, work, console)
        count = await asyncio.to_thread(_write, work, target)
    except BaseException:
        work.close()
        raise
    refusals = work.refusals()
    work.delete()
    console.print(f"{count} events in {target}{_told(refusals)}")


async def publish_past(settings: Settings, wanted: Range, console: Console) -> None:
    """Read a range and publish it to Kafka, oldest first; an interrupted run goes on.

    Raises:
        ConfigurationError: no broker is configured; otherwise as `write_past`.
    """
    bootstrap = require_bootstrap(settings)
    kafka = settings.kafka
    clock = SystemClock()
    work = WorkFile(_publishing_file(settings, wanted))
    bus = KafkaBus(
        bootstrap,
        clock=clock,
        client_id="tidings-backfill",
        replication=kafka.replication,
        topic_prefix=kafka.topic_prefix,
    )
    try:
        await _gather_range(settings, wanted, work, console)
        total = work.count()
        await bus.start()
        try:
            with count_bar(console, "publishing", total) as advance:
                count = await publish_events(work, bus, Reader().keys_for, clock, on_batch=advance)
        finally:
            await bus.stop()
    except BaseException:
        work.close()
        raise
    refusals = work.refusals()
    work.delete()
    console.print(f"{count} events published{_told(refusals)}")


async def _gather_range(
    settings: Settings, wanted: Range, work: WorkFile, console: Console
) -> None:
    """Gather what a work file lacks of a range.

    Raises:
        ConfigurationError: a channel is not configured, the range is empty, or the work file is
            of another range.
    """
    clock = SystemClock()
    jitter = Random()  # noqa: S311 - spreads load, guards nothing
    async with open_histories(settings.crawl, wanted.source, clock=clock, jitter=jitter) as opened:
        histories = _chosen(opened, wanted)
        job = _job(wanted, histories, work.job, clock.now_ns())
        work.begin(job)
        with GatherProgress(console, histories, work) as shown:
            await gather(histories, work, job, on_step=shown.on_step, jitter=jitter)


def _chosen(opened: Sequence[History], wanted: Range) -> list[History]:
    """Pick the channels asked for, in the order of their names."""
    by_name = {history.channel: history for history in opened}
    for name in wanted.channels:
        if name not in by_name:
            raise ConfigurationError(
                f"{wanted.source} has no channel {name!r}: it has {', '.join(sorted(by_name))}"
            )
    return [by_name[name] for name in sorted(wanted.channels or by_name)]


def _job(wanted: Range, histories: Sequence[History], begun: Job | None, now_ns: int) -> Job:
    """Say what is to be done; times that depend on today are those of the first start."""
    since_ns = begun.since_ns if begun and wanted.since.relative else wanted.since.ns
    if wanted.until is not None and not wanted.until.relative:
        until_ns = wanted.until.ns
    elif begun:
        until_ns = begun.until_ns
    else:
        until_ns = wanted.until.ns if wanted.until else now_ns
    if since_ns >= until_ns:
        raise ConfigurationError("--since has to be before --until")
    return Job(
        source=wanted.source,
        channels=tuple(history.channel for history in histories),
        since_ns=since_ns,
        until_ns=until_ns,
    )


def _publishing_file(settings: Settings, wanted: Range) -> Path:
    """Name the work file of what is published: the same for the same request."""
    asked = (
        wanted.source,
        *sorted(wanted.channels),
        "" if wanted.since.relative else str(wanted.since.ns),
        str(wanted.until.ns) if wanted.until and not wanted.until.relative else "",
    )
    digest = blake2b("\x1f".join(asked).encode(), digest_size=6).hexdigest()
    return settings.runtime.data_dir / "backfill" / f"{wanted.source}-{digest}.partial"


def _write(work: WorkFile, target: Path) -> int:
    """Write in a thread of its own, on a connection of its own."""
    with work.reopened() as own:
        return write_events(own.events(), target, format_of(target))


def _told(refusals: dict[str, int]) -> str:
    if not refusals:
        return ""
    return "; left out: " + ", ".join(f"{count} {reason}" for reason, count in refusals.items())
