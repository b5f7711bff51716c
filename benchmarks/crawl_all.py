"""All sources at once against local servers that misbehave: each item served is one event."""

import asyncio
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from core.contracts.event import Event, EventKind
from core.contracts.topics import EVENTS
from core.contracts.trace import Trace
from core.runtime.bus.in_process import InProcessBus
from core.runtime.clock import SystemClock
from core.runtime.journal.cursors import SqlCursorStore
from core.runtime.journal.database import default_url
from core.runtime.tasks import Supervisor
from crawlers.backfill.gather import gather
from crawlers.backfill.work import Job, WorkFile
from crawlers.service import Crawl, open_histories
from crawlers.settings import CrawlSettings
from tests.servers.stations import FileStation, Station, all_stations

SECONDS: Final = 120.0
ITEM_EVERY_S: Final = 0.2
FAULT_EVERY_S: Final = 3.0
SETTLE_S: Final = 60.0  # a refused key is tried again within this


class Ledger:
    """What was heard on the bus, by source."""

    def __init__(self) -> None:
        self.heard: dict[str, Counter[str]] = defaultdict(Counter)  # native ids
        self.delays_ns: dict[str, list[int]] = defaultdict(list)

    def on_event(self, event: Event, _key: str, _trace: Trace) -> None:
        """Take an event down."""
        if event.kind is EventKind.PUBLISHED:
            self.heard[event.source][event.native_id] += 1
            self.delays_ns[event.source].append(event.received_ns - event.published_ns)

    def misses(self, station: Station) -> int:
        """Count what a station served and nobody heard yet."""
        heard = self.heard[station.source]
        return sum(native_id not in heard for native_id in station.served)


async def measure(seconds: float, *, seed: int = 1) -> dict[str, Any]:
    """Serve, break and mend for a while, then compare what was served with what was heard."""
    ledger = Ledger()
    stations = all_stations()
    faults: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for station in stations:
            await station.start()
            stack.push_async_callback(station.stop)
        settings = CrawlSettings.model_validate({s.source: s.settings for s in stations})
        crawl = await _crawling(stack, settings, folder, ledger)
        for station in stations:
            await station.until_followed()
        live = [station for station in stations if not isinstance(station, FileStation)]
        async with asyncio.TaskGroup() as group:
            group.create_task(_read_file(settings, folder, ledger))
            for place, station in enumerate(live):
                random = Random(seed * 100 + place)  # noqa: S311 - repeats a run
                group.create_task(_serve(station, seconds, random))
                group.create_task(_break(station, seconds, random, faults))
        for station in live:
            await station.heal()
        deadline = time.monotonic() + SETTLE_S
        while any(map(ledger.misses, stations)) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        await asyncio.sleep(2.0)  # for what would come twice
        sources = {station.source: _figures(station, ledger, faults) for station in stations}
        counts = crawl.counts().values()
        return {
            "name": "crawl-all",
            "seconds": seconds,
            "sources": sources,
            "served": sum(one["served"] for one in sources.values()),
            "events": sum(one["events"] for one in sources.values()),
            "doubled": sum(one["doubled"] for one in sources.values()),
            "lost": sum(one["lost"] for one in sources.values()),
            "invented": sum(one["invented"] for one in sources.values()),
            "faults": sum(faults.values()),
            "brought_by_a_second_client_too": sum(one.beaten for one in counts),
            "limit_doubled": 0,
            "limit_lost": 0,
            "limit_invented": 0,
        }


def _figures(station: Station, ledger: Ledger, faults: Counter[str]) -> dict[str, int]:
    heard = ledger.heard[station.source]
    return {
        "served": len(station.served),
        "events": sum(heard.values()),
        "doubled": sum(count - 1 for count in heard.values()),
        "lost": ledger.misses(station),
        "invented": len(heard.keys() - set(station.served)),
        "faults": faults[station.source],
    }


async def _crawling(
    stack: AsyncExitStack, settings: CrawlSettings, folder: Path, ledger: Ledger
) -> Crawl:
    """Start the crawlers as a process does."""
    clock = SystemClock()
    bus = InProcessBus(clock)
    bus.subscribe(EVENTS, ledger.on_event, group="ledger")
    await bus.start()
    stack.push_async_callback(bus.stop)
    store = SqlCursorStore(default_url(folder))
    await store.open()
    stack.push_async_callback(store.close)
    crawl = Crawl(settings, bus=bus, keyer=lambda event: (event.id,), store=store, clock=clock)
    await crawl.start()
    supervisor = Supervisor("crawl-all")
    for name, task in crawl.tasks().items():
        supervisor.start(name, task)
    stack.push_async_callback(supervisor.stop)
    return crawl


async def _serve(station: Station, seconds: float, random: Random) -> None:
    """Serve items at uneven distances, now and then several at once."""
    ends = time.monotonic() + seconds
    number = 0
    while time.monotonic() < ends:
        for _ in range(random.choice((1, 1, 1, 3))):
            number += 1
            await station.serve(number, datetime.now(UTC))
        await asyncio.sleep(random.expovariate(1 / ITEM_EVERY_S))


async def _break(station: Station, seconds: float, random: Random, faults: Counter[str]) -> None:
    """Let one thing after the other go wrong."""
    ends = time.monotonic() + seconds
    causes = station.faults()
    while time.monotonic() < ends:
        await asyncio.sleep(random.expovariate(1 / FAULT_EVERY_S))
        done = random.choice(causes)()
        if asyncio.iscoroutine(done):
            await done
        faults[station.source] += 1


async def _read_file(settings: CrawlSettings, folder: Path, ledger: Ledger) -> None:
    """Read the past of the one source that has nothing but a past."""
    now_ns = SystemClock().now_ns()
    work = WorkFile(folder / "past.partial")
    jitter = Random(1)  # noqa: S311 - spreads waits
    async with open_histories(settings, "file", clock=SystemClock(), jitter=jitter) as opened:
        channels = tuple(history.channel for history in opened)
        job = Job(source="file", channels=channels, since_ns=0, until_ns=now_ns)
        work.begin(job)
        await gather(opened, work, job, on_step=lambda _step: None, jitter=jitter)
    for event in work.events():
        ledger.on_event(event, "", Trace())
    work.delete()


def run() -> dict[str, Any]:
    """Run it all for two minutes."""
    return asyncio.run(measure(SECONDS))
