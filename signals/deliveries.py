"""The account of a worker's events: what waits for the broker, and what may be committed when."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from core.contracts.errors import Fatal

MOST_IN_FLIGHT: Final = 2_000
"""Events whose records the broker has not confirmed; beyond it the agent waits."""

Partition = tuple[str, int]

LOOKS_AT_A_GAP: Final = 3
"""So often the offsets of a gap are read again before they are believed not to exist."""


class Delivery:
    """One event being handled: how many of its records are unconfirmed, itself counted as one."""

    __slots__ = ("event", "next_offset", "waiting")

    def __init__(self, next_offset: int, event: object = None) -> None:
        self.next_offset = next_offset
        self.waiting = 1
        self.event = event  # Faust itself remembers the present event only while others do


class Deliveries:
    """Events in each partition's order, until everything made of them is confirmed.

    Faust's own acknowledgement is not used: acknowledged out of order, it commits past an event
    that is still waiting, and after a rebalance it acknowledges events that nobody handled. Nor
    is its delivery relied on: what it fetches while it resumes from a rebalance it may drop. Each
    partition's offsets are taken one after the other, and `missed` tells where to read again.
    """

    def __init__(
        self,
        fail: Callable[[BaseException], None],
        committed: Callable[[Partition], int | None],
    ) -> None:
        """Call `fail` when the broker refuses a record; `committed` gives where a partition began.

        `committed` answers None for a partition that nobody has committed in.
        """
        self._fail = fail
        self._committed = committed
        self._next: dict[Partition, int] = {}
        self._stuck: dict[Partition, tuple[int, int]] = {}
        self._queues: dict[Partition, deque[Delivery]] = {}
        self._current = Delivery(0)
        self._in_flight = 0
        self._moved = asyncio.Event()

    def expects(self, partition: Partition, offset: int) -> bool:
        """Say whether the event at `offset` is the next one; one that is not is to be left."""
        expected = self._expected(partition)
        _, times = self._stuck.get(partition, (0, 0))
        return offset == expected or (offset > expected and times > LOOKS_AT_A_GAP)

    def missed(self, ends: Mapping[Partition, int | None]) -> dict[Partition, int]:
        """Find the partitions that stand still before their end since the last call.

        Offsets that are still missing after `LOOKS_AT_A_GAP` readings do not exist (a
        transaction's marker): then the event behind them is the next one.

        Returns:
            For each such partition the offset to read again from.
        """
        again: dict[Partition, int] = {}
        stuck: dict[Partition, tuple[int, int]] = {}
        for partition, end in ends.items():
            expected = self._expected(partition)
            if end is None or expected >= end:
                continue
            before, times = self._stuck.get(partition, (-1, 0))
            stuck[partition] = expected, times + 1 if before == expected else 0
            if before == expected:
                again[partition] = expected
        self._stuck = stuck
        return again

    def _expected(self, partition: Partition) -> int:
        expected = self._next.get(partition)
        return expected if expected is not None else self._committed(partition) or 0

    def begin(self, partition: Partition, offset: int, event: object) -> None:
        """Start with the event at `offset`; the records that follow are made of it."""
        self._current = Delivery(offset + 1, event)
        self._next[partition] = offset + 1
        self._stuck.pop(partition, None)
        self._queues.setdefault(partition, deque()).append(self._current)
        self._in_flight += 1

    def add(self, confirmation: "asyncio.Future[Any]") -> None:
        """Have the present event wait for one more record."""
        self._current.waiting += 1
        confirmation.add_done_callback(partial(self._confirmed, self._current))

    def end(self) -> None:
        """Say that no more records will be made of the present event, but for those held."""
        self._settle(self._current)

    def hold(self) -> Delivery:
        """Have the present event wait for records that `held` will make of it later."""
        self._current.waiting += 1
        return self._current

    @contextmanager
    def held(self, delivery: Delivery) -> Iterator[None]:
        """Make the records that an event was held for."""
        present, self._current = self._current, delivery
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the worker stops with it
            self._fail(error)
        else:
            self._settle(delivery)
        finally:
            self._current = present

    def _confirmed(self, delivery: Delivery, confirmation: "asyncio.Future[Any]") -> None:
        if confirmation.cancelled():
            self._fail(Fatal("a record was dropped before the broker had it"))
        elif (error := confirmation.exception()) is not None:
            self._fail(error)
        else:
            self._settle(delivery)

    def _settle(self, delivery: Delivery) -> None:
        delivery.waiting -= 1
        if delivery.waiting == 0:
            delivery.event = None
            self._in_flight -= 1
            self._moved.set()

    def committable(self) -> dict[Partition, int]:
        """Take out what is confirmed without a gap; give each partition's next offset."""
        ready: dict[Partition, int] = {}
        for partition, queue in self._queues.items():
            while queue and queue[0].waiting == 0:
                ready[partition] = queue.popleft().next_offset
        return ready

    def forget(self, partitions: Sequence[Partition]) -> None:
        """Drop partitions that are no longer ours; whoever has them starts at the commit."""
        for partition in partitions:
            self._queues.pop(partition, None)
            self._next.pop(partition, None)
            self._stuck.pop(partition, None)

    @property
    def full(self) -> bool:
        """Whether `MOST_IN_FLIGHT` events are unconfirmed."""
        return self._in_flight >= MOST_IN_FLIGHT

    async def room(self) -> None:
        """Wait until fewer than `MOST_IN_FLIGHT` events are unconfirmed."""
        while self.full:
            await self._move()

    async def drained(self) -> None:
        """Wait until every event begun so far is confirmed."""
        while any(d.waiting for queue in self._queues.values() for d in queue):
            await self._move()

    async def _move(self) -> None:
        self._moved.clear()
        await self._moved.wait()
