"""The trader as a service: starts it from the journal, agrees with the venue, keeps it running."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from core.contracts.clock import Clock
from core.contracts.errors import Retryable
from core.contracts.orders import Intent, OrderReport
from core.contracts.trace import Trace
from core.runtime.bus.port import Bus
from trader.engine import Recorder, Trader
from trader.orders.reconcile import Reconciler
from trader.restore import JournalSource, restore
from trader.settings import TraderSettings
from trader.venues.port import Depth, Venue

MS: Final = 1_000_000
WATCH_S: Final = 0.25
FIRST_BOOKS_S: Final = 2.0


class TraderJournal(Recorder, JournalSource, Protocol):
    """The journal, written and read."""


class TraderService:
    """One venue account, traded.

    Start it in this order: `restore`, the `tasks` (of which the venue's connects), `agree`; then
    subscribe `trader.on_signal` to the signals. The tasks are given to the caller's supervisor,
    which restarts the venue connection with growing pauses.
    """

    def __init__(
        self,
        venue: Venue,
        *,
        bus: Bus,
        journal: TraderJournal,
        clock: Clock,
        settings: TraderSettings,
        on_trace: Callable[[Intent, Trace], None] = lambda _intent, _trace: None,
    ) -> None:
        self.trader = Trader(
            venue, bus=bus, journal=journal, clock=clock, settings=settings, on_trace=on_trace
        )
        self.reconciler = Reconciler(
            venue,
            self.trader.orders,
            apply=self._apply,
            resend=self.trader.resend,
            clock=clock,
            settings=settings.reconcile,
        )
        self.trader.on_unresolved = self.reconciler.wake
        self.trader.on_connection = self._on_connection
        self._venue = venue
        self._journal = journal
        self._clock = clock
        self._settings = settings
        self._connected = asyncio.Event()

    async def restore(self) -> None:
        """Rebuild the trader from the journal and learn what the venue trades.

        Raises:
            Retryable: the venue can't be asked now.
            Fatal: it trades nothing that is wanted.
        """
        since_ns = self._clock.now_ns() - self._settings.reconcile.history_ms * MS
        await restore(self.trader, self._journal, since_ns)
        symbols = self.trader.books.set_instruments(
            await self._venue.instruments(),
            quote_assets=self._settings.quote_assets,
            assets=self._settings.assets,
            at_most=self._settings.max_symbols,
        )
        self._venue.subscribe_depth(symbols)

    async def agree(self) -> None:
        """Wait for the connection, agree on every order and balance, then trade.

        The first books are waited for as well, for a moment: a signal without one is refused.

        Raises:
            Fatal: journal and venue can't be made to agree.
        """
        await self._connected.wait()
        while True:
            try:
                await self.reconciler.start(self.trader.portfolio)
            except Retryable as error:
                await asyncio.sleep(max((error.retry_after_ns or 0) / 1e9, 1.0))
            else:
                break
        with contextlib.suppress(TimeoutError):  # a pair that nobody quotes has no book
            async with asyncio.timeout(FIRST_BOOKS_S):
                await self._first_books()
        self.trader.ready = True

    async def _first_books(self) -> None:
        books = self.trader.books
        waiting = set(books.instruments) - set(books.depths)
        arrived = asyncio.Event()

        told = books.on_change

        def on_change(depth: Depth) -> None:
            told(depth)
            waiting.discard(depth.symbol)
            if not waiting:
                arrived.set()

        if waiting:
            books.on_change = on_change
            try:
                await arrived.wait()
            finally:
                books.on_change = told

    def tasks(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        """Give what must run for as long as the service does, by name."""
        return {
            f"venue:{self._venue.name}": self._run_venue,
            "reconcile": self.reconciler.run,
            "balances": self._refresh_balances,
            "watch": self._watch,
            "trader": self.trader.failure,
        }

    async def drain(self) -> None:
        """Take no more signals, then wait (the caller bounds it) until no order is in flight."""
        self.trader.ready = False
        await self.trader.quiet.wait()

    async def _run_venue(self) -> None:
        await self._venue.run(self.trader)

    async def _refresh_balances(self) -> None:
        while True:
            await asyncio.sleep(self._settings.reconcile.balance_refresh_ms / 1000)
            balances = await self._venue.balances()
            self.trader.on_balances(balances)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            self.trader.watch()

    def _apply(self, report: OrderReport) -> None:
        self.trader.on_report(report)

    def _on_connection(self, up: bool) -> None:
        if up:
            self._connected.set()
        else:
            self._connected.clear()
