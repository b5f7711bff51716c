"""Stand-ins for the bus and the cursor store, with the failures that tests ask for."""

from collections.abc import Sequence
from typing import Any

import msgspec

from core.contracts.clock import ManualClock
from core.contracts.errors import Retryable
from core.contracts.event import Event
from core.contracts.topics import EVENTS, Topic
from core.contracts.trace import Trace
from core.runtime.bus.in_process import InProcessBus

NOW_NS = 1_790_000_000_000_000_000


def key_by_id(event: Event) -> Sequence[str]:
    return (event.id,)


class MemoryCursorStore:
    """A `CursorStore` in memory; while `away`, it can't be reached."""

    def __init__(self) -> None:
        self.cursors: dict[tuple[str, str], str | None] = {}
        self.seen: dict[tuple[str, str], int] = {}  # (source, id) -> at_ns
        self.saves = 0
        self.away = False

    def _reach(self) -> None:
        if self.away:
            raise Retryable("the store is away")

    async def load_cursor(self, source: str, channel: str) -> str | None:
        self._reach()
        return self.cursors.get((source, channel))

    async def load_seen(self, source: str, since_ns: int) -> list[str]:
        self._reach()
        kept = [(at, id_) for (of, id_), at in self.seen.items() if of == source]
        return [id_ for at, id_ in sorted(kept, key=lambda one: one[0]) if at >= since_ns]

    async def save(
        self, source: str, channel: str, *, cursor: str | None, seen: Sequence[str], at_ns: int
    ) -> None:
        self._reach()
        self.saves += 1
        self.cursors[source, channel] = cursor
        for id_ in seen:
            self.seen.setdefault((source, id_), at_ns)


class NarrowBus(InProcessBus):
    """The in-process bus with room for `room` events (None: no bound), keeping all of them."""

    def __init__(self, room: int | None = None) -> None:
        super().__init__(ManualClock(NOW_NS))
        self.room = room
        self.events: list[Event] = []
        self.keys: list[str] = []
        self.traces: list[Trace] = []
        self.flushes = 0
        self.flush_fails = False
        self.subscribe(EVENTS, self._keep, group="test")

    def _keep(self, event: Event, key: str, trace: Trace) -> None:
        self.events.append(event)
        self.keys.append(key)
        self.traces.append(trace)

    def publish(
        self,
        topic: Topic[Any],
        record: msgspec.Struct,
        *,
        record_id: str,
        keys: Sequence[str],
        trace: Trace,
    ) -> None:
        if self.room is not None and topic is EVENTS:
            if self.room == 0:
                raise Retryable("the bus is full")
            self.room -= 1
        super().publish(topic, record, record_id=record_id, keys=keys, trace=trace)

    async def flush(self) -> None:
        if self.flush_fails:
            raise Retryable("not confirmed")
        self.flushes += 1
