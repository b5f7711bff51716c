"""Runs a `Crawl` against local servers and waits for its events."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from core.contracts.event import Event
from core.contracts.topics import EVENTS
from core.contracts.trace import Trace
from core.runtime.bus.in_process import InProcessBus
from core.runtime.clock import SystemClock
from core.runtime.cursors import CursorStore
from core.runtime.tasks import Supervisor
from crawlers.service import Crawl
from crawlers.settings import CrawlSettings


def _by_id(event: Event) -> Sequence[str]:
    return (event.id,)


class Run:
    """A crawl at work, its events, and a way to wait for them."""

    def __init__(self, bus: InProcessBus, crawl: Crawl, supervisor: Supervisor) -> None:
        self.bus = bus
        self.crawl = crawl
        self.supervisor = supervisor
        self.events: list[Event] = []
        self.traces: list[Trace] = []
        self._arrived = asyncio.Event()

    def on_event(self, event: Event, key: str, trace: Trace) -> None:
        self.events.append(event)
        self.traces.append(trace)
        self._arrived.set()

    @property
    def ids(self) -> list[str]:
        return [event.native_id for event in self.events]

    async def until_events(self, count: int) -> None:
        """Wait until so many events were published."""
        async with asyncio.timeout(10):
            while len(self.events) < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the crawl has noticed something that it tells only when asked."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.005)


@asynccontextmanager
async def crawling(
    settings: dict[str, Any],
    store: CursorStore,
    *,
    bus: InProcessBus | None = None,
    killed: bool = False,
    notify: Callable[[str], None] | None = None,
) -> AsyncIterator[Run]:
    """Start a crawl; end it as a process does, or with `killed` without a last save."""
    bus = bus or InProcessBus(SystemClock())
    crawl = Crawl(
        CrawlSettings.model_validate(settings),
        bus=bus,
        keyer=_by_id,
        store=store,
        clock=SystemClock(),
        jitter=Random(1),
        notify=notify,
    )
    supervisor = Supervisor("test", initial_ms=1, cap_ms=10)
    run = Run(bus, crawl, supervisor)
    bus.subscribe(EVENTS, run.on_event, group="test-run")
    await bus.start()
    await crawl.start()
    for name, task in crawl.tasks().items():
        supervisor.start(name, task)
    try:
        yield run
    finally:
        await supervisor.stop()
        if not killed:
            await crawl.drain()
        await bus.stop()
