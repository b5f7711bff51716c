"""A plain client of the simulated exchange: what a test sends and reads, over real sockets."""

import asyncio
import base64
import hmac
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

KEY, SECRET = "simulated-key", "simulated-secret"
PATIENCE_S = 5.0

Message = dict[str, Any]


class Socket(WSListener):
    """Collects frames; `call` gives the answer to a request, `told` the notifications."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.closed = asyncio.Event()
        self.arrived = asyncio.Event()
        self._last_id = 0

    @classmethod
    async def connect(cls, url: str) -> "Socket":
        _, socket = await ws_connect(cls, url)
        assert isinstance(socket, cls)
        return socket

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            self.messages.append(msgspec.json.decode(frame.get_payload_as_bytes()))
            self.arrived.set()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.closed.set()
        self.arrived.set()

    def write(self, frame: Message | bytes | str) -> None:
        body = frame if isinstance(frame, bytes | str) else msgspec.json.encode(frame)
        self.transport.send(WSMsgType.TEXT, body)

    def ask(self, method: str, params: Message | None = None, **more: object) -> int:
        self._last_id += 1
        self.write({"method": method, "params": params or {}, "id": self._last_id, **more})
        return self._last_id

    async def call(self, method: str, params: Message | None = None, **more: object) -> Message:
        request_id = self.ask(method, params, **more)
        return await self.until(lambda m: m.get("id") == request_id)

    async def until(self, fits: Callable[[Message], bool], *, count: int = 1) -> Message:
        """Wait for the count-th message that fits."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = [message for message in self.messages if fits(message)]
                if len(found) >= count:
                    return found[count - 1]
                assert not self.closed.is_set(), "the socket was closed"
                self.arrived.clear()
                await self.arrived.wait()

    def reports(self, name: str) -> list[Message]:
        return [
            m["params"]
            for m in self.messages
            if m.get("method") == "spot_order" and m["params"]["client_order_id"] == name
        ]

    async def report(self, name: str, report_type: str) -> Message:
        """Wait for a report on an order."""
        message = await self.until(
            lambda m: (
                m.get("method") == "spot_order"
                and m["params"]["client_order_id"] == name
                and m["params"]["report_type"] == report_type
            )
        )
        return dict(message["params"])

    async def close(self) -> None:
        self.transport.disconnect()
        await self.transport.wait_disconnected()


async def trader(url: str, *, subscribe: bool = True) -> Socket:
    """Connect, log in, and subscribe to reports and balances."""
    socket = await Socket.connect(url)
    answer = await socket.call("login", login_params())
    assert answer["result"] is True
    if subscribe:
        assert (await socket.call("spot_subscribe"))["result"] is True
        params = {"mode": "updates"}
        assert (await socket.call("spot_balance_subscribe", params))["result"] is True
        await socket.until(lambda m: m.get("method") == "spot_balance")
    return socket


def login_params(*, secret: str = SECRET, at_ms: int | None = None) -> Message:
    at_ms = at_ms or time.time_ns() // 1_000_000
    signature = hmac.new(secret.encode(), f"{at_ms}10000".encode(), "sha256").hexdigest()
    return {
        "type": "HS256",
        "api_key": KEY,
        "timestamp": at_ms,
        "window": 10_000,
        "signature": signature,
    }


def order_params(name: str, **changes: object) -> Message:
    return {
        "client_order_id": name,
        "symbol": "BTCUSDT",
        "side": "buy",
        "type": "limit",
        "time_in_force": "IOC",
        "quantity": "1",
        "price": "101",
    } | changes


class Rest:
    """Signed requests to the REST side, and plain ones to the control side."""

    def __init__(self, session: aiohttp.ClientSession, rest_url: str, control_url: str) -> None:
        self._session = session
        self._rest_url = rest_url
        self._control_url = control_url

    async def ask(self, path: str, *, method: str = "GET", signed: bool = True) -> tuple[int, Any]:
        at_ms = time.time_ns() // 1_000_000
        text = f"{method}/api/3{path}{at_ms}"
        signature = hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest()
        token = base64.b64encode(f"{KEY}:{signature}:{at_ms}".encode()).decode()
        headers = {"Authorization": f"HS256 {token}"} if signed else {}
        async with self._session.request(
            method, self._rest_url + path, headers=headers
        ) as response:
            return response.status, await response.json()

    async def control(self, path: str, body: Message | None = None) -> tuple[int, Any]:
        url = f"{self._control_url}/{path}"
        if path.startswith("state"):
            async with self._session.get(url) as response:
                return response.status, await response.json()
        async with self._session.post(url, json=body or {}) as response:
            return response.status, await response.json()

    async def arm(self, kind: str, **more: object) -> None:
        assert await self.control("faults", {"kind": kind, **more}) == (200, {"ok": True})
