"""HitBTC as a venue: one account's trading socket, its public socket and its REST questions."""

import asyncio
from typing import Final

from core.contracts.clock import Clock
from core.contracts.errors import Rejected, Retryable
from core.contracts.orders import Approved
from core.runtime.logs import get_logger
from trader.venues.hitbtc.codes import VENUE
from trader.venues.hitbtc.connection import Connection
from trader.venues.hitbtc.market import MarketSocket
from trader.venues.hitbtc.oddities import Oddities
from trader.venues.hitbtc.rest import Rest
from trader.venues.hitbtc.settings import HitBtcSettings
from trader.venues.hitbtc.sign import Signer
from trader.venues.hitbtc.trading import TradingSocket
from trader.venues.port import Balance, Instrument, VenueListener, VenueOrder

_log: Final = get_logger(__name__)


class HitBtc:
    """Implements `trader.venues.port.Venue` for HitBTC's API 3, spot.

    Without credentials only the public socket is connected (`on_connected` tells that it is up),
    and every order or private question is refused.

    Attributes:
        oddities: what the venue sent that could not be used.
    """

    name = VENUE

    def __init__(self, settings: HitBtcSettings, *, clock: Clock) -> None:
        key, secret = settings.api_key, settings.secret
        self._settings = settings
        self._clock = clock
        self._signer = Signer(key, secret.get_secret_value()) if key and secret else None
        self._rest = Rest(settings, self._signer, clock)
        self._trading: TradingSocket | None = None
        self._market: MarketSocket | None = None
        self._symbols: tuple[str, ...] = ()
        self.oddities = Oddities(clock)

    async def run(self, listener: VenueListener) -> None:
        """Connect, log in, subscribe and listen until either connection ends. See `Venue.run`.

        `listener` hears all balances and all active orders before `on_connected`.
        """
        if self._signer is not None and not self._rest.fee_assets:
            try:
                await self.instruments()  # a fill says what its fee is paid in
            except Rejected as refusal:
                raise Retryable(f"can't start without the listing of pairs: {refusal}") from refusal
        market = MarketSocket(self._settings, self._clock, listener, self.oddities)
        connections = [await market.open()]
        trading = None
        connected = False
        reason = "stopped"
        try:
            self._market = market
            market.follow(self._symbols)
            if self._signer is not None:
                trading = TradingSocket(
                    self._settings,
                    self._signer,
                    self._clock,
                    listener,
                    self._rest.fee_assets,
                    self.oddities,
                )
                connections.append(await trading.open())
                self._trading = trading
            connected = True
            listener.on_connected(self.name)
            ended, _ = await asyncio.wait(
                [c.ended for c in connections], return_when=asyncio.FIRST_COMPLETED
            )
            reason = ended.pop().result()
        finally:
            self._trading = self._market = None
            if trading is not None:
                trading.end(reason)
            if connected:
                listener.on_disconnected(self.name, reason)
            await _close(connections)

    def subscribe_depth(self, symbols: tuple[str, ...]) -> None:
        """Choose the books to follow. See `Venue.subscribe_depth`."""
        self._symbols = symbols
        if self._market is not None:
            self._market.follow(symbols)

    def send(self, approved: Approved) -> int:
        """Write a new order to the socket at once. See `Venue.send`."""
        if self._trading is None:
            raise Retryable("not connected to hitbtc's trading socket; nothing was sent")
        return self._trading.send(approved)

    def cancel(self, client_order_id: str) -> None:
        """Write a cancel request to the socket at once. See `Venue.cancel`."""
        if self._trading is None:
            raise Retryable("not connected to hitbtc's trading socket; nothing was sent")
        self._trading.cancel(client_order_id)

    async def instruments(self) -> tuple[Instrument, ...]:
        """Ask for all tradable pairs. See `Venue.instruments`."""
        listing = await self._rest.instruments()
        if listing.refused:
            symbol, why = next(iter(listing.refused.items()))
            _log.warning(
                "hitbtc lists pairs that can't be understood; they are left out",
                pairs=len(listing.refused),
                first=symbol,
                why=why,
            )
        return listing.instruments

    async def balances(self) -> tuple[Balance, ...]:
        """Ask for all balances that are not zero. See `Venue.balances`."""
        return await self._rest.balances()

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        """Ask for all active orders. See `Venue.open_orders`."""
        return await self._rest.open_orders()

    async def find_order(self, client_order_id: str, symbol: str) -> VenueOrder | None:
        """Ask for one order wherever it may be. See `Venue.find_order`."""
        return await self._rest.find_order(client_order_id, symbol)

    async def cancel_order(self, client_order_id: str) -> None:
        """Cancel over REST. See `Venue.cancel_order`."""
        await self._rest.cancel_order(client_order_id)

    async def close(self) -> None:
        """Give back what the questions keep open. `run` closes its own connections."""
        await self._rest.close()


async def _close(connections: list[Connection]) -> None:
    """Close all, then raise what ended one of them if that was a failure of our own."""
    results = await asyncio.gather(*(c.close() for c in connections), return_exceptions=True)
    for failure in results:
        if isinstance(failure, BaseException):
            raise failure
