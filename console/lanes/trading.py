"""What both lanes add to their stages: health checks, metrics, balances and gate mirrored."""

import asyncio
from typing import Final

from console.lanes.host import Host
from core.contracts.codec import encode
from core.contracts.gate import GateState
from core.runtime.health import Check, CheckResult
from core.runtime.journal.journal import Journal
from crawlers.intake import Counts
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

    def copied() -> CheckResult:
        ok = journal.trouble is None and journal.behind < BEHIND_BYTES
        return CheckResult(ok, journal.trouble or f"{journal.behind} bytes behind")

    return {
        "trader": agreed,
        "venue": connected,
        "gate": gate,
        "orders": fates,
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


def show_trader(trader: Trader, host: Host) -> None:
    """Show a trader's counts and worth among the process's metrics."""
    metrics, portfolio = host.metrics, trader.portfolio
    metrics.count("trader", "What the trader counted", "what", lambda: trader.counts)
    metrics.read("exposure", "Quote units at risk", lambda: float(portfolio.exposure))
    metrics.read("unresolved_orders", "Fate unknown", lambda: len(trader.orders.unresolved()))
    metrics.read(
        "realised_today",
        "Quote units since midnight UTC",
        lambda: float(portfolio.realised_today(host.clock.now_ns())),
    )


def show_crawl(crawl: Crawl, host: Host) -> None:
    """Show what each channel gave among the process's metrics."""
    metrics = host.metrics
    metrics.count(
        "events",
        "Events published",
        "channel",
        lambda: {channel: counts.events for channel, counts in crawl.counts().items()},
    )
    metrics.count(
        "crawl_refusals",
        "Items that became no event",
        "reason",
        lambda: sum(crawl.counts().values(), Counts()).refusals,
    )
