"""HitBTC's public socket: the best levels of the chosen books, whole, every 100 ms."""

from collections.abc import Collection
from typing import Final

import msgspec

from core.contracts.clock import Clock
from core.contracts.errors import DecodeError
from trader.venues.hitbtc.codes import DEPTH_CHANNEL
from trader.venues.hitbtc.connection import Connection
from trader.venues.hitbtc.oddities import Oddities
from trader.venues.hitbtc.parse import parse_fault, present
from trader.venues.hitbtc.parse_market import parse_depth, parse_market
from trader.venues.hitbtc.settings import HitBtcSettings
from trader.venues.port import VenueListener

_BATCH: Final = 100
"""Symbols in one request, so that none grows past what the venue takes."""


class MarketSocket:
    """One public connection; made by `open`, of no use after its end."""

    def __init__(
        self, settings: HitBtcSettings, clock: Clock, listener: VenueListener, oddities: Oddities
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._listener = listener
        self._oddities = oddities
        self._wanted: frozenset[str] = frozenset()
        self._subscribed: set[str] = set()
        self._last_id = 0

    async def open(self) -> Connection:
        """Connect.

        Raises:
            Retryable: not reachable.
        """
        self._connection = await Connection.open(
            self._settings.public_url,
            self._clock,
            self._on_text,
            self._settings.connect_timeout_ms,
        )
        return self._connection

    def follow(self, symbols: Collection[str]) -> None:
        """Follow these books and no others; those left out may still come, and are dropped."""
        self._wanted = frozenset(symbols)
        new = sorted(self._wanted - self._subscribed)
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            self._last_id += 1
            request = {
                "method": "subscribe",
                "ch": DEPTH_CHANNEL,
                "params": {"symbols": batch},
                "id": self._last_id,
            }
            self._connection.write(msgspec.json.encode(request).decode())
            self._subscribed.update(batch)

    def _on_text(self, raw: bytes, received_ns: int) -> None:
        try:
            frame = parse_market(raw)
            if present(frame.error):
                fault = parse_fault(frame.error)
                raise DecodeError(f"no market data: {fault.code} {fault.text()}", raw)  # noqa: TRY301
            if present(frame.result):
                return  # the answer to a subscription; a symbol it leaves out has no book
            for depth in parse_depth(raw, frame, received_ns):
                if depth.symbol in self._wanted:
                    self._listener.on_depth(depth)
        except DecodeError as error:
            self._oddities.add(str(error))
