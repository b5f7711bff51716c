"""Bare websockets for benchmarks: a server that takes each path's one client, and an echo."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    ws_connect,
    ws_create_server,
)

HOST: Final = "127.0.0.1"


class Wire(WSListener):
    """The one client of a path; stamps each frame first thing, then hands it on."""

    def __init__(self) -> None:
        self.transport: WSTransport | None = None
        self.connected = asyncio.Event()
        self.on_frame: Callable[[int], None] = lambda _: None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport."""
        self.transport = transport
        self.connected.set()

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        """Tell when a text frame came (UTC ns)."""
        received_ns = time.time_ns()
        if frame.msg_type is WSMsgType.TEXT:
            self.on_frame(received_ns)

    def send(self, message: bytes) -> int:
        """Write a frame; give the time just before (UTC ns)."""
        if self.transport is None:
            raise RuntimeError("nobody is connected")
        sent_ns = time.time_ns()
        self.transport.send(WSMsgType.TEXT, message)
        return sent_ns


async def serve(wires: dict[str, Wire]) -> tuple[asyncio.Server, str]:
    """Serve each path to one client; give the server and its address without the path."""

    def accept(request: WSUpgradeRequest) -> WSListener | None:
        return wires.get(request.path.decode().partition("?")[0])

    server = await ws_create_server(accept, HOST, 0)
    return server, f"ws://{HOST}:{server.sockets[0].getsockname()[1]}"


class _Out(WSListener):
    """Only written to."""


class _Echo(WSListener):
    def __init__(self, out: WSTransport) -> None:
        self._out = out

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            self._out.send(WSMsgType.TEXT, frame.get_payload_as_bytes())


async def echo(url_in: str, url_out: str) -> None:
    """Pass every frame from one socket on to the other: the least any program can do."""
    out, _ = await ws_connect(_Out, url_out)
    await ws_connect(lambda: _Echo(out), url_in)
