"""One websocket to HitBTC: whole text messages in, text out at once, and its end told once."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self, cast

import picows

from core.contracts.clock import Clock
from core.contracts.errors import Retryable
from trader.venues.hitbtc.wire import one_line

if TYPE_CHECKING:
    from picows.picows import WSCloseHandshake

MAX_MESSAGE: Final = 4 * 1024 * 1024
"""Bytes. The largest honest message is the list of all balances, well under a megabyte."""
_PING_AFTER_S: Final = 5.0
_CLOSE_S: Final = 1.0
_TEXT: Final = picows.WSMsgType.TEXT
_UNAVAILABLE: Final = (OSError, picows.WSError, TimeoutError)

OnText = Callable[[bytes, int], None]
"""Hears each message and when its last frame came (UTC ns)."""


class Connection(picows.WSListener):
    """A websocket with its frames put together.

    A quiet peer is pinged; one that does not answer is gone. What `on_text` raises ends the
    connection and comes out of `close`.

    Attributes:
        ended: resolves to why the connection is gone.
    """

    def __init__(self, clock: Clock, on_text: OnText) -> None:
        self._now_ns = clock.now_ns
        self._on_text = on_text
        self._transport: picows.WSTransport | None = None
        self._partial: bytearray | None = None
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, url: str, clock: Clock, on_text: OnText, timeout_ms: int) -> Self:
        """Connect and upgrade; each of the two may take `timeout_ms`.

        Raises:
            Retryable: not reachable, TLS refused, no upgrade.
        """
        seconds = timeout_ms / 1000
        try:
            async with asyncio.timeout(2 * seconds):
                _, listener = await picows.ws_connect(
                    lambda _request, _response: cls(clock, on_text),
                    url,
                    websocket_handshake_timeout=seconds,
                    enable_auto_ping=True,
                    auto_ping_idle_timeout=_PING_AFTER_S,
                    auto_ping_reply_timeout=_PING_AFTER_S,
                    max_frame_size=MAX_MESSAGE,
                    max_redirects=0,
                )
        except _UNAVAILABLE as error:
            raise Retryable(f"can't connect to {url}: {error!r}") from error
        if not isinstance(listener, cls):
            raise Retryable(f"can't connect to {url}: closed before the upgrade")
        return listener

    def send(self, message: str) -> None:
        """Write a message to the socket, before this returns.

        Raises:
            Retryable: closed or closing, or earlier bytes still wait; nothing was written.
        """
        transport = self._transport
        if transport is None or transport.is_disconnected or transport.is_close_frame_sent:
            raise Retryable("not connected to hitbtc; nothing was sent")
        if self._is_closing() or self._bytes_waiting():
            raise Retryable("the connection to hitbtc is stuck or closing; nothing was sent")
        transport.send(_TEXT, message)

    def write(self, message: str) -> None:
        """Write a message to the socket, or behind what still waits; nothing once it is closed."""
        if self._transport is not None:
            self._transport.send(_TEXT, message)

    async def close(self) -> None:
        """Say goodbye and close; returns when the socket is gone.

        Raises:
            Exception: what `on_text` raised, if that is why the connection ended.
        """
        transport = self._transport
        if transport is None:
            return
        transport.send_close(picows.WSCloseCode.OK)
        transport.disconnect()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await transport.wait_disconnected()
        except TimeoutError:
            transport.disconnect(graceful=False)
        except picows.WSError:
            pass  # the peer broke the protocol: `ended` has told it

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Keep the way out."""
        self._transport = transport
        self._is_closing = transport.underlying_transport.is_closing
        self._bytes_waiting = transport.underlying_transport.get_write_buffer_size

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Put frames together (RFC 6455, 5.4); picows answers pings and checks each frame."""
        received_ns = self._now_ns()
        kind = frame.msg_type
        if kind == _TEXT and frame.fin and self._partial is None:
            self._on_text(frame.get_payload_as_bytes(), received_ns)
        elif kind == picows.WSMsgType.CLOSE:
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        elif kind in {_TEXT, picows.WSMsgType.CONTINUATION}:
            self._assemble(frame, received_ns)
        elif kind == picows.WSMsgType.BINARY:
            raise picows.WSProtocolError(
                picows.WSCloseCode.UNSUPPORTED_DATA, "a binary frame where text is spoken"
            )

    def _assemble(self, frame: picows.WSFrame, received_ns: int) -> None:
        continues = frame.msg_type == picows.WSMsgType.CONTINUATION
        if continues != (self._partial is not None):
            raise picows.WSProtocolError(
                picows.WSCloseCode.PROTOCOL_ERROR, "a fragment out of place"
            )
        partial = self._partial = self._partial or bytearray()
        partial += frame.get_payload_as_memoryview()
        if len(partial) > MAX_MESSAGE:
            raise picows.WSProtocolError(
                picows.WSCloseCode.MESSAGE_TOO_BIG, f"a message over {MAX_MESSAGE} bytes"
            )
        if frame.fin:
            self._partial = None
            self._on_text(bytes(partial), received_ns)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """Tell the end."""
        self.ended.set_result(_why(transport))

    def pause_writing(self) -> None:
        """Do nothing: `send` asks the transport itself."""

    def resume_writing(self) -> None:
        """Do nothing: `send` asks the transport itself."""


def _why(transport: picows.WSTransport) -> str:
    # None until either side says goodbye, whatever the library's types say
    handshake = cast("WSCloseHandshake | None", transport.close_handshake)
    if handshake is None:
        return "connection lost"
    theirs = handshake.recv_then_sent or handshake.sent is None
    info = handshake.recv if theirs else handshake.sent
    if info is None:
        return "connection lost"
    words = one_line(f"{info.code.name} {info.reason or ''}", 100)
    return f"closed by {'the venue' if theirs else 'us'}: {words}"
