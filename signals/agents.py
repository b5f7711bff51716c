"""The Faust agent that classifies events, its story table, and what it may commit when."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import faust
import msgspec

from core.contracts.clock import Clock
from core.contracts.cloudevents import check_headers, headers_for
from core.contracts.codec import decoder, encode
from core.contracts.errors import DecodeError, Fatal, Rejected
from core.contracts.story import AssetStories, Story
from core.contracts.topics import DEAD_LETTERS, EVENTS, DeadLetter, Topic
from core.contracts.trace import Trace
from signals.classifier import Classifier

MOST_IN_FLIGHT: Final = 2_000
"""Events whose records the broker has not confirmed; beyond it the agent waits."""

_decode_stories: Final = decoder(AssetStories)

Partition = tuple[str, int]


class _Delivery:
    """One event being handled: how many of its records are unconfirmed, itself counted as one."""

    __slots__ = ("next_offset", "waiting")

    def __init__(self, next_offset: int) -> None:
        self.next_offset = next_offset
        self.waiting = 1


class Deliveries:
    """Events in each partition's order, until everything made of them is confirmed.

    Faust's own acknowledgement is not used: acknowledged out of order, it commits past an event
    that is still waiting, and after a rebalance it acknowledges events that nobody handled.
    """

    def __init__(self, fail: Callable[[BaseException], None]) -> None:
        """Call `fail` when the broker refuses a record."""
        self._fail = fail
        self._queues: dict[Partition, deque[_Delivery]] = {}
        self._current = _Delivery(0)
        self._in_flight = 0
        self._moved = asyncio.Event()

    def begin(self, partition: Partition, offset: int) -> None:
        """Start with the event at `offset`; the records that follow are made of it."""
        self._current = _Delivery(offset + 1)
        self._queues.setdefault(partition, deque()).append(self._current)
        self._in_flight += 1

    def add(self, confirmation: "asyncio.Future[Any]") -> None:
        """Have the present event wait for one more record."""
        self._current.waiting += 1
        confirmation.add_done_callback(partial(self._confirmed, self._current))

    def end(self) -> None:
        """Say that no more records will be made of the present event."""
        self._settle(self._current)

    def _confirmed(self, delivery: _Delivery, confirmation: "asyncio.Future[Any]") -> None:
        if confirmation.cancelled():
            self._fail(Fatal("a record was dropped before the broker had it"))
        elif (error := confirmation.exception()) is not None:
            self._fail(error)
        else:
            self._settle(delivery)

    def _settle(self, delivery: _Delivery) -> None:
        delivery.waiting -= 1
        if delivery.waiting == 0:
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

    async def room(self) -> None:
        """Wait until fewer than `MOST_IN_FLIGHT` events are unconfirmed."""
        while self._in_flight >= MOST_IN_FLIGHT:
            await self._move()

    async def drained(self) -> None:
        """Wait until every event begun so far is confirmed."""
        while any(d.waiting for queue in self._queues.values() for d in queue):
            await self._move()

    async def _move(self) -> None:
        self._moved.clear()
        await self._moved.wait()


class KeptTable(faust.Table[bytes, bytes]):
    """A Faust table that tells of each changelog record it sends.

    Attributes:
        on_sent: takes the future that is done when the broker has the record.
    """

    on_sent: Callable[["asyncio.Future[Any]"], None]

    def send_changelog(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Faust's signature
        """Send as Faust does."""
        sent = super().send_changelog(*args, **kwargs)
        self.on_sent(sent)
        return sent


class FaustStories:
    """The story table on Faust: asset code to `AssetStories`, both as bytes of our codec."""

    def __init__(self, table: Any) -> None:  # noqa: ANN401 - a Faust table
        self._table = table

    def get(self, asset: str) -> tuple[Story, ...]:
        """Give an asset's stories, none if it has none.

        Raises:
            Fatal: the changelog holds something else.
        """
        raw = self._table.get(asset.encode())
        if raw is None:
            return ()
        try:
            return _decode_stories(raw).stories
        except DecodeError as error:
            raise Fatal(f"the story table is damaged at {asset}: {error}") from error

    def put(self, stories: AssetStories) -> None:
        """Replace an asset's stories; the changelog record is on its way when this returns."""
        self._table[stories.asset.encode()] = encode(stories)


class WorkerBus:
    """As much of the bus as a classifier needs, on Faust's producer."""

    def __init__(self, topics: dict[str, Any], deliveries: Deliveries) -> None:
        """Take Faust's topics by the name our table of topics gives them."""
        self._topics = topics
        self._deliveries = deliveries

    def publish(
        self,
        topic: Topic[Any],
        record: msgspec.Struct,
        *,
        record_id: str,
        keys: Sequence[str],
        trace: Trace,
    ) -> None:
        """Take a record over; the present event waits for its confirmation."""
        value = encode(record)
        for key in keys:
            self._deliveries.add(
                self._topics[topic.name].send_soon(
                    key=key.encode(),
                    value=value,
                    headers=headers_for(topic, record_id, key, trace),
                )
            )


class EventAgent:
    """Takes events off Faust's stream and has them classified.

    Attributes:
        stopping: set it, and no further event is begun.
    """

    def __init__(
        self,
        classifier: Classifier,
        bus: WorkerBus,
        deliveries: Deliveries,
        *,
        clock: Clock,
        fail: Callable[[BaseException], None],
    ) -> None:
        self._classifier = classifier
        self._bus = bus
        self._deliveries = deliveries
        self._clock = clock
        self._fail = fail
        self.stopping = False

    async def run(self, stream: Any) -> None:  # noqa: ANN401 - a Faust stream
        """Handle events as they come, until stopped or failed.

        What fails is told to `fail`, not raised: Faust would start the agent again and go on
        with the next event.
        """
        async for event in stream.noack().events():
            if self.stopping:
                continue
            try:
                await self._deliveries.room()
                self._handle(event.message)
            except Exception as error:  # noqa: BLE001 - the worker stops with it
                self.stopping = True
                self._fail(error)

    def _handle(self, message: Any) -> None:  # noqa: ANN401 - a Faust message
        self._deliveries.begin((message.topic, message.partition), message.offset)
        raw = message.value or b""
        try:
            headers = [(name, value or b"") for name, value in message.headers or ()]
            trace = check_headers(EVENTS, headers, raw)
            try:
                key = (message.key or b"").decode()
            except UnicodeDecodeError as error:
                raise DecodeError(f"the key is not UTF-8: {error}", raw) from error
            self._classifier.on_event(EVENTS.decode(raw), key, trace)
        except Rejected as error:
            self._bury(message, raw, error)
        self._deliveries.end()

    def _bury(self, message: Any, raw: bytes, reason: Rejected) -> None:  # noqa: ANN401
        letter = DeadLetter(
            topic=EVENTS.name,
            partition=message.partition,
            offset=message.offset,
            reason=str(reason),
            raw=raw,
            failed_ns=self._clock.now_ns(),
        )
        place = f"signals/{message.topic}/{message.partition}/{message.offset}"
        self._bus.publish(DEAD_LETTERS, letter, record_id=place, keys=(EVENTS.name,), trace=Trace())
