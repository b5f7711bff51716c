"""The Faust agent that classifies events, its story table, and what it may commit when."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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

KEEP_AFTER_S: Final = 0.005
MOST_IN_FLIGHT: Final = 2_000
"""Events whose records the broker has not confirmed; beyond it the agent waits."""

_decode_stories: Final = decoder(AssetStories)

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
    """The story table on Faust: asset code to `AssetStories`, both as bytes of our codec.

    What an event changes is put into the table a moment after its signal was handed over: the
    producer sends one request at a time, and the signal is the one somebody waits for. The event
    is committed only when the broker has both, and gives both again until then.
    """

    def __init__(self, table: Any, deliveries: Deliveries) -> None:  # noqa: ANN401 - a Faust table
        self._table = table
        self._deliveries = deliveries
        self._changed: dict[str, AssetStories] = {}

    def get(self, asset: str) -> tuple[Story, ...]:
        """Give an asset's stories, none if it has none.

        Raises:
            Fatal: the changelog holds something else.
        """
        if (changed := self._changed.get(asset)) is not None:
            return changed.stories
        raw = self._table.get(asset.encode())
        if raw is None:
            return ()
        try:
            return _decode_stories(raw).stories
        except DecodeError as error:
            raise Fatal(f"the story table is damaged at {asset}: {error}") from error

    def put(self, stories: AssetStories) -> None:
        """Replace an asset's stories; the present event waits for the changelog record.

        Faust finds the partition by the event of the present context, which the timer keeps.
        """
        self._changed[stories.asset] = stories
        asyncio.get_running_loop().call_later(
            KEEP_AFTER_S, self._keep, stories, self._deliveries.hold()
        )

    def _keep(self, stories: AssetStories, delivery: "Delivery") -> None:
        with self._deliveries.held(delivery):
            self._table[stories.asset.encode()] = encode(stories)
        if self._changed.get(stories.asset) is stories:
            del self._changed[stories.asset]


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
                self._handle(event)
            except Exception as error:  # noqa: BLE001 - the worker stops with it
                self.stopping = True
                self._fail(error)

    def _handle(self, event: Any) -> None:  # noqa: ANN401 - a Faust event
        message = event.message
        partition = (message.topic, message.partition)
        if not self._deliveries.expects(partition, message.offset):
            return
        self._deliveries.begin(partition, message.offset, event)
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
