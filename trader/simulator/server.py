"""Puts the simulated exchange on loopback sockets and moves its books."""

import asyncio
from collections.abc import Iterator
from typing import Final
from weakref import WeakSet

import msgspec
from aiohttp import web
from picows import WSListener, WSUpgradeRequest, ws_create_server

from core.contracts.clock import Clock
from core.runtime.clock import SystemClock
from trader.simulator.books import Step, replay, synthetic
from trader.simulator.captures import read_capture
from trader.simulator.connection import Connection
from trader.simulator.control import PREFIX as CONTROL_PREFIX
from trader.simulator.control import Control
from trader.simulator.exchange import Exchange
from trader.simulator.faults import Faults
from trader.simulator.feed import PublicConnection
from trader.simulator.rest import PREFIX as REST_PREFIX
from trader.simulator.rest import RestApi
from trader.simulator.settings import SimulatorSettings
from trader.simulator.trading import TradingConnection
from trader.simulator.venue import SimulatedVenue
from trader.venues.port import Instrument

HOST: Final = "127.0.0.1"
_TRADING_PATH: Final = b"/api/3/ws/trading"
_PUBLIC_PATH: Final = b"/api/3/ws/public"


class Endpoints(msgspec.Struct, frozen=True):
    """Where a running exchange is reached; its JSON is the line printed at the start."""

    trading_url: str
    public_url: str
    rest_url: str
    control_url: str


class _Player:
    """Shows a source's books, each in its time or when told to."""

    def __init__(self, source: Iterator[Step], venue: SimulatedVenue, *, timed: bool) -> None:
        self._source = source
        self._venue = venue
        self._timed = timed
        self._timer: asyncio.TimerHandle | None = None
        self._next: Step | None = next(source, None)

    def step(self) -> bool:
        """Show the next books at once; False when there are no more."""
        self.stop()
        shown = self._next
        if shown is None:
            return False
        for update in shown.updates:
            self._venue.set_book(update.symbol, update.bids, update.asks)
        self._next = next(self._source, None)
        if self._timed and self._next is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._next.wait_ns / 1e9, self.step)
        return True

    def stop(self) -> None:
        """Let no more time pass."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class SimulatorServer:
    """One simulated exchange on sockets of this process; call `start` and `stop` once each.

    Attributes:
        venue: the exchange itself; `venue.set_book` lets a program in the same process feed it.

    Raises:
        CaptureError: the capture can't be used.
        ConfigurationError: an instrument makes no sense.
    """

    def __init__(self, settings: SimulatorSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        instruments, source, timed = _source(settings)
        exchange = Exchange(instruments, settings.balances, history_limit=settings.history_limit)
        self.venue: Final = SimulatedVenue(
            exchange,
            Faults(settings.seed),
            clock or SystemClock(),
            immediate=settings.immediate,
            history_limit=settings.history_limit,
        )
        self._player = _Player(source, self.venue, timed=timed)
        self._websockets: asyncio.Server | None = None
        self._http: web.AppRunner | None = None
        self._connections: WeakSet[Connection] = WeakSet()

    async def start(self) -> Endpoints:
        """Show the first books and listen on loopback.

        Raises:
            OSError: a port is taken.
        """
        self._player.step()
        self._websockets = await ws_create_server(self._accept, HOST, self._settings.websocket_port)
        websocket_port = self._websockets.sockets[0].getsockname()[1]
        api = RestApi(self.venue, self._settings.api_key, self._settings.api_secret)
        app = web.Application(middlewares=[api.guard])
        app.add_routes(api.routes())
        app.add_routes(Control(self.venue, self._player.step).routes())
        self._http = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._http.setup()
        await web.TCPSite(self._http, HOST, self._settings.rest_port).start()
        rest_port = self._http.addresses[0][1]
        return Endpoints(
            trading_url=f"ws://{HOST}:{websocket_port}{_TRADING_PATH.decode()}",
            public_url=f"ws://{HOST}:{websocket_port}{_PUBLIC_PATH.decode()}",
            rest_url=f"http://{HOST}:{rest_port}{REST_PREFIX}",
            control_url=f"http://{HOST}:{rest_port}{CONTROL_PREFIX}",
        )

    async def stop(self) -> None:
        """Close every socket; nothing that was still to happen happens."""
        self._player.stop()
        self.venue.stop()
        for connection in tuple(self._connections):
            connection.drop()
        if self._websockets is not None:
            self._websockets.close()
            await self._websockets.wait_closed()
        if self._http is not None:
            await self._http.cleanup()

    def _accept(self, request: WSUpgradeRequest) -> WSListener | None:
        """Choose what serves a new websocket; None answers 404."""
        connection: Connection
        if request.path == _TRADING_PATH:
            connection = TradingConnection(
                self.venue, self._settings.api_key, self._settings.api_secret
            )
        elif request.path == _PUBLIC_PATH:
            connection = PublicConnection(self.venue.exchange, self.venue.feed)
        else:
            return None
        self._connections.add(connection)
        return connection


def _source(
    settings: SimulatorSettings,
) -> tuple[tuple[Instrument, ...], Iterator[Step], bool]:
    """Give the pairs, their books, and whether those move with time."""
    if settings.capture is not None:
        capture = read_capture(settings.capture)
        steps = replay(capture, speed=settings.speed or 1, repeat=settings.repeat)
        return capture.instruments, steps, settings.speed > 0
    instruments = tuple(symbol.instrument() for symbol in settings.symbols)
    if settings.source == "control":
        return instruments, iter(()), False
    interval_ns = settings.step_interval_ms * 1_000_000
    walks = tuple(symbol.walk() for symbol in settings.symbols)
    steps = synthetic(walks, seed=settings.seed, interval_ns=interval_ns)
    return instruments, steps, interval_ns > 0
