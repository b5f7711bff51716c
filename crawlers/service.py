"""Puts the crawlers together: sources, memory, cursors, and how they are doing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from random import Random
from typing import Any, Final

from core.contracts.clock import Clock
from core.contracts.errors import ConfigurationError
from core.runtime.bus.port import Bus
from core.runtime.cursors import CursorStore
from core.runtime.health import Check, CheckResult
from core.runtime.logs import get_logger
from crawlers.history import History
from crawlers.intake import Counts, Keyer
from crawlers.newsroom import Newsroom, OnEvent, Task
from crawlers.progress import Progress
from crawlers.settings import CrawlSettings
from crawlers.watch import Watch

Notify = Callable[[str], None]

_FRESHNESS_S: Final = 1.0
_log: Final = get_logger(__name__)


class Crawl:
    """All configured sources, feeding one bus.

    `start`, then run every one of `tasks` under a supervisor; to stop, end the tasks and `drain`.
    A source's module is imported only where the source is configured.

    Args:
        settings: which sources.
        bus: where events go; started before the tasks, stopped after `drain`.
        keyer: gives an event's keys (its assets); crawlers don't know assets.
        store: durable cursors and ids.
        clock: for receive times.
        jitter: spreads requests and reconnects; give a seeded one to repeat a run.
        on_event: hears of each published event, after the trade; for metrics.
        notify: hears, in words, of channels that fell silent or are heard again.
    """

    def __init__(
        self,
        settings: CrawlSettings,
        *,
        bus: Bus,
        keyer: Keyer,
        store: CursorStore,
        clock: Clock,
        jitter: Random | None = None,
        on_event: OnEvent | None = None,
        notify: Notify | None = None,
    ) -> None:
        self._settings = settings
        self._bus = bus
        self._keyer = keyer
        self._clock = clock
        self._jitter = jitter or Random()  # noqa: S311 - spreads load, guards nothing
        self._on_event = on_event
        self._notify = notify
        self._progress = Progress(bus, store, clock)
        self._tasks: dict[str, Task] = {}
        self._stale: set[str] = set()
        self.watches: dict[str, Watch] = {}

    async def start(self, published: Iterable[str] = ()) -> None:
        """Load cursors and what was published before, and build the sources.

        Args:
            published: ids of events that are on their way although no cursor says so.

        Raises:
            Retryable: the store can't be reached.
            ConfigurationError: a source can't be built as configured.
        """
        settings = self._settings
        room = Newsroom(
            bus=self._bus,
            keyer=self._keyer,
            progress=self._progress,
            clock=self._clock,
            limits=settings.limits(),
            seen_capacity=settings.seen_capacity,
            seen_days=settings.seen_days,
            jitter=self._jitter,
            on_event=self._on_event,
            published=published,
        )
        tasks: dict[str, Task] = {
            "cursors": self._save_cursors,
            "freshness": self._mind_freshness,
        }
        for name, part in settings.live_sources().items():
            module = import_module(f"crawlers.sources.{name}.client")
            tasks.update(await module.open_source(part, room))
        self._tasks = tasks
        self.watches = room.watches

    def tasks(self) -> dict[str, Task]:
        """Give the long-running tasks by name; each makes a fresh coroutine for each run.

        They end by being cancelled. `cursors` raises `Retryable` when it could not save: start
        it again after a while. Any of them may raise the bus's `Fatal`.
        """
        return dict(self._tasks)

    def checks(self) -> dict[str, Check]:
        """Give a health check for each channel, and one for the saving of cursors."""
        return {
            "cursors": self._check_cursors,
            **{name: watch.check for name, watch in self.watches.items()},
        }

    def counts(self) -> dict[str, Counts]:
        """Give what came in so far, by `source:channel`, with `#client` where it has several."""
        return {name: watch.intake.counts for name, watch in self.watches.items()}

    async def drain(self) -> None:
        """Have the bus confirm the last events and save the last cursors; after the tasks ended.

        Raises:
            Retryable: not everything could be saved; what was not comes again after a restart.
        """
        await self._progress.save()

    async def _save_cursors(self) -> None:
        while True:
            await asyncio.sleep(self._settings.save_interval_ms / 1000)
            await self._progress.save()

    async def _mind_freshness(self) -> None:
        """Tell when a channel falls silent beyond its habit, and when it is heard again."""
        while True:
            now_ns = self._clock.now_ns()
            for name, watch in self.watches.items():
                stale = watch.is_stale(now_ns)
                if stale == (name in self._stale):
                    continue
                if stale:
                    self._stale.add(name)
                    silent_s = watch.silence_ns(now_ns) // 1_000_000_000
                    _log.error("channel_stale", channel=name, silent_s=silent_s)
                    self._tell(f"{name} has said nothing new for {silent_s} s, which is not usual")
                else:
                    self._stale.discard(name)
                    _log.info("channel_heard_again", channel=name)
                    self._tell(f"{name} is heard again")
            await asyncio.sleep(_FRESHNESS_S)

    def _tell(self, what: str) -> None:
        if self._notify is not None:
            self._notify(what)

    def _check_cursors(self) -> CheckResult:
        failure = self._progress.failure
        return CheckResult(ok=failure is None, detail=failure or "saved")


@asynccontextmanager
async def open_histories(
    settings: CrawlSettings, source: str, *, clock: Clock, jitter: Random
) -> AsyncIterator[Sequence[History]]:
    """Open the past of every configured channel of one source.

    Raises:
        ConfigurationError: there is no such source, it is not configured, or it keeps no past.
    """
    part: Any = settings.sources().get(source)
    if part is None:
        known = ", ".join(settings.sources())
        raise ConfigurationError(f"no source {source!r}: name one of {known}")
    module = import_module(f"crawlers.sources.{source}.client")
    if not hasattr(module, "open_histories"):
        raise ConfigurationError(f"{source} has no past to read: it only tells what happens now")
    async with module.open_histories(part, settings.limits(), clock=clock, jitter=jitter) as opened:
        if not opened:
            raise ConfigurationError(
                f"no channel of {source} is configured: add it to [crawl.{source}]"
            )
        yield opened
