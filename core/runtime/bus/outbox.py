"""Records on their way to a broker: kept until confirmed, in order, one lane a partition."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from core.contracts.cloudevents import Headers
from core.contracts.errors import Fatal


class Outgoing(NamedTuple):
    """One record as it goes out; `number` counts all records of the outbox from 1."""

    number: int
    key: bytes
    value: bytes
    headers: Headers


class Lane:
    """One partition's unconfirmed records, oldest first.

    One batch of it is on its way at a time, so that no failure can put a later record before an
    earlier one.

    Attributes:
        task: what sends them, while there are any.
    """

    __slots__ = ("partition", "records", "task", "topic")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.records: deque[Outgoing] = deque()
        self.task: asyncio.Task[None] | None = None


class Outbox:
    """All lanes together: how many records wait, and up to where all are confirmed.

    Attributes:
        published: the number of the newest record.
        waiting: how many are not confirmed.
    """

    def __init__(self) -> None:
        self.published = 0
        self.waiting = 0
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._watchers: list[tuple[int, asyncio.Future[None]]] = []
        self._failure: Fatal | None = None

    def lanes(self) -> Iterable[Lane]:
        """Give the lanes used so far."""
        return self._lanes.values()

    def put(self, topic: str, partition: int, key: bytes, value: bytes, headers: Headers) -> Lane:
        """Add a record to its lane and return the lane."""
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = Lane(topic, partition)
        self.published += 1
        self.waiting += 1
        lane.records.append(Outgoing(self.published, key, value, headers))
        return lane

    def confirm(self, lane: Lane, count: int) -> None:
        """Forget the oldest `count` records of a lane: the broker has them."""
        for _ in range(count):
            lane.records.popleft()
        self.waiting -= count
        if self._watchers:
            through = self.confirmed_through()
            for number, future in self._watchers:
                if number <= through and not future.done():
                    future.set_result(None)
            self._watchers = [w for w in self._watchers if not w[1].done()]

    def confirmed_through(self) -> int:
        """Give the number up to which every record is confirmed."""
        oldest = (lane.records[0].number for lane in self._lanes.values() if lane.records)
        return min(oldest, default=self.published + 1) - 1

    async def confirmed(self, number: int) -> None:
        """Wait until every record up to `number` is confirmed.

        Raises:
            Fatal: one of those that wait never will be.
        """
        if number <= self.confirmed_through():
            return
        if self._failure is not None:
            raise self._failure
        future = asyncio.get_running_loop().create_future()
        self._watchers.append((number, future))
        await future

    def fail(self, failure: Fatal) -> None:
        """Tell all who wait, now or later, that a record can't be confirmed."""
        self._failure = failure
        for _, future in self._watchers:
            if not future.done():
                future.set_exception(failure)
        self._watchers.clear()
