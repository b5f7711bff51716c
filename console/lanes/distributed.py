"""The distributed lane: crawl, classify and trade as processes of their own, over Kafka."""

from console.lanes.broker import kafka_bus, spooled_bus
from console.lanes.control import control_routes
from console.lanes.crawl_metrics import Delays, show_crawl
from console.lanes.exchange import with_paper_exchange
from console.lanes.host import Host, Ready, say_ready
from console.lanes.tables import load_tables
from console.lanes.trading import (
    publish_balances,
    save_last_cursors,
    show_spool,
    show_trader,
    tell_gate,
    trader_checks,
)
from console.settings import Settings, require_bootstrap
from core.contracts.orders import Intent
from core.contracts.topics import SIGNALS, VENUE_NOTICES
from core.contracts.trace import Trace
from core.runtime.journal.cursors import SqlCursorStore
from core.runtime.journal.journal import Journal
from core.runtime.journal.schema import upgrade
from core.runtime.service import Service
from crawlers.service import Crawl
from trader.service import TraderService
from trader.venues.hitbtc.client import HitBtc

TRADER_GROUP = "trader"
NOTICE_GROUP = "trader-notices"


async def crawl(service: Service, settings: Settings) -> None:
    """Read the sources and publish events, keyed by the assets they are about.

    While the broker is away, at the start or later, events wait in the spool.
    """
    host = Host("crawl", settings)
    bus = spooled_bus(settings, host, "crawl")
    store = SqlCursorStore(host.database_url)
    tables = load_tables(host)
    crawlers = Crawl(
        settings.crawl,
        bus=bus,
        keyer=tables.reader.keys_for,
        store=store,
        clock=host.clock,
        on_event=Delays(host.metrics).on_event,
        notify=host.notifications.tell,
    )
    url = await host.start()
    service.on_drain("tasks", host.supervisor.stop)
    service.on_drain("cursors", lambda: save_last_cursors(crawlers))
    service.on_drain("bus", bus.stop)
    service.on_drain("store", store.close)
    service.on_drain("host", host.stop)
    upgrade(host.database_url)
    await store.open()
    await bus.start()
    await crawlers.start()
    host.supervisor.start("bus", bus.failure)
    for name, task in crawlers.tasks().items():
        host.supervisor.start(name, task)
    host.supervisor.start("tables", tables.run)
    host.add_checks(crawlers.checks())
    host.health.add("tables", tables.check)
    show_crawl(crawlers, host.metrics, host.clock)
    show_spool(bus, host)
    host.settle(lambda: True)
    say_ready(Ready(service.name, url))
    await host.supervisor.wait()


async def trade(service: Service, settings: Settings, mode: str) -> None:
    """Execute the signals that Kafka brings.

    Signals are consumed only when journal and venue agree; a signal's offset is committed when it
    is in the journal, as an order or as a refusal. Venues' notices are consumed before: they say
    whether a signal may be traded.
    """
    require_bootstrap(settings)
    if mode == "paper" and settings.paper.start_exchange:
        settings = await with_paper_exchange(service, settings)
    host = Host("trade", settings)
    journal = Journal(
        settings.runtime.data_dir / "journal",
        host.database_url,
        clock=host.clock,
        fsync=settings.journal.fsync,
    )
    outbound, inbound = kafka_bus(settings, host, "reports"), kafka_bus(settings, host, "trade")
    venue = HitBtc(settings.hitbtc, clock=host.clock)

    def observe(_intent: Intent, trace: Trace) -> None:
        if trace.decided:  # an exit has no event behind it
            host.metrics.observe_trace(trace)

    trading = TraderService(
        venue,
        bus=outbound,
        journal=journal,
        clock=host.clock,
        settings=settings.trader,
        on_trace=observe,
    )
    trader = trading.trader
    inbound.subscribe(SIGNALS, trader.on_signal, group=TRADER_GROUP)
    outbound.subscribe(VENUE_NOTICES, trader.on_notice, group=NOTICE_GROUP)
    await journal.open()
    url = await host.start(control_routes(trader, settings.health.token))
    service.on_drain("signals", inbound.stop)
    service.on_drain("trader", trading.drain, limit_ms=settings.runtime.drain_ms // 2)
    service.on_drain("tasks", host.supervisor.stop)
    service.on_drain("bus", outbound.stop)
    service.on_drain("journal", journal.close)
    service.on_drain("venue", venue.close)
    service.on_drain("host", host.stop)
    await outbound.start()
    host.supervisor.start("journal", journal.run)
    host.supervisor.start("reports", outbound.failure)
    await trading.restore()
    for name, task in trading.tasks().items():
        host.supervisor.start(name, task)
    host.supervisor.start("balances-mirror", lambda: publish_balances(trader, host))
    host.supervisor.start("gate-notices", lambda: tell_gate(trader, host))
    host.add_checks(trader_checks(trader, journal))
    show_trader(trader, host)
    await trading.agree()
    await inbound.start()
    host.supervisor.start("signals", inbound.failure)
    host.settle(trader.quiet.is_set)
    say_ready(Ready(service.name, url))
    await host.supervisor.wait()
