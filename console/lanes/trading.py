"""What both lanes add to a trader: health checks, and its balances and gate mirrored for others."""

import asyncio
from typing import Final

from console.lanes.host import Host
from core.contracts.codec import encode
from core.contracts.gate import GateState
from core.runtime.health import Check, CheckResult
from core.runtime.journal.journal import Journal
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
