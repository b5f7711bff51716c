"""Records and an inbox for the tests of the buses."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from core.contracts.event import Event
from core.contracts.identity import event_id
from core.contracts.orders import Refused, RefuseReason
from core.contracts.trace import Trace

R = TypeVar("R", bound=msgspec.Struct)

PATIENCE_S = 20.0


def event(number: int, text: str = "") -> Event:
    """Make an event whose native id is its number."""
    return Event(
        id=event_id("test", "bus", str(number)),
        source="test",
        channel="bus",
        native_id=str(number),
        text=text,
        published_ns=number,
        received_ns=number,
    )


def refusal(signal_id: str) -> Refused:
    """Make a refusal of a signal."""
    return Refused(signal_id=signal_id, reason=RefuseReason.EXPIRED, refused_ns=1)


class Inbox(Generic[R]):
    """A handler that keeps what it gets; several may share the event of an arrival."""

    def __init__(self, arrived: asyncio.Event | None = None) -> None:
        self.records: list[tuple[R, str]] = []
        self.traces: list[Trace] = []
        self._arrived = arrived or asyncio.Event()

    def __call__(self, record: R, key: str, trace: Trace) -> None:
        self.records.append((record, key))
        self.traces.append(trace)
        self._arrived.set()

    async def holds(self, count: int) -> None:
        """Wait until at least `count` records have come."""
        await self.sees(lambda: len(self.records) >= count)

    async def sees(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, looked at with each record that comes."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._arrived.clear()
                await self._arrived.wait()
