"""The REST side of the simulated exchange: rules, books, balances, orders and their history."""

from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Final

from aiohttp import web

from trader.simulator.faults import REST_FAULTS, FaultKind
from trader.simulator.orders import Order, Refusal
from trader.simulator.signatures import check_request
from trader.simulator.venue import SimulatedVenue
from trader.simulator.wire import (
    encode,
    timestamp,
    wire_balances,
    wire_error,
    wire_levels,
    wire_order,
    wire_status,
    wire_symbol,
    wire_trade,
)

PREFIX: Final = "/api/3"
_MAX_ROWS: Final = 1000
_STATUS: Final = {429: 429, 500: 500, 503: 503, 504: 504, 1001: 401, 1002: 401}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def json_response(body: object, status: int = 200, **headers: str) -> web.Response:
    """Answer with JSON."""
    return web.Response(
        body=encode(body), status=status, content_type="application/json", headers=headers
    )


class RestApi:
    """Answers `/api/3/...`; private paths need the account's signature."""

    def __init__(self, venue: SimulatedVenue, api_key: str, api_secret: str) -> None:
        self._venue = venue
        self._exchange = venue.exchange
        self._api_key = api_key
        self._api_secret = api_secret

    def routes(self) -> list[web.RouteDef]:
        """List what is served."""
        return [
            web.get(f"{PREFIX}/public/symbol", self.symbols),
            web.get(f"{PREFIX}/public/orderbook/{{symbol}}", self.orderbook),
            web.get(f"{PREFIX}/spot/balance", self.balances),
            web.get(f"{PREFIX}/spot/order", self.orders),
            web.get(f"{PREFIX}/spot/order/{{client_order_id}}", self.order),
            web.delete(f"{PREFIX}/spot/order/{{client_order_id}}", self.cancel),
            web.get(f"{PREFIX}/spot/history/order", self.order_history),
            web.get(f"{PREFIX}/spot/history/trade", self.trade_history),
        ]

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Carry out faults, check signatures, and turn refusals into answers."""
        if not request.path.startswith(PREFIX):
            return await handler(request)
        fault = self._venue.faults.take(REST_FAULTS)
        try:
            if fault is not None:
                return _faulty(fault.kind, fault.code)
            if request.path.startswith(f"{PREFIX}/spot"):
                body = (await request.read()).decode("utf-8", "replace")
                check_request(
                    request.headers.get("Authorization", ""),
                    f"{request.method}{request.path_qs}{body}",
                    self._api_key,
                    self._api_secret,
                    self._venue.now_ns() // 1_000_000,
                )
            return await handler(request)
        except Refusal as refusal:
            return json_response(
                {"error": wire_error(refusal)}, status=_STATUS.get(refusal.code, 400)
            )

    async def symbols(self, _: web.Request) -> web.Response:
        """Give every pair's rules."""
        return json_response(
            {name: wire_symbol(listed) for name, listed in self._exchange.instruments.items()}
        )

    async def orderbook(self, request: web.Request) -> web.Response:
        """Give the best levels of one book."""
        symbol = request.match_info["symbol"]
        if symbol not in self._exchange.instruments:
            raise Refusal(2001, f"{symbol!r:.40} is not listed")
        depth = request.query.get("depth", "100")
        if not (depth.isascii() and depth.isdigit() and len(depth) < 5):  # noqa: PLR2004 - four digits
            raise Refusal(10001, "depth must be a number")
        book = self._exchange.books.get(symbol)
        return json_response(
            {
                "timestamp": timestamp(book.venue_ns if book else self._venue.now_ns()),
                "ask": wire_levels(book.asks if book else (), int(depth) or _MAX_ROWS),
                "bid": wire_levels(book.bids if book else (), int(depth) or _MAX_ROWS),
            }
        )

    async def balances(self, _: web.Request) -> web.Response:
        """Give all balances."""
        ledger = self._exchange.ledger
        return json_response(wire_balances(ledger, ledger.available))

    async def orders(self, _: web.Request) -> web.Response:
        """Give all active orders."""
        active = [wire_status(order) for order in self._exchange.active.values()]
        self._venue.release_all()
        return json_response(active)

    async def order(self, request: web.Request) -> web.Response:
        """Give one active order."""
        client_order_id = request.match_info["client_order_id"]
        self._venue.release(client_order_id)
        order = self._exchange.active.get(client_order_id)
        if order is None:
            raise Refusal(20002, f"{client_order_id:.64} is not active")
        return json_response(wire_status(order))

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel one active order."""
        client_order_id = request.match_info["client_order_id"]
        cancelled = self._exchange.cancel(client_order_id, self._venue.now_ns())
        self._venue.tell([cancelled])
        self._venue.tell_changes()
        return json_response(wire_order(cancelled))

    async def order_history(self, request: web.Request) -> web.Response:
        """Give orders, active ones included: one by its id, or the newest first."""
        return json_response([wire_status(order) for order in self._asked_for(request)])

    async def trade_history(self, request: web.Request) -> web.Response:
        """Give trades: those of one order, or the newest first."""
        if "client_order_id" in request.query:
            trades = [(order, t) for order in self._asked_for(request) for t in order.trades]
        else:
            trades = list(islice(reversed(self._exchange.trades), _MAX_ROWS))
        return json_response(
            [
                wire_trade(order, trade, self._exchange.instruments[order.asked.symbol])
                for order, trade in trades
            ]
        )

    def _asked_for(self, request: web.Request) -> list[Order]:
        """Find the orders that a history request is about; what was withheld on them comes out."""
        client_order_id = request.query.get("client_order_id")
        if client_order_id is None:
            return list(islice(reversed(self._exchange.orders.values()), _MAX_ROWS))
        self._venue.release(client_order_id)
        order = self._exchange.orders.get(client_order_id)
        return [order] if order else []


def _faulty(kind: FaultKind, code: int) -> web.Response:
    if kind is FaultKind.REST_429:
        error = wire_error(Refusal(429, "told to answer so"))
        return json_response({"error": error}, status=429, **{"Retry-After": "1"})
    if kind is FaultKind.REST_503:
        return json_response({"error": wire_error(Refusal(503, "told to answer so"))}, status=503)
    return json_response({"error": wire_error(Refusal(code, "told to answer so"))})
