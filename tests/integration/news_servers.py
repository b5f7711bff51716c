"""Real local servers that speak as feeds and news streams do, and misbehave when told to."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web

Answer = web.StreamResponse | None
Handler = Callable[[web.Request], Awaitable[Answer]]


class FeedServer:
    """Serves one feed at `/feed`.

    With nothing scripted it serves `document` with its `etag` and answers a matching
    `If-None-Match` with 304; each scripted handler answers one request before that. `pages` are
    served at their own path and query; `/robots.txt` apart, and its requests are not counted.
    """

    def __init__(self) -> None:
        self.document = b""
        self.etag: str | None = None
        self.last_modified: str | None = None
        self.script: deque[Handler] = deque()
        self.requests: list[web.Request] = []
        self.statuses: list[int] = []
        self.asked = asyncio.Event()
        self.url = ""
        self.pages: dict[str, bytes] = {}
        self.robots: bytes | None = None
        self.robots_status = 200
        self.robots_requests = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/robots.txt":
            self.robots_requests += 1
            if self.robots is None:
                return web.Response(status=404)
            return web.Response(body=self.robots, status=self.robots_status)
        self.requests.append(request)
        response = await self.script.popleft()(request) if self.script else None
        if response is None:
            response = self._serve(request)
        self.statuses.append(response.status)
        self.asked.set()
        return response

    def _serve(self, request: web.Request) -> web.Response:
        if request.path_qs in self.pages:
            return web.Response(body=self.pages[request.path_qs])
        if self.pages and request.path != "/feed":
            return web.Response(status=404)
        same = self.etag is not None and request.headers.get("If-None-Match") == self.etag
        since = request.headers.get("If-Modified-Since")
        if same or (self.last_modified is not None and since == self.last_modified):
            return web.Response(status=304)
        headers = {"Content-Type": "application/rss+xml"}
        if self.etag:
            headers["ETag"] = self.etag
        if self.last_modified:
            headers["Last-Modified"] = self.last_modified
        return web.Response(body=self.document, headers=headers)

    def publish(self, *items: tuple[str, str]) -> None:
        """Put items (id, title) into the feed, the last one newest."""
        entries = "".join(
            f"<item><guid>{native_id}</guid><title>{title}</title>"
            f"<pubDate>Tue, 02 Jan 2024 03:04:{index:02} GMT</pubDate></item>"
            for index, (native_id, title) in reversed(list(enumerate(items)))
        )
        self.document = f'<rss version="2.0"><channel>{entries}</channel></rss>'.encode()

    async def until_asked(self, times: int) -> None:
        """Wait until so many requests were answered."""
        async with asyncio.timeout(10):
            while len(self.statuses) < times:
                self.asked.clear()
                await self.asked.wait()


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[int]:
    """Run an application on a free loopback port."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port: int = runner.addresses[0][1]
        yield port
    finally:
        await runner.cleanup()


@asynccontextmanager
async def feed_server() -> AsyncIterator[FeedServer]:
    server = FeedServer()
    app = web.Application()
    app.router.add_get("/{path:.*}", server.handle)
    async with serving(app) as port:
        server.url = f"http://127.0.0.1:{port}/feed"
        yield server


class NewsSocket:
    """Serves one news stream; keeps what it sent, and sends again what follows a resume id."""

    def __init__(self) -> None:
        self.sent: list[dict[str, object]] = []
        self.clients: list[web.WebSocketResponse] = []
        self.requests: list[web.Request] = []
        self.heard: list[str] = []
        self.changed = asyncio.Event()
        self.url = ""
        self.pings = 0
        self.pongs: list[bytes] = []
        self.mute = False  # leaves pings unanswered

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self.requests.append(request)
        after = request.query.get("after")
        if after is not None:
            ids = [item["id"] for item in self.sent]
            for item in self.sent[ids.index(after) + 1 if after in ids else 0 :]:
                await socket.send_str(json.dumps(item))
        self.clients.append(socket)
        self.changed.set()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.heard.append(message.data)
            elif message.type is WSMsgType.PONG:
                self.pongs.append(bytes(message.data))
            elif message.type is WSMsgType.PING:
                self.pings += 1
                if not self.mute:
                    await socket.pong(message.data)
            self.changed.set()
        self.clients.remove(socket)
        self.changed.set()
        return socket

    async def send(self, *items: tuple[str, str]) -> None:
        """Send items (id, title) to whoever is connected; keep them for those who come later."""
        for native_id, title in items:
            item: dict[str, object] = {"id": native_id, "title": title, "time": 1_704_164_645_000}
            self.sent.append(item)
            await self.send_raw(json.dumps(item))

    async def send_raw(self, text: str) -> None:
        """Send a message as it is."""
        for client in self.clients:
            await client.send_str(text)

    async def send_fragments(self, *parts: bytes) -> None:
        """Send one text message in several frames, with a ping between the first two."""
        for request in self.requests[-1:]:
            if request.transport is None:
                raise ConnectionError("no client")
            for number, part in enumerate(parts):
                kind = 1 if number == 0 else 0
                last = 0x80 if number == len(parts) - 1 else 0
                request.transport.write(bytes([last | kind, len(part)]) + part)
                if number == 0:
                    request.transport.write(bytes([0x89, 0]))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the server has seen something."""
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def until_connected(self) -> None:
        """Wait for a client."""
        await self.until(lambda: bool(self.clients))

    async def cut(self) -> None:
        """Drop every connection without a goodbye."""
        for request in self.requests:
            if request.transport is not None:
                request.transport.abort()
        await self.until(lambda: not self.clients)


@asynccontextmanager
async def news_socket() -> AsyncIterator[NewsSocket]:
    server = NewsSocket()
    app = web.Application()
    app.router.add_get("/news", server.handle)
    async with serving(app) as port:
        server.url = f"ws://127.0.0.1:{port}/news"
        try:
            yield server
        finally:
            for client in list(server.clients):
                await client.close()
