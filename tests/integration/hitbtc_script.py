"""A venue that says over real sockets what a test tells it to: HitBTC's protocol, scripted."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import picows
from aiohttp import web

from core.contracts.money import Amount
from core.contracts.orders import Approved, Intent, OrderReport, Side, TimeInForce
from trader.venues.hitbtc.settings import HitBtcSettings
from trader.venues.port import Balance, Depth

KEY, SECRET = "key-1", "secret-1"
PATIENCE_S = 5.0

LISTING = {
    "BTCUSDT": {
        "type": "spot",
        "base_currency": "BTC",
        "quote_currency": "USDT",
        "status": "working",
        "quantity_increment": "0.00001",
        "tick_size": "0.01",
        "take_rate": "0.0025",
        "make_rate": "0.001",
        "fee_currency": "USDT",
    }
}
BALANCES = [
    {"currency": "USDT", "available": "1000", "reserved": "0"},
    {"currency": "BTC", "available": "0", "reserved": "0"},
]

Message = dict[str, Any]
Script = Callable[[Message], list[Message | str]]
RestScript = Callable[[web.Request], web.StreamResponse]


def order(client_order_id: str = "t1", **changes: object) -> Message:
    """An order as the venue writes it."""
    return {
        "id": 584244931496,
        "client_order_id": client_order_id,
        "symbol": "BTCUSDT",
        "side": "buy",
        "status": "new",
        "type": "limit",
        "time_in_force": "IOC",
        "quantity": "0.01000",
        "quantity_cumulative": "0",
        "price": "50000.01",
        "post_only": False,
        "created_at": "2026-01-02T03:04:05.678Z",
        "updated_at": "2026-01-02T03:04:05.679Z",
        "report_type": "new",
    } | changes


def trade_report(client_order_id: str = "t1", **changes: object) -> Message:
    """The report of a fill of 0.004."""
    return order(
        client_order_id,
        **{
            "status": "partiallyFilled",
            "quantity_cumulative": "0.004",
            "trade_id": 1361977606,
            "trade_quantity": "0.004",
            "trade_price": "49595.04",
            "trade_fee": "0.49",
            "trade_taker": True,
            "report_type": "trade",
        }
        | changes,
    )


def told(method: str, params: object) -> Message:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def approved(client_order_id: str = "t1", **changes: object) -> Approved:
    fields: dict[str, Any] = {
        "client_order_id": client_order_id,
        "signal_id": "s1",
        "desk": "event",
        "leg": "entry",
        "venue": "hitbtc",
        "symbol": "BTCUSDT",
        "asset": "BTC",
        "quote_asset": "USDT",
        "side": Side.BUY,
        "quantity": Amount("0.01"),
        "limit_price": Amount("50000.01"),
        "time_in_force": TimeInForce.IOC,
        "created_ns": 1,
        "expires_ns": 2,
    } | changes
    return Approved(intent=Intent(**fields), approved_ns=1)


class Heard:
    """A listener that keeps everything it hears, in order."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def on_report(self, report: OrderReport) -> None:
        self.calls.put_nowait(("report", report))

    def on_depth(self, depth: Depth) -> None:
        self.calls.put_nowait(("depth", depth))

    def on_balances(self, balances: tuple[Balance, ...]) -> None:
        self.calls.put_nowait(("balances", balances))

    def on_connected(self, venue: str) -> None:
        self.calls.put_nowait(("connected", venue))

    def on_disconnected(self, venue: str, reason: str) -> None:
        self.calls.put_nowait(("disconnected", reason))

    async def next(self, *kinds: str) -> Any:  # noqa: ANN401 - as many types as kinds
        """Wait for the next call of one of these kinds; others on the way are forgotten."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                kind, what = await self.calls.get()
                if kind in kinds:
                    return what

    async def report(self) -> OrderReport:
        report = await self.next("report")
        assert isinstance(report, OrderReport)
        return report


class _Peer(picows.WSListener):
    def __init__(self, exchange: "ScriptedExchange", path: str) -> None:
        self._exchange = exchange
        self._path = path
        self.transport: picows.WSTransport | None = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self.transport = transport
        self._exchange.peers[self._path] = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        elif frame.msg_type == picows.WSMsgType.TEXT:
            self._exchange.hear(self._path, frame.get_payload_as_utf8_text())

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class ScriptedExchange:
    """What it answers is in `trading`, `public` and `rest`, for a test to replace."""

    def __init__(self) -> None:
        self.peers: dict[str, picows.WSTransport] = {}
        self.received: asyncio.Queue[Message] = asyncio.Queue()
        self.raw: list[str] = []
        self.active: list[Message] = []
        self.scripts: dict[str, Script] = {"trading": self.greet, "public": self.subscribe}
        self.upgrade: Callable[[], picows.WSUpgradeResponseWithListener | None] = lambda: None
        self.requests: list[web.Request] = []
        self.rest: dict[str, RestScript] = {
            "GET /public/symbol": lambda _: web.json_response(LISTING)
        }
        self.ws_port = self.rest_port = 0

    def settings(self, **changes: object) -> HitBtcSettings:
        ws = f"ws://127.0.0.1:{self.ws_port}/api/3/ws"
        fields: dict[str, Any] = {
            "api_key": KEY,
            "secret": SECRET,
            "trading_url": f"{ws}/trading",
            "public_url": f"{ws}/public",
            "rest_url": f"http://127.0.0.1:{self.rest_port}/api/3",
            "connect_timeout_ms": 2000,
        } | changes
        return HitBtcSettings(**fields)

    def greet(self, message: Message) -> list[Message | str]:
        """Answer what comes before the first order; be silent about orders."""
        done: Message = {"jsonrpc": "2.0", "result": True, "id": message["id"]}
        match message["method"]:
            case "login":
                return [done]
            case "spot_subscribe":
                return [done, told("spot_orders", self.active)]
            case "spot_balance_subscribe":
                return [done, told("spot_balance", BALANCES)]
        return []

    def subscribe(self, message: Message) -> list[Message | str]:
        symbols = message["params"]["symbols"]
        return [
            {"result": {"ch": message["ch"], "subscriptions": symbols}, "id": message["id"]},
        ]

    def hear(self, path: str, text: str) -> None:
        self.raw.append(text)
        message = json.loads(text)
        self.received.put_nowait(message)
        for answer in self.scripts[path](message):
            self.tell(answer, path)

    def tell(self, message: Message | str, path: str = "trading") -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self.peers[path].send(picows.WSMsgType.TEXT, text)

    def drop(self, path: str = "trading") -> None:
        self.peers[path].disconnect(graceful=False)

    async def asked(self, method: str) -> Message:
        """Wait for the next request of this kind."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self.received.get()
                if message["method"] == method:
                    return message

    async def _serve_rest(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        path = request.path.removeprefix("/api/3")
        script = self.rest.get(f"{request.method} {path}")
        if script is None:
            return web.json_response({"error": {"code": 1, "message": "no script"}}, status=404)
        return script(request)

    @asynccontextmanager
    async def started(self) -> AsyncIterator["ScriptedExchange"]:
        def accept(
            request: picows.WSUpgradeRequest,
        ) -> _Peer | picows.WSUpgradeResponseWithListener:
            path = request.path.decode().rpartition("/")[2]
            return self.upgrade() or _Peer(self, path)

        server = await picows.ws_create_server(accept, "127.0.0.1", 0)
        self.ws_port = server.sockets[0].getsockname()[1]
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve_rest)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.rest_port = runner.addresses[0][1]
        try:
            yield self
        finally:
            for peer in self.peers.values():
                peer.disconnect(graceful=False)
            server.close()
            await server.wait_closed()
            await runner.cleanup()
