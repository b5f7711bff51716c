"""The public market data of the simulated exchange: who follows which book, and when it is sent."""

import asyncio
from collections.abc import Iterable
from typing import Final

from trader.simulator.connection import Connection
from trader.simulator.exchange import Exchange
from trader.simulator.faults import BOOK_FAULTS, Faults
from trader.simulator.orders import ExecutionReport, Refusal
from trader.simulator.wire import Request, book_frame, encode, plain

BOOK_CHANNEL: Final = "orderbook/D10/100ms"
TRADES_CHANNEL: Final = "trades"
_INTERVAL_S: Final = 0.1


class PublicFeed:
    """Sends whole books and trades to those who subscribed.

    A book goes out at most every 100 ms a symbol, its latest state then; with `immediate` at each
    change.
    """

    def __init__(self, exchange: Exchange, faults: Faults, *, immediate: bool) -> None:
        self._exchange = exchange
        self._faults = faults
        self._immediate = immediate
        self._followers: dict[tuple[str, str], set[Connection]] = {}  # by (channel, symbol)
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._due: set[str] = set()

    def subscribe(self, connection: Connection, channel: str, symbols: Iterable[str]) -> None:
        """Add a follower; it gets the books as they are now."""
        for symbol in symbols:
            self._followers.setdefault((channel, symbol), set()).add(connection)
            book = self._exchange.books.get(symbol)
            if channel == BOOK_CHANNEL and book is not None:
                connection.send(book_frame(BOOK_CHANNEL, symbol, book))

    def subscriptions(self, connection: Connection, channel: str) -> list[str]:
        """List what a connection follows on a channel."""
        return sorted(
            symbol
            for (followed, symbol), connections in self._followers.items()
            if followed == channel and connection in connections
        )

    def forget(self, connection: Connection) -> None:
        """Drop a follower that is gone."""
        for connections in self._followers.values():
            connections.discard(connection)

    def publish_books(self) -> None:
        """Send the books that changed, now or when their turn comes."""
        changed = self._exchange.changed_books
        while changed:
            symbol = changed.pop()
            if not self._followers.get((BOOK_CHANNEL, symbol)):
                continue
            if self._faults.take(BOOK_FAULTS):
                continue
            if self._immediate:
                self._send_book(symbol)
            elif symbol in self._waiting:
                self._due.add(symbol)
            else:
                self._send_book(symbol)
                self._wait(symbol)

    def publish_trade(self, told: ExecutionReport) -> None:
        """Send a trade to those who follow its symbol's trades."""
        asked, trade = told.order.asked, told.trade
        followers = self._followers.get((TRADES_CHANNEL, asked.symbol))
        if not followers or trade is None:
            return
        update = {
            "t": trade.traded_ns // 1_000_000,
            "i": trade.id,
            "p": plain(trade.price),
            "q": plain(trade.quantity),
            "s": asked.side if trade.taker else ("sell" if asked.side == "buy" else "buy"),
        }
        frame = encode({"ch": TRADES_CHANNEL, "update": {asked.symbol: [update]}})
        for connection in tuple(followers):
            connection.send(frame)

    def stop(self) -> None:
        """Send nothing more."""
        for handle in self._waiting.values():
            handle.cancel()
        self._waiting.clear()

    def _wait(self, symbol: str) -> None:
        loop = asyncio.get_running_loop()
        self._waiting[symbol] = loop.call_later(_INTERVAL_S, self._turn, symbol)

    def _turn(self, symbol: str) -> None:
        del self._waiting[symbol]
        if symbol in self._due:
            self._due.discard(symbol)
            self._send_book(symbol)
            self._wait(symbol)

    def _send_book(self, symbol: str) -> None:
        frame = book_frame(BOOK_CHANNEL, symbol, self._exchange.books[symbol])
        for connection in tuple(self._followers[BOOK_CHANNEL, symbol]):
            connection.send(frame)


class PublicConnection(Connection):
    """A client of `/api/3/ws/public`."""

    def __init__(self, exchange: Exchange, feed: PublicFeed) -> None:
        super().__init__()
        self._exchange = exchange
        self._feed = feed

    def handle(self, request: Request, _received_ns: int) -> None:
        """Take a subscription; nothing else can be asked here."""
        if request.method != "subscribe" or request.ch not in {BOOK_CHANNEL, TRADES_CHANNEL}:
            raise Refusal(10001, f"no method {request.method!r:.40} on channel {request.ch!r:.40}")
        symbols = request.params.get("symbols")
        if not isinstance(symbols, list) or not symbols:
            raise Refusal(10001, "params.symbols must be a list of symbols")
        for symbol in symbols:
            if not isinstance(symbol, str) or symbol not in self._exchange.instruments:
                raise Refusal(2001, f"{symbol!r:.40} is not listed")
        already = self._feed.subscriptions(self, request.ch)
        followed = sorted({*already, *symbols})
        result = {"ch": request.ch, "subscriptions": followed}
        self.send(encode({"result": result, "id": request.id}))
        self._feed.subscribe(self, request.ch, symbols)

    def closed(self) -> None:
        """Follow nothing more."""
        self._feed.forget(self)
