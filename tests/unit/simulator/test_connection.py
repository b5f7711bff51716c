"""One client's connection, with a transport that only counts."""

from typing import cast

from picows import WSTransport

from trader.simulator.connection import MAX_UNREAD_BYTES, Connection


class Transport:
    """Stands for a socket whose other side has not read `unread` bytes."""

    def __init__(self, unread: int) -> None:
        self.unread = unread
        self.sent: list[bytes] = []
        self.dropped = False

    @property
    def underlying_transport(self) -> "Transport":
        return self

    def get_write_buffer_size(self) -> int:
        return self.unread

    def send(self, _kind: object, frame: bytes) -> None:
        self.sent.append(frame)

    def disconnect(self, *, graceful: bool) -> None:
        self.dropped = True


def connected(unread: int) -> tuple[Connection, Transport]:
    connection, transport = Connection(), Transport(unread)
    connection.on_ws_connected(cast("WSTransport", transport))
    connection.pause_writing()
    return connection, transport


def test_client_that_stalls_is_disconnected_before_memory_runs_out() -> None:
    connection, transport = connected(MAX_UNREAD_BYTES + 1)
    connection.send(b"{}")
    assert transport.dropped
    assert transport.sent == []
    connection.send(b"{}")
    assert transport.sent == []


def test_client_that_is_merely_behind_is_still_served() -> None:
    connection, transport = connected(MAX_UNREAD_BYTES)
    connection.send(b"{}")
    connection.resume_writing()
    connection.send(b"{}")
    assert transport.sent == [b"{}", b"{}"]
    assert not transport.dropped
