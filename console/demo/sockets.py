"""Puts a station on loopback sockets: feeds and control over HTTP, wires over websockets."""

import asyncio
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit
from weakref import WeakSet

import msgspec
from aiohttp import web
from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    ws_create_server,
)

from console.demo.outlets import Page, Wire
from console.demo.station import Pace, Station
from core.contracts.errors import Rejected

HOST: Final = "127.0.0.1"
HEARTBEAT: Final = b'{"type":"heartbeat"}'
WIRE_PATH: Final = "/wire"
_MAX_UNREAD_BYTES: Final = 64 * 1024 * 1024


class FeedAddress(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a feed is: of an outlet, or of a recorded document, which has a `file`."""

    channel: str
    url: str
    file: str | None = None


class WireAddress(msgspec.Struct, frozen=True):
    """Where a wire is, and whether its bodies are HTML."""

    channel: str
    url: str
    html: bool


class Endpoints(msgspec.Struct, frozen=True):
    """Where running news servers are reached; its JSON is the line printed at the start.

    `ws_url` is the first wire's address.
    """

    http_url: str
    ws_url: str
    control_url: str
    feeds: tuple[FeedAddress, ...]
    wires: tuple[WireAddress, ...]


class _StepRequest(msgspec.Struct, forbid_unknown_fields=True):
    step: int


class _StartRequest(msgspec.Struct, forbid_unknown_fields=True):
    rate: float | None = None


class WireConnection(WSListener):
    """One reader's websocket; one that lets megabytes pile up is disconnected."""

    def __init__(self, wire: Wire, since: str | None) -> None:
        self._wire = wire
        self._since = since
        self.transport: WSTransport | None = None

    def send(self, message: bytes) -> None:
        """Write one message; nothing happens once the socket is gone."""
        transport = self.transport
        if transport is None:
            return
        if transport.underlying_transport.get_write_buffer_size() > _MAX_UNREAD_BYTES:
            self.drop()
            return
        transport.send(WSMsgType.TEXT, message)

    def drop(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.disconnect(graceful=False)
            self.transport = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Begin to follow the wire; picows has set TCP_NODELAY."""
        self.transport = transport
        self._wire.follow(self, self._since)

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        """Stop following."""
        self.transport = None
        self._wire.leave(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Answer the end of the connection; readers have nothing else to say."""
        if frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()


class NewsSockets:
    """One station on sockets of this process; call `start` and `stop` once each."""

    def __init__(self, station: Station, *, rate: float, heartbeat_ms: int) -> None:
        self.station: Final = station
        self._rate = rate
        self._heartbeat_s = heartbeat_ms / 1000
        self._pace = Pace(station)
        self._websockets: asyncio.Server | None = None
        self._http: web.AppRunner | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._connections: WeakSet[WireConnection] = WeakSet()

    async def start(self, port: int, ws_port: int) -> Endpoints:
        """Listen on loopback.

        Raises:
            OSError: a port is taken.
        """
        self._websockets = await ws_create_server(self._accept, HOST, ws_port)
        ws_port = self._websockets.sockets[0].getsockname()[1]
        app = web.Application()
        app.add_routes(
            [
                web.get("/feeds/{name}", self._page),
                web.get("/documents/{number}/{file:.*}", self._page),
                web.post("/control/release", self._release),
                web.post("/control/start", self._start),
                web.get("/control/progress", self._progress),
                web.get("/control/served", self._served),
            ]
        )
        self._http = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._http.setup()
        await web.TCPSite(self._http, HOST, port).start()
        self._heartbeat()
        http_url = f"http://{HOST}:{self._http.addresses[0][1]}"
        ws_url = f"ws://{HOST}:{ws_port}{WIRE_PATH}"
        return Endpoints(
            http_url=http_url,
            ws_url=ws_url,
            control_url=f"{http_url}/control",
            feeds=self._feed_addresses(http_url),
            wires=tuple(
                WireAddress(slug, f"{ws_url}/{slug}", wire.outlet.html)
                for slug, wire in self.station.wires.items()
            ),
        )

    async def stop(self) -> None:
        """Close every socket."""
        self._pace.stop()
        if self._beat is not None:
            self._beat.cancel()
        for connection in tuple(self._connections):
            connection.drop()
        if self._websockets is not None:
            self._websockets.close()
            await self._websockets.wait_closed()
        if self._http is not None:
            await self._http.cleanup()

    def _feed_addresses(self, http_url: str) -> tuple[FeedAddress, ...]:
        outlets = (
            FeedAddress(slug, f"{http_url}/feeds/{slug}.{feed.outlet.form}")
            for slug, feed in self.station.feeds.items()
        )
        documents = (
            FeedAddress(channel, f"{http_url}/documents/{n}/{quote(found.file)}", found.file)
            for n, (channel, found) in enumerate(self.station.documents.items())
        )
        return (*outlets, *documents)

    def _accept(self, request: WSUpgradeRequest) -> WSListener | None:
        """Choose the wire that a websocket follows; None answers 404."""
        asked = urlsplit(request.path.decode("ascii", "replace"))
        wires = self.station.wires
        if asked.path == WIRE_PATH and wires:
            wire: Wire | None = next(iter(wires.values()))
        else:
            wire = wires.get(asked.path.removeprefix(f"{WIRE_PATH}/"))
        if wire is None:
            return None
        since = parse_qs(asked.query).get("since")
        connection = WireConnection(wire, since[0] if since else None)
        self._connections.add(connection)
        return connection

    def _heartbeat(self) -> None:
        for connection in tuple(self._connections):
            connection.send(HEARTBEAT)
        self._beat = asyncio.get_running_loop().call_later(self._heartbeat_s, self._heartbeat)

    async def _page(self, request: web.Request) -> web.Response:
        """Serve a feed or document, or say that it is as the reader has it (RFC 9110, 13.2.2)."""
        page = self._find(request)
        if page is None:
            raise web.HTTPNotFound
        page.asked.requests += 1
        page.asked.served = page.asked.version
        headers = {
            "ETag": page.etag,
            "Last-Modified": page.last_modified,
            "Cache-Control": "no-cache",
        }
        if _has_it(request, page):
            page.asked.not_modified += 1
            return web.Response(status=304, headers=headers)
        return web.Response(body=page.body, headers={**headers, "Content-Type": page.content_type})

    def _find(self, request: web.Request) -> Page | None:
        info = request.match_info
        if "name" in info:
            slug, _, form = info["name"].rpartition(".")
            feed = self.station.feeds.get(slug)
            return feed.page if feed is not None and feed.outlet.form == form else None
        channels = list(self.station.documents)
        number = int(info["number"]) if info["number"].isdecimal() else -1
        return self.station.pages[channels[number]] if 0 <= number < len(channels) else None

    async def _release(self, request: web.Request) -> web.Response:
        """Release the post of a step: {"step":7}."""
        try:
            asked = msgspec.json.decode(await request.read(), type=_StepRequest)
            return _json(self.station.release(asked.step))
        except (msgspec.DecodeError, Rejected) as error:
            return _json({"error": str(error)}, 400)

    async def _start(self, request: web.Request) -> web.Response:
        """Release everything left at a steady rate: {} or {"rate":50}."""
        try:
            asked = msgspec.json.decode(await request.read() or b"{}", type=_StartRequest)
        except msgspec.DecodeError as error:
            return _json({"error": str(error)}, 400)
        rate = self._rate if asked.rate is None else asked.rate
        if rate <= 0:
            return _json({"error": f"rate must be above zero, not {rate}"}, 400)
        self._pace.start(rate)
        return _json({"ok": True})

    async def _progress(self, _: web.Request) -> web.Response:
        """Tell how many posts are out."""
        released, total = self.station.released, self.station.total
        return _json({"released": released, "total": total, "done": released == total})

    async def _served(self, _: web.Request) -> web.Response:
        """Tell which version of each feed is out, and which was fetched."""
        return _json(self.station.served())


def _has_it(request: web.Request, page: Page) -> bool:
    if request.if_none_match is not None:
        return any(f'"{tag.value}"' == page.etag for tag in request.if_none_match)
    since = request.if_modified_since
    return since is not None and since.timestamp() >= page.modified_s


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type="application/json"
    )
