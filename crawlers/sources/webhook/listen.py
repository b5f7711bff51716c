"""Listens for HTTP with bounds on how many connect and how slow they may be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

from aiohttp import web

from core.contracts.errors import Retryable

_SHUTDOWN_S: Final = 1.0  # what an open request may take to end when the server stops
_LINGERING_S: Final = 1.0  # how long the rest of a refused body is read before the cut
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class _Door(asyncio.Protocol):
    """Lets a connection in while there is room."""

    def __init__(self, server: web.Server, most: int) -> None:
        self._server = server
        self._most = most

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        way = cast("asyncio.Transport", transport)
        if len(self._server.connections) >= self._most:
            way.write(_FULL)
            way.close()
            return
        handler = self._server()
        way.set_protocol(handler)
        handler.connection_made(way)


@asynccontextmanager
async def listening(
    app: web.Application, host: str, port: int, *, max_connections: int, head_timeout_s: float
) -> AsyncIterator[None]:
    """Serve an application while inside; open requests get a second to end.

    Bodies are given as they were sent, not decompressed.

    Args:
        app: what to serve; an application can be served once only.
        host: address to listen on.
        port: to listen on.
        max_connections: more are answered 503 and closed.
        head_timeout_s: for a request's head, from the connection or the last request on.

    Raises:
        Retryable: the address or port can't be had.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=_SHUTDOWN_S,
        keepalive_timeout=head_timeout_s,
        lingering_time=_LINGERING_S,
        auto_decompress=False,
    )
    await runner.setup()
    try:
        server = runner.server
        if server is None:
            raise RuntimeError("an application's runner has no server after its set-up")
        try:
            socket = await asyncio.get_running_loop().create_server(
                lambda: _Door(server, max_connections), host, port
            )
        except OSError as error:
            raise Retryable(
                f"can't listen on {host}:{port}: {error.strerror}; choose another address or port"
            ) from error
        try:
            yield
        finally:
            socket.close()
    finally:
        await runner.cleanup()
