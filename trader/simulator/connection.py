"""One client's websocket: frames in as requests, frames out, and an end to clients that stall."""

import time
from typing import Final

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from trader.simulator.orders import Refusal
from trader.simulator.wire import Request, error_answer, read_request

MAX_UNREAD_BYTES: Final = 64 * 1024 * 1024


class Connection(WSListener):
    """Reads requests and hands them to `handle`; what it refuses is answered with its code.

    A client that lets more than `MAX_UNREAD_BYTES` pile up is disconnected.
    """

    def __init__(self) -> None:
        self.transport: WSTransport | None = None
        self._stalled = False

    def handle(self, request: Request, received_ns: int) -> None:
        """Do what a request asks for and answer it.

        Args:
            request: as read from the frame.
            received_ns: when the frame came in, UTC ns by this machine's clock.

        Raises:
            Refusal: answered to the client with the request's id.
        """
        raise NotImplementedError

    def closed(self) -> None:
        """Hear that the socket is gone."""

    def send(self, frame: bytes) -> None:
        """Write a frame; nothing happens once the socket is gone."""
        transport = self.transport
        if transport is None:
            return
        if (
            self._stalled
            and transport.underlying_transport.get_write_buffer_size() > MAX_UNREAD_BYTES
        ):
            self.drop()
            return
        transport.send(WSMsgType.TEXT, frame)

    def drop(self) -> None:
        """End the connection at once: no close frame, nothing more is written."""
        if self.transport is not None:
            self.transport.disconnect(graceful=False)
            self.transport = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport."""
        self.transport = transport

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        """Forget the transport."""
        self.transport = None
        self.closed()

    def pause_writing(self) -> None:
        """Note that the client does not read as fast as we write."""
        self._stalled = True

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        self._stalled = False

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Handle one frame; a message in fragments is not taken."""
        received_ns = time.time_ns()
        if self.transport is None:
            return
        if frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
            return
        if frame.msg_type is not WSMsgType.TEXT or not frame.fin:
            transport.send_close(WSCloseCode.UNSUPPORTED_DATA, b"one JSON document a text frame")
            transport.disconnect()
            return
        request_id = None
        try:
            request = read_request(frame.get_payload_as_bytes())
            request_id = request.id
            self.handle(request, received_ns)
        except Refusal as refusal:
            self.send(error_answer(request_id, refusal))
