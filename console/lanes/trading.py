"""What both lanes add to their stages: health checks, metrics, mirrors, the last cursors."""

import asyncio
from contextlib import suppress
from typing import Final

from console.lanes.host import Host
from core.contracts.codec import encode
from core.contracts.gate import GateState
from core.runtime.bus.port import Bus
from core.runtime.bus.spool import SpoolBus, SpooledError
from core.runtime.bus.spool_queue import SpoolState
from core.runtime.health import Check, CheckResult
from core.runtime.journal.journal import Journal
from crawlers.service import Crawl
from trader.engine import Trader

MIRROR_S: Final = 1.0
BEHIND_BYTES: Final = 64 * 1024 * 1024


def trader_checks(trader: Trader, journal: Journal) -> dict[str, Check]:
    """Make the checks of a trader: agreed, connected, gate, fates known, journal copied."""

    def agreed() -> CheckResult:
        return CheckResult(
            trader.ready, "agreed with the venue" if trader.ready else "not agreed yet"
        )

    def connected() -> CheckResult:
        detail = "connected" if trader.connected else trader.last_disconnect or "not connected"
        return CheckResult(trader.connected, detail)

    def gate() -> CheckResult:
        change = trader.gate.last_change
        return CheckResult(
            trader.gate.state is GateState.ACTIVE, f"{trader.gate.state}: {change.reason}"
        )

    def fates() -> CheckResult:
        unresolved = len(trader.orders.unresolved())
        return CheckResult(unresolved == 0, f"{unresolved} orders of unknown fate")

    def open_to_us() -> CheckResult:
        kept_back = trader.closures.now(trader.clock.now_ns())
        said = "; ".join(closure.describe() for closure in kept_back)
        return CheckResult(not kept_back, f"no entries: {said}" if said else "no notice against it")

    def copied() -> CheckResult:
        ok = journal.trouble is None and journal.behind < BEHIND_BYTES
        return CheckResult(ok, journal.trouble or f"{journal.behind} bytes behind")

    return {
        "trader": agreed,
        "venue": connected,
        "gate": gate,
        "orders": fates,
        "maintenance": open_to_us,
        "journal": copied,
    }


async def publish_balances(trader: Trader, host: Host) -> None:
    """Mirror the trader's balances and gate into the shared state, once a second."""
    while True:
        venue = trader.venue.name
        at_ns = trader.portfolio.balances_ns.get(venue)
        if at_ns is not None:
            held = [b for b in trader.portfolio.balances.values() if b.venue == venue]
            await host.state.put_balances(venue, encode(held), at_ns)
        if trader.gate.last_change.changed_ns:
            await host.state.put_gate(trader.gate.last_change)
        await asyncio.sleep(MIRROR_S)


async def tell_gate(trader: Trader, host: Host) -> None:
    """Tell the operator of a gate that is not ACTIVE at the start, and of each move after it."""
    told_ns = trader.gate.last_change.changed_ns if trader.gate.state is GateState.ACTIVE else 0
    while True:
        change = trader.gate.last_change
        if change.changed_ns != told_ns:
            told_ns = change.changed_ns
            by = f" (by {change.by})" if change.by else ""
            host.notifications.tell(f"the gate is {change.state}: {change.reason}{by}", "gate")
        await asyncio.sleep(MIRROR_S)


def show_trader(trader: Trader, host: Host) -> None:
    """Show a trader's counts and worth among the process's metrics."""
    metrics, portfolio = host.metrics, trader.portfolio
    metrics.count("trader", "What the trader counted", "what", lambda: trader.counts)
    metrics.read("exposure", "Quote units at risk", lambda: float(portfolio.exposure))
    metrics.read(
        "venue_notices_against_entries",
        "Notices of the venue that keep entries back now",
        lambda: len(trader.closures.now(host.clock.now_ns())),
    )
    metrics.read("unresolved_orders", "Fate unknown", lambda: len(trader.orders.unresolved()))
    metrics.read(
        "realised_today",
        "Quote units since midnight UTC",
        lambda: float(portfolio.realised_today(host.clock.now_ns())),
    )


async def save_last_cursors(crawl: Crawl) -> None:
    """Save how far the sources were read, as far as the broker has it.

    Where it is away, the cursors stay before what waits in the spool, which the bus tells of when
    it stops: the next start reads that again and knows it.

    Raises:
        Retryable: the store is away, or there is no spool.
    """
    with suppress(SpooledError):
        await crawl.drain()


def show_spool(bus: Bus, host: Host) -> None:
    """Show what waits for the broker in health and metrics, where the bus has a spool."""
    if not isinstance(bus, SpoolBus):
        return
    queue, metrics = bus.queue, host.metrics
    host.health.add("spool", bus.check)
    metrics.read("spool_records", "Waiting for the broker", lambda: queue.waiting)
    metrics.read("spool_bytes", "Waiting for the broker", lambda: queue.waiting_bytes)
    metrics.read(
        "spool_state", "0 direct, 1 spooling, 2 full", lambda: list(SpoolState).index(queue.state)
    )
