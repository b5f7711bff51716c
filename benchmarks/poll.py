"""Polls 1,000 feeds of a local server as the crawlers do, and tells what that costs and delays.

The server is a process of its own. The interval is pinned, requests are conditional, and each
feed publishes every five minutes, so that about one answer in five holds something new. A poll's
added delay is the time from the moment it was due to the moment its answer was dealt with.
"""

import asyncio
import contextlib
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import uvloop

from benchmarks.figures import quantile_ms
from benchmarks.poll_server import PUBLISHED_EVERY_S, Ready
from console.lanes.exchange import ChildProcess
from console.lanes.host import SWITCH_S
from core.contracts.event import Event
from core.runtime.bus.in_process import InProcessBus
from core.runtime.clock import SystemClock
from core.runtime.journal.cursors import SqlCursorStore
from core.runtime.journal.database import default_url
from crawlers import languages
from crawlers.newsroom import Newsroom
from crawlers.normalise import Limits
from crawlers.progress import Channel, Progress
from crawlers.sources.rss.client import open_source
from crawlers.sources.rss.settings import RssSettings

FEEDS: Final = 1_000
INTERVAL_MS: Final = 60_000
WARM_UP_S: Final = 75.0  # each feed has been read once
MEASURED_S: Final = 135.0
SAVE_S: Final = 0.25


class Pacer:
    """Sleeps for the pollers, and so knows when each poll was due and when it was done."""

    def __init__(self) -> None:
        self.delays_ns: list[int] = []
        self.measuring = False
        self._due_ns: dict[asyncio.Task[Any] | None, int] = {}

    async def sleep(self, seconds: float) -> None:
        """Sleep as a poller that is done; what it slept for last was its last poll."""
        now_ns = time.monotonic_ns()
        task = asyncio.current_task()
        due_ns = self._due_ns.get(task)
        if due_ns is not None and self.measuring:
            self.delays_ns.append(now_ns - due_ns)
        self._due_ns[task] = now_ns + round(seconds * 1e9)
        await asyncio.sleep(seconds)


async def measure(
    feeds: int, interval_ms: int, warm_up_s: float, measured_s: float
) -> dict[str, Any]:
    """Run the benchmark and give its figures."""
    sys.setswitchinterval(SWITCH_S)  # as every process of Tidings does
    languages.prepare()
    server = await ChildProcess.start("benchmarks.poll_server", str(feeds))
    url = msgspec.json.decode(server.ready, type=Ready).url
    clock, pacer = SystemClock(), Pacer()
    begun_ns = clock.now_ns()
    waited_ns: list[int] = []  # from publication to event

    def on_event(event: Event, channel: Channel) -> None:
        del channel
        if pacer.measuring and event.published_ns > begun_ns:
            waited_ns.append(clock.now_ns() - event.published_ns)

    settings = RssSettings.model_validate(
        {
            "feeds": [
                {
                    "channel": f"feed{number}",
                    "url": f"{url}{number}",
                    "interval_ms": interval_ms,
                    "longest_interval_ms": interval_ms,
                }
                for number in range(feeds)
            ],
            "allow_private": True,
        }
    )
    with tempfile.TemporaryDirectory() as directory:
        store = SqlCursorStore(default_url(Path(directory)))
        await store.open()
        bus = InProcessBus(clock)
        await bus.start()
        progress = Progress(bus, store, clock)
        room = Newsroom(
            bus=bus,
            keyer=lambda event: (event.id,),
            progress=progress,
            clock=clock,
            limits=Limits(),
            seen_capacity=200_000,
            seen_days=7,
            jitter=Random(1),  # noqa: S311 - spreads requests
            sleep=pacer.sleep,
            on_event=on_event,
        )
        tasks = [asyncio.create_task(run()) for run in (await open_source(settings, room)).values()]
        tasks.append(asyncio.create_task(_save(progress)))
        await asyncio.wait(tasks, timeout=warm_up_s, return_when=asyncio.FIRST_EXCEPTION)
        documents = _documents(room)
        pacer.measuring = True
        wall, processor = time.monotonic(), time.process_time()
        await asyncio.wait(tasks, timeout=measured_s, return_when=asyncio.FIRST_EXCEPTION)
        wall, processor = time.monotonic() - wall, time.process_time() - processor
        pacer.measuring = False
        documents = _documents(room) - documents
        problems = sum(watch.problem is not None for watch in room.watches.values())
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await store.close()
    await server.stop()
    polls = len(pacer.delays_ns)
    return {
        "name": "poll",
        "feeds": feeds,
        "interval_ms": interval_ms,
        "published_every_s": PUBLISHED_EVERY_S,
        "measured_s": round(wall),
        "polls": polls,
        "documents": documents,
        "failing_feeds": problems,
        "events": len(waited_ns),
        "processor_share": round(processor / wall, 4),
        "added_delay_p50_ms": quantile_ms(pacer.delays_ns, 0.5),
        "added_delay_p99_ms": quantile_ms(pacer.delays_ns, 0.99),
        "added_delay_max_ms": quantile_ms(pacer.delays_ns, 1.0),
        "published_to_event_p50_ms": quantile_ms(waited_ns, 0.5) if waited_ns else None,
        "published_to_event_p99_ms": quantile_ms(waited_ns, 0.99) if waited_ns else None,
        "limit_added_delay_p99_ms": 50,
        "limit_failing_feeds": 0,
    }


def _documents(room: Newsroom) -> int:
    return sum(watch.intake.counts.documents for watch in room.watches.values())


async def _save(progress: Progress) -> None:
    """Keep cursors as the crawlers do."""
    while True:
        await asyncio.sleep(SAVE_S)
        await progress.save()


def run(
    feeds: int = FEEDS,
    interval_ms: int = INTERVAL_MS,
    warm_up_s: float = WARM_UP_S,
    measured_s: float = MEASURED_S,
) -> dict[str, Any]:
    """Run on uvloop; takes three and a half minutes."""
    return uvloop.run(measure(feeds, interval_ms, warm_up_s, measured_s))


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(run()).decode() + "\n")
