"""Stamps that travel with a record from socket to socket, for the latency histograms."""

from itertools import pairwise
from typing import Final

STAGES: Final = ("received", "parsed", "decided", "approved", "sent", "acknowledged", "filled")


class Trace:
    """When one event passed each stage: UTC ns, 0 where it has not been.

    Mutable on purpose: it accompanies a record through one process and is never shared between
    two chains of handlers. Crossing Kafka it is the header `tidings-trace`.
    """

    __slots__ = STAGES

    received: int
    parsed: int
    decided: int
    approved: int
    sent: int
    acknowledged: int
    filled: int

    def __init__(self, received: int = 0) -> None:
        self.received = received
        self.parsed = self.decided = self.approved = 0
        self.sent = self.acknowledged = self.filled = 0

    def to_header(self) -> bytes:
        """Write the stamps as `stage=ns` pairs, those that are set."""
        return ",".join(f"{s}={v}" for s in STAGES if (v := getattr(self, s))).encode()

    @classmethod
    def from_header(cls, header: bytes) -> "Trace":
        """Read `to_header`'s bytes; what can't be read is left at 0, a trace is never essential."""
        trace = cls()
        for pair in header.decode("ascii", "replace").split(","):
            stage, _, value = pair.partition("=")
            if stage in STAGES and value.isdigit():
                setattr(trace, stage, int(value))
        return trace

    def hops(self) -> dict[str, int]:
        """Give each stage's nanoseconds since the stage before it, keyed `received_parsed` ..."""
        reached = [(s, v) for s in STAGES if (v := getattr(self, s))]
        return {f"{a}_{b}": t - s for (a, s), (b, t) in pairwise(reached)}
