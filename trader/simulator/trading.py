"""The private websocket of the simulated exchange: login, orders, reports, balances."""

from collections.abc import Callable, Mapping
from typing import Final

from trader.simulator.connection import Connection
from trader.simulator.order_entry import new_order
from trader.simulator.orders import Refusal
from trader.simulator.signatures import check_login
from trader.simulator.venue import SimulatedVenue
from trader.simulator.wire import (
    Request,
    answer,
    notification,
    wire_balances,
    wire_order,
    wire_status,
)


class TradingConnection(Connection):
    """A client of `/api/3/ws/trading`; before its login it may only log in."""

    def __init__(self, venue: SimulatedVenue, api_key: str, api_secret: str) -> None:
        super().__init__()
        self._venue = venue
        self._api_key = api_key
        self._api_secret = api_secret
        self._logged_in = False

    def handle(self, request: Request, received_ns: int) -> None:
        """Answer one request of the account."""
        if request.method == "spot_new_order" and self._logged_in:
            new_order(self._venue, self, request, received_ns)
            return
        if request.method == "login":
            now_ms = self._venue.now_ns() // 1_000_000
            check_login(request.params, self._api_key, self._api_secret, now_ms)
            self._logged_in = True
            self.send(answer(request.id, result=True))
            return
        if not self._logged_in:
            raise Refusal(1001, "log in first")
        act = _METHODS.get(request.method)
        if act is None:
            raise Refusal(10001, f"no method {request.method!r:.40}")
        act(self._venue, self, request)

    def closed(self) -> None:
        """Hear nothing more."""
        self._venue.forget(self)


def _subscribe(venue: SimulatedVenue, connection: Connection, request: Request) -> None:
    connection.send(answer(request.id, result=True))
    active = [wire_status(order) for order in venue.exchange.active.values()]
    connection.send(notification("spot_orders", active))
    venue.report_listeners[connection] = None


def _subscribe_balances(venue: SimulatedVenue, connection: Connection, request: Request) -> None:
    if request.params.get("mode", "updates") != "updates":
        raise Refusal(10001, "only mode updates is supported")
    connection.send(answer(request.id, result=True))
    connection.send(notification("spot_balance", _all_balances(venue)))
    venue.balance_listeners[connection] = None


def _cancel(venue: SimulatedVenue, connection: Connection, request: Request) -> None:
    cancelled = venue.exchange.cancel(_client_order_id(request.params), venue.now_ns())
    venue.tell([cancelled])
    connection.send(answer(request.id, wire_order(cancelled)))
    venue.tell_changes()


def _cancel_all(venue: SimulatedVenue, connection: Connection, request: Request) -> None:
    symbol = request.params.get("symbol")
    chosen = [
        order.asked.client_order_id
        for order in venue.exchange.active.values()
        if symbol is None or order.asked.symbol == symbol
    ]
    cancelled = [venue.exchange.cancel(name, venue.now_ns()) for name in chosen]
    venue.tell(cancelled)
    connection.send(answer(request.id, [wire_order(told) for told in cancelled]))
    venue.tell_changes()


def _orders(venue: SimulatedVenue, connection: Connection, request: Request) -> None:
    active = [wire_status(order) for order in venue.exchange.active.values()]
    connection.send(answer(request.id, active))
    venue.release_all()


def _balances(venue: SimulatedVenue, connection: Connection, request: Request) -> None:
    connection.send(answer(request.id, _all_balances(venue)))


def _all_balances(venue: SimulatedVenue) -> list[dict[str, str]]:
    return wire_balances(venue.exchange.ledger, venue.exchange.ledger.available)


def _client_order_id(params: Mapping[str, object]) -> str:
    client_order_id = params.get("client_order_id")
    if not isinstance(client_order_id, str):
        raise Refusal(10001, "client_order_id is missing")
    return client_order_id


_METHODS: Final[dict[str, Callable[[SimulatedVenue, Connection, Request], None]]] = {
    "spot_subscribe": _subscribe,
    "spot_balance_subscribe": _subscribe_balances,
    "spot_cancel_order": _cancel,
    "spot_cancel_orders": _cancel_all,
    "spot_get_orders": _orders,
    "spot_balances": _balances,
}
