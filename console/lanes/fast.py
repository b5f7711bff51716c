"""The fast lane: every stage in one process, joined by direct calls; Kafka, if any, behind."""

from collections.abc import Callable

from console.lanes.control import control_routes
from console.lanes.crawl_metrics import Delays, show_crawl
from console.lanes.exchange import with_paper_exchange
from console.lanes.host import Host, Ready, say_ready
from console.lanes.rehearsal import Rehearsal, rehearse
from console.lanes.tables import load_tables, models_of, show_tables
from console.lanes.trading import (
    publish_balances,
    save_last_cursors,
    show_spool,
    show_trader,
    tell_gate,
    trader_checks,
)
from console.settings import Settings
from core.contracts.clock import Clock
from core.contracts.orders import Intent
from core.contracts.topics import EVENTS, SIGNALS, VENUE_NOTICES
from core.contracts.trace import Trace
from core.runtime.bus.in_process import InProcessBus
from core.runtime.bus.port import Bus
from core.runtime.bus.tee import TeeBus
from core.runtime.journal.cursors import SqlCursorStore
from core.runtime.journal.journal import Journal
from core.runtime.journal.kinds import STORIES
from core.runtime.service import Service
from crawlers.service import Crawl
from signals.classifier import Classifier, MemoryStories
from signals.shadow import Shadow
from trader.service import TraderService
from trader.venues.hitbtc.client import HitBtc

MS = 1_000_000


class FastLane:
    """Crawlers, classifier and trader in this process.

    Start-up order is the safety: journal, then the venue's agreement, then the news. The end is
    the other way round: no more news, orders come to their end, cursors, bus, journal.

    Attributes:
        behind: the way to Kafka, where a broker is configured.
        on_trace: told of each finished entry and its stamps.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.host = Host("run", settings, clock=clock)
        self.settings = settings
        self.clock = self.host.clock
        self.on_trace: Callable[[Intent, Trace], None] = lambda _intent, _trace: None
        self.shadow = Shadow()
        self.tables = load_tables(self.host, shadow=self.shadow, registry=models_of(settings))
        self.reader = self.tables.reader
        self.journal = Journal(
            settings.runtime.data_dir / "journal",
            self.host.database_url,
            clock=self.clock,
            fsync=settings.journal.fsync,
        )
        self.store = SqlCursorStore(self.host.database_url)
        self.behind = self._make_behind()
        near = InProcessBus(self.clock)
        self.bus: Bus = near if self.behind is None else TeeBus(near, self.behind)
        self.venue = HitBtc(settings.hitbtc, clock=self.clock)
        self.trading = TraderService(
            self.venue,
            bus=self.bus,
            journal=self.journal,
            clock=self.clock,
            settings=settings.trader,
            on_trace=self._observe,
        )
        self.stories = MemoryStories(lambda stories: self.journal.defer(STORIES, stories))
        self.classifier = Classifier(
            self.bus,
            reader=self.reader,
            stories=self.stories,
            clock=self.clock,
            limits=settings.signals.limits(),
            trust=settings.signals.trust.judge(),
        )
        self.shadow.stand_beside(self.classifier)
        self.crawl = Crawl(
            settings.crawl,
            bus=self.bus,
            keyer=self.reader.keys_for,
            store=self.store,
            clock=self.clock,
            on_event=Delays(self.host.metrics).on_event,
            notify=self.host.notifications.tell,
        )
        self.bus.subscribe(EVENTS, self.classifier.on_event, group="classifier")
        self.bus.subscribe(SIGNALS, self.trading.trader.on_signal, group="trader")
        self.bus.subscribe(VENUE_NOTICES, self.trading.trader.on_notice, group="trader")

    def _make_behind(self) -> Bus | None:
        if self.settings.kafka.bootstrap is None:
            return None
        from console.lanes.broker import spooled_bus  # noqa: PLC0415 - only where a broker is

        return spooled_bus(self.settings, self.host, "run")

    def _observe(self, intent: Intent, trace: Trace) -> None:
        if not trace.decided:
            return  # an exit has no event behind it
        self.host.metrics.observe_trace(trace)
        self.on_trace(intent, trace)

    async def start(self) -> str:
        """Bring every stage up; news is read from the moment this returns.

        Returns:
            The address where health is served.

        Raises:
            ConfigurationError, Fatal: it can't or must not run; the message says why.
        """
        host, trader = self.host, self.trading.trader
        await self.journal.open()
        await self.store.open()
        now_ns = self.clock.now_ns()
        window_ns = self.settings.signals.limits().story_window_ms * MS
        self.stories.restore(await self.journal.load_stories(now_ns - window_ns))
        url = await host.start(control_routes(trader, self.settings.health.token))
        await self.bus.start()
        if self.behind is not None:
            show_spool(self.behind, host)
        host.supervisor.start("journal", self.journal.run)
        host.supervisor.start("bus", self.bus.failure)
        await self.trading.restore()
        for name, task in self.trading.tasks().items():
            host.supervisor.start(name, task)
        await self.trading.agree()
        await self.crawl.start()
        for name, task in self.crawl.tasks().items():
            host.supervisor.start(name, task)
        host.supervisor.start("balances-mirror", lambda: publish_balances(trader, host))
        host.supervisor.start("gate-notices", lambda: tell_gate(trader, host))
        show_trader(trader, host)
        show_crawl(self.crawl, host.metrics, self.clock)
        host.metrics.count(
            "skips", "Events without a signal", "reason", lambda: self.classifier.skipped
        )
        show_tables(self.tables, self.shadow, host.metrics)
        host.supervisor.start("tables", self.tables.run)
        host.add_checks({**trader_checks(trader, self.journal), **self.crawl.checks()})
        host.health.add("model", self.tables.check)
        rehearse_ms = self.settings.runtime.rehearse_ms
        if rehearse_ms is not None:
            rehearsal = Rehearsal(
                reader=self.reader,
                signal_limits=self.settings.signals.limits(),
                trader=self.settings.trader,
                clock=self.clock,
            )
            host.supervisor.start("rehearsal", lambda: rehearse(rehearsal, rehearse_ms))
        host.settle(trader.quiet.is_set)
        return url

    async def stop(self) -> None:
        """End in order: what was read is saved, what was sent is in the journal."""
        self.trading.trader.ready = False
        await self.host.supervisor.stop()
        await save_last_cursors(self.crawl)
        await self.bus.stop()
        await self.journal.close()
        await self.store.close()
        await self.venue.close()
        await self.host.stop()


async def run(service: Service, settings: Settings, mode: str) -> None:
    """Run the fast lane as a service until told to stop; on paper, with an exchange of its own."""
    if mode == "paper" and settings.paper.start_exchange:
        settings = await with_paper_exchange(service, settings)
    lane = FastLane(settings)
    service.on_drain("trader", lane.trading.drain, limit_ms=settings.runtime.drain_ms // 2)
    service.on_drain("lane", lane.stop)
    url = await lane.start()
    say_ready(Ready(service.name, url))
    await lane.host.supervisor.wait()
