"""A bus with a spool before it: what was published outlives an absent broker and `kill -9`."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, Final

from core.contracts.clock import Clock
from core.contracts.errors import ConfigurationError, Fatal, Rejected, Retryable
from core.contracts.topics import DEAD_LETTERS, EVENTS, TOPICS, Topic
from core.contracts.trace import Trace
from core.runtime.backoff import delays
from core.runtime.bus.delivery import bury
from core.runtime.bus.port import AnyTopic, Bus, Handler, R
from core.runtime.bus.spool_lines import Spooled, to_line
from core.runtime.bus.spool_log import SEGMENT_BYTES
from core.runtime.bus.spool_queue import SpoolQueue, SpoolState
from core.runtime.health import CheckResult
from core.runtime.logs import get_logger

MAX_BYTES: Final = 512 * 1024 * 1024
CONFIRM_EVERY_MS: Final = 200
START_WAIT_S: Final = 5.0  # for the first attempt to reach the broker
FLUSH_WAIT_S: Final = 2.0  # for what is being sent from disk
SLICE_S: Final = 0.0005  # of sending from disk before other tasks have a turn

_FIRST_WAIT_MS: Final = 500
_LONGEST_WAIT_MS: Final = 10_000

_log: Final = get_logger(__name__)


class SpooledError(Retryable):
    """Published records wait on disk for a broker that does not confirm them; they are safe."""


class SpoolBus:
    """Writes each record to disk, then hands it to the bus behind; what that can't take waits.

    `publish` appends to the spool with one `write(2)` and goes straight on to the inner bus. When
    that is full or not connected, records stay on disk and a task sends them, in order, as there
    is room; until it has caught up, new ones queue behind them on disk. So the inner bus always
    gets them in the order of publication. What it has confirmed is forgotten.

    What a process left in the spool is sent first by the next one. An event among it that a
    source brings again, from before its cursor, is not taken twice.

    Subscriptions are the inner bus's. What its handlers publish here is with it, or on disk, when
    it counts their record as delivered.

    Args:
        inner: where records go; started and stopped here. Its `start` is called again as long as
            it raises `Retryable`.
        directory: of the spool; one process at a time.
        clock: for health reports and dead letters.
        max_bytes: so much may wait; past it `publish` raises `Retryable`. The disk holds at most
            one segment more.
        segment_bytes: size of the spool's files.
        confirm_every_ms: how often the inner bus is asked to confirm what it was given.
        jitter: spreads the attempts to connect.
    """

    def __init__(
        self,
        inner: Bus,
        directory: Path,
        *,
        clock: Clock,
        max_bytes: int = MAX_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
        confirm_every_ms: int = CONFIRM_EVERY_MS,
        jitter: Random | None = None,
    ) -> None:
        self._inner = inner
        self._directory = directory
        self._clock = clock
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._confirm_every_s = confirm_every_ms / 1_000
        self._jitter = jitter or Random()  # noqa: S311 - spreads load, guards nothing
        self._topics: dict[str, AnyTopic] = {topic.name: topic for topic in TOPICS}
        self._queue: SpoolQueue | None = None
        self._left: set[str] = set()  # ids of events that were in the spool at the start
        self._tasks: list[asyncio.Task[None]] = []
        self._tried, self._moved, self._over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._refusal: str | None = "the bus is not started"
        self._failure: Fatal | None = None

    @property
    def queue(self) -> SpoolQueue:
        """What waits, and the spool's state; there is one from the start on."""
        if self._queue is None:
            raise Fatal(f"the spool in {self._directory} is not open: start the bus first")
        return self._queue

    def check(self) -> CheckResult:
        """Tell how it stands: ok while the broker confirms what is published."""
        queue = self.queue
        if self._failure is not None:
            return CheckResult(ok=False, detail=f"failed: {self._failure}; {queue.describe()}")
        return CheckResult(queue.state is SpoolState.DIRECT, queue.describe())

    async def start(self) -> None:
        """Open the spool and connect; where the broker is away, begin without it.

        Raises:
            ConfigurationError: another process uses the spool, or the inner bus refuses to start.
            Fatal: the spool can't be used, or holds what this version does not know.
        """
        queue = SpoolQueue(
            self._directory,
            self._topics,
            clock=self._clock,
            max_bytes=self._max_bytes,
            segment_bytes=self._segment_bytes,
        )
        try:
            self._left = await queue.look_through(EVENTS)
        except BaseException:
            queue.close()
            raise
        self._queue, self._refusal = queue, None
        work, watch = self._guard(self._work(queue)), self._guard(self._inner.failure())
        self._tasks = [asyncio.create_task(work), asyncio.create_task(watch)]
        with suppress(TimeoutError):
            async with asyncio.timeout(START_WAIT_S):
                await self._tried.wait()
        if self._failure is not None:
            with suppress(Fatal):  # the first failure is the one to tell
                await self.stop()
            raise self._failure
        if queue.trouble is not None:
            queue.stuck(queue.trouble)

    def subscribe(self, topic: Topic[R], handler: Handler[R], *, group: str) -> None:
        """Have the inner bus deliver a topic's records to a handler.

        Raises:
            ConfigurationError: the bus has started, or the inner bus objects.
        """
        if self._queue is not None:
            raise ConfigurationError(f"subscribe {group} to {topic.name} before the bus starts")
        self._inner.subscribe(topic, handler, group=group)
        self._topics[topic.name] = topic

    def publish(
        self, topic: Topic[R], record: R, *, record_id: str, keys: Sequence[str], trace: Trace
    ) -> None:
        """Put the record on disk, and into the inner bus when all before it are there.

        Raises:
            Retryable: the spool or the disk is full; nothing was taken.
            Rejected: the inner bus can never take this record; it was not kept.
            Fatal: the bus is not running, or the disk failed.
        """
        queue = self._queue
        if self._refusal is not None or queue is None:
            raise Fatal(f"{topic.name} {record_id}: {self._refusal}")
        if topic.name not in self._topics:
            raise ConfigurationError(f"{topic.name} is in no table: add it to TOPICS")
        if self._left and topic is EVENTS and record_id in self._left:
            self._left.discard(record_id)
            return
        try:
            mark = queue.append(to_line(topic, record, record_id, keys, trace))
            if queue.is_direct:
                try:
                    self._inner.publish(topic, record, record_id=record_id, keys=keys, trace=trace)
                except Retryable as error:
                    queue.go_back(mark, str(error))
                except Rejected:
                    queue.undo(mark)
                    raise
        except Fatal as error:
            self._fail(error)
            raise

    async def flush(self) -> None:
        """Return when the inner bus has confirmed everything published before this call.

        Raises:
            SpooledError: it does not confirm; what was published is on disk and will be sent.
            Fatal: the bus has failed.
        """
        queue = self.queue
        count = queue.published
        if queue.is_direct and queue.trouble is None:
            await self._confirm(queue)
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_WAIT_S):
                while not queue.is_confirmed(count) and queue.trouble is None:
                    self._moved.clear()
                    await self._moved.wait()
        if self._failure is not None:
            raise self._failure
        if not queue.is_confirmed(count):
            raise SpooledError(queue.describe())

    async def failure(self) -> None:
        """Wait until the bus fails, then raise why; returns when the bus is stopped."""
        await self._over.wait()
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """Stop the inner bus; what it can't have confirmed by then stays for the next start.

        Raises:
            Fatal: the inner bus failed to stop, though it had nothing left to send.
        """
        self._refusal = self._refusal or "the bus is stopped"
        self._over.set()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not tasks or self._queue is None:
            await self._inner.stop()
            return
        try:
            await self._part(self._queue)
        finally:
            self._queue.close()

    async def _part(self, queue: SpoolQueue) -> None:
        """Stop the inner bus, and say what it leaves."""
        given = queue.sent
        try:
            await self._inner.stop()
        except Fatal as error:
            if not queue.unconfirmed:
                raise
            queue.stuck(str(error))
        else:
            queue.confirm(given)
        if queue.waiting:
            _log.warning("spool_kept_for_the_next_start", spool=queue.describe())

    async def _work(self, queue: SpoolQueue) -> None:
        """Connect; then keep sending what waits, and asking what is confirmed."""
        await self._connect(queue)
        while True:
            if not queue.is_direct:
                await self._catch_up(queue)
            if queue.unconfirmed:
                with suppress(SpooledError):  # the state tells, and we ask again
                    await self._confirm(queue)
                await queue.free()
            await asyncio.sleep(self._confirm_every_s)

    async def _connect(self, queue: SpoolQueue) -> None:
        waits = delays(_FIRST_WAIT_MS, _LONGEST_WAIT_MS, 2.0, self._jitter)
        while True:
            try:
                await self._inner.start()
                break
            except Retryable as error:
                queue.stuck(str(error))
            self._tried.set()
            await asyncio.sleep(next(waits) / 1_000)
        queue.trouble = None
        queue.is_direct = not queue.waiting
        queue.settle()
        self._tried.set()

    async def _catch_up(self, queue: SpoolQueue) -> None:
        """Send from disk until the inner bus has been given everything."""
        loop = asyncio.get_running_loop()
        turn_ends = loop.time() + SLICE_S
        while batch := await queue.next():
            for spooled, after in batch:
                while not self._send(spooled):
                    with suppress(SpooledError):
                        await self._confirm(queue)
                    await asyncio.sleep(self._confirm_every_s)
                queue.gave(after)
                if loop.time() > turn_ends:
                    await asyncio.sleep(0)
                    turn_ends = loop.time() + SLICE_S
        queue.is_direct = True
        queue.settle()

    def _send(self, spooled: Spooled) -> bool:
        """Publish a record from disk on the inner bus; False when that is full.

        One that can't be read or taken any more goes to the dead letters, as from any topic.
        """
        topic, raw = self._topics[spooled.t], bytes(spooled.b)
        trace = Trace.from_header(spooled.s.encode())
        publish = self._inner.publish
        try:
            try:
                publish(topic, topic.decode(raw), record_id=spooled.i, keys=spooled.k, trace=trace)
            except Rejected as error:
                letter = bury(topic, raw, error, self._clock, partition=-1, offset=-1)
                publish(
                    DEAD_LETTERS, letter, record_id=spooled.i, keys=(topic.name,), trace=Trace()
                )
        except Retryable:
            return False
        return True

    async def _confirm(self, queue: SpoolQueue) -> None:
        """Have the inner bus confirm what it was given, and forget that.

        Raises:
            SpooledError: it could not in time.
        """
        given = queue.sent
        try:
            await self._inner.flush()
        except Retryable as error:
            queue.stuck(str(error))
            raise SpooledError(queue.describe()) from error
        finally:
            self._moved.set()
        queue.trouble = None
        queue.confirm(given)
        queue.settle()

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work; whatever it raises fails the bus."""
        try:
            await work
        except Fatal as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - kept, and raised by `failure`
            unknown = Fatal(f"the spool in {self._directory} can't go on: {error!r}")
            unknown.__cause__ = error
            self._fail(unknown)

    def _fail(self, failure: Fatal) -> None:
        """Take nothing more; the first failure stays."""
        if self._failure is None:
            self._failure = failure
            self._refusal = f"the bus has failed: {failure}"
            if self._queue is not None:
                self._queue.stuck(str(failure))
        for event in (self._tried, self._moved, self._over):
            event.set()
