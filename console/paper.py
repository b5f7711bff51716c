"""The paper exchange: the simulated exchange with books that follow a real one's public data.

A process of its own (`python -m console.paper`): the trader speaks to it as to any exchange.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
from decimal import Decimal

import msgspec
import uvloop

from core.contracts.errors import Rejected, Retryable, TidingsError
from core.contracts.orders import OrderReport
from core.runtime.backoff import delays
from core.runtime.clock import SystemClock
from core.runtime.settings import Section
from trader.simulator.server import SimulatorServer
from trader.simulator.settings import SimulatorSettings, SymbolSettings
from trader.simulator.venue import SimulatedVenue
from trader.venues.books import Books
from trader.venues.hitbtc.client import HitBtc
from trader.venues.hitbtc.settings import HitBtcSettings
from trader.venues.port import Balance, Depth, Instrument


class PaperExchange(Section):
    """What the paper exchange follows, and what its account holds."""

    venue: HitBtcSettings
    balances: dict[str, str]
    quote_assets: tuple[str, ...]
    assets: tuple[str, ...]
    max_symbols: int


class Follower:
    """Hears the real exchange's books and shows them on the simulated one."""

    def __init__(self, shown: SimulatedVenue) -> None:
        self._shown = shown

    def on_depth(self, depth: Depth) -> None:
        """Show a book as it stands now; one that is crossed for a moment is left out."""
        with contextlib.suppress(Rejected):
            self._shown.set_book(depth.symbol, depth.bids, depth.asks)

    def on_report(self, report: OrderReport) -> None:
        """Nothing of ours is at the real exchange."""

    def on_balances(self, balances: tuple[Balance, ...]) -> None:
        """No account of ours is asked for."""

    def on_connected(self, venue: str) -> None:
        """Books begin to come."""

    def on_disconnected(self, venue: str, reason: str) -> None:
        """Books stand still; the trader refuses what is too old."""


def symbol_settings(instrument: Instrument) -> SymbolSettings:
    """Give a real pair's rules to the simulated exchange; its book comes from outside."""
    return SymbolSettings(
        symbol=instrument.symbol,
        base=instrument.asset,
        quote=instrument.quote_asset,
        mid=Decimal(1),
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        level_quantity=instrument.lot_size,
        taker_fee=instrument.taker_fee,
        maker_fee=instrument.maker_fee,
        fee_asset=instrument.fee_asset,
    )


async def serve(wanted: PaperExchange) -> None:
    """Run until SIGTERM, or until the parent closes our standard input."""
    real = HitBtc(wanted.venue, clock=SystemClock())
    try:
        await _serve(wanted, real)
    finally:
        await real.close()


async def _serve(wanted: PaperExchange, real: HitBtc) -> None:
    books = Books()
    symbols = books.set_instruments(
        await real.instruments(),
        quote_assets=wanted.quote_assets,
        assets=wanted.assets,
        at_most=wanted.max_symbols,
    )
    server = SimulatorServer(
        SimulatorSettings(
            source="control",
            symbols=tuple(symbol_settings(i) for i in books.instruments.values()),
            balances={k: Decimal(v) for k, v in wanted.balances.items()},
        )
    )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # the parent tells us when to end

    def listen_to_parent() -> None:
        if not os.read(0, 65_536):
            loop.remove_reader(0)
            ended.set()

    loop.add_reader(0, listen_to_parent)
    endpoints = await server.start()
    real.subscribe_depth(symbols)
    following = asyncio.create_task(_follow(real, Follower(server.venue)))
    sys.stdout.write(msgspec.json.encode(endpoints).decode() + "\n")
    sys.stdout.flush()
    waiting = asyncio.create_task(ended.wait())
    done, _ = await asyncio.wait((waiting, following), return_when=asyncio.FIRST_COMPLETED)
    for task in (waiting, following):
        task.cancel()
    await asyncio.gather(waiting, following, return_exceptions=True)
    await server.stop()
    if following in done:
        await following


async def _follow(real: HitBtc, follower: Follower) -> None:
    """Stay connected to the real exchange's public data, with growing pauses between tries."""
    while True:
        for pause_ms in delays(200, 30_000, 2.0, random.Random()):  # noqa: S311 - spreads load
            try:
                await real.run(follower)
            except Retryable:
                await asyncio.sleep(pause_ms / 1000)
            else:
                break
        await asyncio.sleep(0.2)


def main() -> int:
    """Read what to follow from the first line of standard input, and run."""
    try:
        wanted = PaperExchange.model_validate_json(sys.stdin.readline())
        uvloop.run(serve(wanted))
    except TidingsError as error:
        sys.stderr.write(f"paper exchange: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
