"""The bus of the distributed lane: the same handlers over Kafka, and the topics they need."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    InvalidProducerEpoch,
    KafkaError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    TopicAlreadyExistsError,
    UnknownProducerId,
    for_code,
)
from aiokafka.partitioner import murmur2
from aiokafka.structs import ConsumerRecord

from core.contracts.clock import Clock
from core.contracts.cloudevents import headers_for
from core.contracts.codec import encode
from core.contracts.errors import ConfigurationError, Fatal, Rejected, Retryable
from core.contracts.topics import DEAD_LETTERS, TOPICS, Topic
from core.contracts.trace import Trace
from core.runtime.bus.delivery import Route, bury, deliver
from core.runtime.bus.outbox import Lane, Outbox
from core.runtime.bus.port import AnyTopic, Handler, R
from core.runtime.bus.progress import Progress
from core.runtime.logs import get_logger

RawTopic = tuple[str, int, Mapping[str, str]]
"""Name, partitions and configuration of a topic that carries none of our records."""

MAX_RECORD_BYTES: Final = 1_000_000  # a broker takes 1,048,588 by default, headers included
MAX_DEAD_LETTER_BYTES: Final = 2_000_000  # such a record in base64, and the reason
BATCH_BYTES: Final = 262_144
FETCH_WAIT_MS: Final = 100  # data is answered at once; this bounds what waits behind a fetch
HEARTBEAT_MS: Final = 1_000  # also how soon a member notices that the group is rebalancing
COMMIT_INTERVAL_S: Final = 0.1
SLICE_S: Final = 0.002  # of handlers before other tasks have a turn
CONNECT_TIMEOUT_S: Final = 30.0
CLOSE_TIMEOUT_S: Final = 2.0
MAX_BACKOFF_S: Final = 5.0
METADATA_PAUSE_S: Final = 0.2
MAX_BUFFERED: Final = 100_000
CONFIRM_TIMEOUT_MS: Final = 10_000

# After these a new producer, with a new producer id, may send the same records again.
_PRODUCER_LOST: Final = (
    InvalidProducerEpoch,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    UnknownProducerId,
)
_log: Final = get_logger(__name__)


async def create_topics(
    bootstrap: str,
    topics: Sequence[AnyTopic] = TOPICS,
    *,
    replication: int = 1,
    topic_prefix: str = "",
) -> list[str]:
    """Create the topics that the broker lacks, with the table's partitions and retention.

    Returns:
        The names created.

    Raises:
        ConfigurationError: a topic has fewer partitions than the table says.
        Retryable: the broker can't be reached.
    """
    return await create_raw_topics(
        bootstrap, [_raw(topic, topic_prefix) for topic in topics], replication=replication
    )


async def create_raw_topics(
    bootstrap: str, topics: Sequence[RawTopic], *, replication: int = 1
) -> list[str]:
    """Create the topics that the broker lacks; raises as `create_topics` does."""
    created, _ = await _ensure(bootstrap, topics, replication)
    return created


def _raw(topic: AnyTopic, prefix: str) -> RawTopic:
    config = {"retention.ms": str(topic.retention_ms)}
    if topic.dead_letter is None:  # it has to hold what another topic just took, in base64
        config["max.message.bytes"] = str(MAX_DEAD_LETTER_BYTES + 48_588)
    return prefix + topic.name, topic.partitions, config


async def _ensure(
    bootstrap: str, topics: Sequence[RawTopic], replication: int
) -> tuple[list[str], dict[str, int]]:
    """Create what is missing; returns the names created and each topic's partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await admin.start()
            counts = await _partition_counts(admin)
            missing = [topic for topic in topics if topic[0] not in counts]
            if missing:
                await _create(admin, missing, replication)
            while not all(name in counts for name, _, _ in missing):
                await asyncio.sleep(0.02)
                counts = await _partition_counts(admin)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Retryable(f"Kafka at {bootstrap} can't be reached: {error!r}") from error
    finally:
        await admin.close()
    for name, partitions, _ in topics:
        if counts[name] < partitions:
            raise ConfigurationError(
                f"topic {name} has {counts[name]} partitions and needs {partitions}: stop "
                "everything that uses it, then add partitions with Kafka's own tools, or delete "
                "it and start again"
            )
    return [name for name, _, _ in missing], {name: counts[name] for name, _, _ in topics}


async def _partition_counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """Ask for all topics whose partitions all have a leader."""
    return {
        topic["topic"]: len(topic["partitions"])
        for topic in await admin.describe_topics()
        if topic["partitions"] and all(p["leader"] >= 0 for p in topic["partitions"])
    }


async def _create(
    admin: AIOKafkaAdminClient, missing: Sequence[RawTopic], replication: int
) -> None:
    response = await admin.create_topics(
        [NewTopic(n, p, replication, topic_configs=dict(config)) for n, p, config in missing]
    )
    for name, code, *message in response.topic_errors:
        kind = for_code(code)
        if kind.retriable:
            raise kind(name)
        if code and kind is not TopicAlreadyExistsError:  # another process was quicker
            raise ConfigurationError(
                f"Kafka did not create topic {name}: {message[0] if message else kind.__name__}"
            )


@lru_cache(maxsize=65_536)
def _hash(key: bytes) -> int:
    """Hash a key as Kafka's own clients do, so that any of them finds the same partition."""
    return int(murmur2(key)) & 0x7FFFFFFF


class _Group(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """One consumer group of this process: its handlers, its consumer, how far it has come."""

    def __init__(self, name: str, outbox: Outbox, timeout_s: float) -> None:
        self.name = name
        self.routes: dict[str, Route] = {}
        self.consumer: AIOKafkaConsumer | None = None
        self.revocations = 0
        self.progress: Progress[TopicPartition] = Progress()
        self._outbox = outbox
        self._timeout_s = timeout_s

    async def commit(self) -> None:
        """Commit what is handled and whose publications are all confirmed.

        Raises:
            Fatal: the broker refuses commits.
        """
        if self.consumer is None:
            return
        through = self._outbox.confirmed_through()
        offsets = self.progress.committable(through, self.consumer.assignment())
        if not offsets:
            return
        try:
            await self.consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError):
            return  # the partitions have moved: their new owner handles these records again
        except KafkaError as error:
            raise Fatal(f"Kafka takes no commit from group {self.name}: {error!r}") from error
        self.progress.committed(offsets)

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Drop what is fetched and not handled; commit the rest once it is confirmed."""
        self.revocations += 1
        if revoked:
            with suppress(TimeoutError):  # then the next owner handles some of it again
                async with asyncio.timeout(self._timeout_s):
                    await self._outbox.confirmed(self._outbox.published)
                    await self.commit()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Begin anew at the committed offsets."""
        del assigned
        self.progress.clear()


class KafkaBus:
    """Publishes through one idempotent producer, consumes with one consumer for each group.

    `publish` puts the record into a bounded outbox and returns. Each partition's records leave in
    order, a batch at a time; while the broker is away they wait, and nothing is sent out of turn
    when it is back. A record may arrive twice, never not at all.

    Args:
        bootstrap: `host:port`, several with commas.
        clock: dates dead letters.
        client_id: how the broker's logs name us.
        linger_ms: how long to wait for more records before a batch leaves.
        max_buffered: how many records may wait for confirmation.
        replication: of topics that `start` finds missing and creates.
        topic_prefix: before the name of each topic and group, for several deployments on one
            broker.
        instance: a name that this process keeps over restarts and shares with no other: after a
            crash it then has its partitions back at once, not after the session time-out.
        confirm_timeout_ms: how long `flush` and `stop` wait for the broker.
        session_timeout_ms: how soon a silent member loses its partitions.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        clock: Clock,
        client_id: str = "tidings",
        linger_ms: int = 0,
        max_buffered: int = MAX_BUFFERED,
        replication: int = 1,
        topic_prefix: str = "",
        instance: str | None = None,
        confirm_timeout_ms: int = CONFIRM_TIMEOUT_MS,
        session_timeout_ms: int = 10_000,
    ) -> None:
        self._bootstrap = bootstrap
        self._clock = clock
        self._client_id = client_id
        self._linger_s = linger_ms / 1000
        self._max_buffered = max_buffered
        self._replication = replication
        self._prefix = topic_prefix
        self._instance = instance
        self._confirm_timeout_s = confirm_timeout_ms / 1000
        self._session_timeout_ms = session_timeout_ms
        self._outbox = Outbox()
        self._groups: dict[str, _Group] = {}
        self._topics: dict[str, AnyTopic] = {topic.name: topic for topic in TOPICS}
        self._partitions: dict[str, int] = {}
        self._producer: AIOKafkaProducer = None  # until the start
        self._replacing = asyncio.Lock()
        self._consuming: list[asyncio.Task[None]] = []
        self._committing: list[asyncio.Task[None]] = []
        self._refusal: str | None = "the bus is not started"
        self._failure: Fatal | None = None
        self._over = asyncio.Event()

    async def start(self) -> None:
        """Create missing topics, connect, join the groups and begin delivering.

        Raises:
            Retryable: the broker can't be reached.
            ConfigurationError: a topic has too few partitions.
        """
        raw = [_raw(topic, self._prefix) for topic in self._topics.values()]
        _, self._partitions = await _ensure(self._bootstrap, raw, self._replication)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                self._producer = await self._connect()
                for group in self._groups.values():
                    await self._join(group)
        except (KafkaError, OSError, TimeoutError) as error:
            await self._disconnect()
            raise Retryable(f"Kafka at {self._bootstrap} can't be reached: {error!r}") from error
        except asyncio.CancelledError:
            await self._disconnect()
            raise
        self._refusal = None
        for group in self._groups.values():
            consume = self._consume(group, group.consumer)
            self._consuming.append(asyncio.create_task(self._guard(consume)))
            self._committing.append(asyncio.create_task(self._guard(self._commit(group))))

    def subscribe(self, topic: Topic[R], handler: Handler[R], *, group: str) -> None:
        """Have each record delivered once to each group; a group's handler is one callable.

        Raises:
            ConfigurationError: the group has a handler for this topic, or the bus has started.
        """
        if self._producer is not None:
            raise ConfigurationError(f"subscribe {group} to {topic.name} before the bus starts")
        members = self._groups.get(group)
        if members is None:
            members = _Group(self._prefix + group, self._outbox, self._confirm_timeout_s)
            self._groups[group] = members
        if self._prefix + topic.name in members.routes:
            raise ConfigurationError(
                f"group {group} already handles {topic.name}: name another group"
            )
        self._topics[topic.name] = topic
        members.routes[self._prefix + topic.name] = Route(topic, handler)

    def publish(
        self, topic: Topic[R], record: R, *, record_id: str, keys: Sequence[str], trace: Trace
    ) -> None:
        """Put the record into the outbox, once for each key.

        Raises:
            Retryable: the outbox is full.
            Rejected: the record is too large for Kafka.
            Fatal: the bus is not running.
        """
        if self._refusal is not None:
            raise Fatal(f"{topic.name} {record_id}: {self._refusal}")
        if self._outbox.waiting + len(keys) > self._max_buffered:
            raise Retryable(
                f"{topic.name} {record_id}: {self._outbox.waiting} records wait for Kafka at "
                f"{self._bootstrap} to confirm them, the bound is {self._max_buffered}"
            )
        name = self._prefix + topic.name
        count = self._partitions.get(name)
        if count is None:
            raise ConfigurationError(f"{topic.name} is in no table: add it to TOPICS")
        value = encode(record)
        if len(value) > (MAX_RECORD_BYTES if topic.dead_letter else MAX_DEAD_LETTER_BYTES):
            raise Rejected(
                f"{topic.name} {record_id}: {len(value)} bytes are more than Kafka takes"
            )
        for key in keys:
            raw_key = key.encode()
            headers = headers_for(topic, record_id, key, trace)
            lane = self._outbox.put(name, _hash(raw_key) % count, raw_key, value, headers)
            if lane.task is None:
                lane.task = asyncio.create_task(self._guard(self._send_all(lane)))

    async def flush(self) -> None:
        """Return when everything published before this call is confirmed.

        Raises:
            Retryable: the broker could not confirm in time; what was taken is kept and retried.
            Fatal: the broker refuses a record for good.
        """
        try:
            async with asyncio.timeout(self._confirm_timeout_s):
                await self._outbox.confirmed(self._outbox.published)
        except TimeoutError as error:
            raise Retryable(
                f"Kafka at {self._bootstrap} has not confirmed {self._outbox.waiting} records in "
                f"{self._confirm_timeout_s} s; they are kept"
            ) from error

    async def failure(self) -> None:
        """Wait until the bus fails, then raise why; returns when the bus is stopped."""
        await self._over.wait()
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """Finish the handler at work, flush, commit, disconnect.

        Raises:
            Fatal: published records could not be confirmed in time; they are lost to Kafka.
        """
        if self._refusal is None:
            self._refusal = "the bus is stopped"
        self._over.set()
        await _cancel(self._consuming)
        with suppress(Retryable, Fatal):  # what is left is counted below
            await self.flush()
        await _cancel(self._committing)
        with suppress(TimeoutError):  # what isn't committed is delivered again
            async with asyncio.timeout(self._confirm_timeout_s):
                for group in self._groups.values():
                    await group.commit()
        await _cancel([lane.task for lane in self._outbox.lanes() if lane.task])
        await self._disconnect()
        if self._outbox.waiting:
            raise Fatal(
                f"the bus stopped with {self._outbox.waiting} records that Kafka at "
                f"{self._bootstrap} never confirmed: they are lost to it"
            )

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
        )
        _pause_failed_updates(producer.client)
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _join(self, group: _Group) -> None:
        group.consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id=self._client_id,
            group_id=group.name,
            group_instance_id=self._instance,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_partition_fetch_bytes=MAX_DEAD_LETTER_BYTES,
            session_timeout_ms=self._session_timeout_ms,
            heartbeat_interval_ms=min(HEARTBEAT_MS, self._session_timeout_ms // 3),
        )
        group.consumer.subscribe(list(group.routes), listener=group)
        await group.consumer.start()

    async def _disconnect(self) -> None:
        """Close every connection; a broker that is away is not waited for."""
        for group in self._groups.values():
            if group.consumer is not None:
                await _close(group.consumer.stop())
                # A consumer that lost its broker may leave its own stop half way.
                await group.consumer._client.close()  # noqa: SLF001 - it has no public name
        if self._producer is not None:
            await _close(self._producer.stop())
            await self._producer.client.close()

    async def _send_all(self, lane: Lane) -> None:
        """Send a lane's records, a batch at a time, until it is empty."""
        try:
            if self._linger_s:
                await asyncio.sleep(self._linger_s)
            delay = 0.1
            while lane.records:
                producer = self._producer
                try:
                    self._outbox.confirm(lane, await _send_batch(producer, lane))
                    delay = 0.1
                except KafkaError as error:
                    if not (error.retriable or isinstance(error, _PRODUCER_LOST)):
                        reason = f"Kafka takes no record on {lane.topic}: {error!r}"
                        self._outbox.fail(Fatal(reason))
                        raise Fatal(reason) from error
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, MAX_BACKOFF_S)
                    await self._replace(producer, error)
        finally:
            lane.task = None

    async def _replace(self, producer: AIOKafkaProducer, reason: KafkaError) -> None:
        """Have a new producer in place of one that failed, unless another lane has seen to it.

        The numbers that a producer puts on its batches have a gap after a failed one. The old
        one first finishes the other lanes' batches, for which they wait.
        """
        async with self._replacing:
            if self._producer is not producer:
                return
            _log.warning("kafka_producer_replaced", reason=repr(reason))
            await producer.stop()
            with suppress(KafkaError):  # not back yet: the lanes fail again and come back
                self._producer = await self._connect()

    async def _consume(self, group: _Group, consumer: AIOKafkaConsumer) -> None:
        """Deliver a group's records, one after the other, as they come."""
        loop = asyncio.get_running_loop()
        outbox = self._outbox
        most_waiting = self._max_buffered // 2  # leaves room for what a handler publishes
        while True:
            fetched = await consumer.getmany(timeout_ms=1_000, max_records=500)
            revocations = group.revocations
            turn_ends = loop.time() + SLICE_S
            for message in chain.from_iterable(fetched.values()):
                if outbox.waiting > most_waiting:
                    await outbox.confirmed(outbox.published - most_waiting)
                elif loop.time() > turn_ends:
                    await asyncio.sleep(0)
                    turn_ends = loop.time() + SLICE_S
                if group.revocations != revocations:
                    break  # these go to their new owner, or to us again
                self._deliver(group, message)

    def _deliver(self, group: _Group, message: ConsumerRecord) -> None:
        """Have a record handled; what can't be is a dead letter."""
        route = group.routes[message.topic]
        partition, offset = message.partition, message.offset
        raw = message.value or b""
        try:
            deliver(route, raw, message.key or b"", message.headers)
        except Rejected as error:
            letter = bury(route.topic, raw, error, self._clock, partition=partition, offset=offset)
            record_id = f"{group.name}/{message.topic}/{partition}/{offset}"
            topic = route.topic.name
            self.publish(DEAD_LETTERS, letter, record_id=record_id, keys=(topic,), trace=Trace())
        place = TopicPartition(message.topic, partition)
        group.progress.handled(place, offset, self._outbox.published)

    async def _commit(self, group: _Group) -> None:
        """Commit every now and then."""
        while True:
            await asyncio.sleep(COMMIT_INTERVAL_S)
            await group.commit()

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work; whatever it raises fails the bus, and nothing more is delivered."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - kept, and raised by `failure`
            if self._failure is None:
                unknown = Fatal(f"the Kafka bus can't go on: {error!r}")
                unknown.__cause__ = error
                self._failure = error if isinstance(error, Fatal) else unknown
                self._refusal = f"the bus has failed: {self._failure}"
                self._over.set()
            for task in self._consuming:
                if task is not asyncio.current_task():
                    task.cancel()


def _pause_failed_updates(client: AIOKafkaClient) -> None:
    """Have a client wait a little after it could not learn the cluster's state.

    While a partition has no leader, aiokafka's sender asks anew as soon as it hears no: thousands
    of times a second, when no broker is there, until its batches expire.
    """
    update = client._metadata_update  # noqa: SLF001 - it has no public name

    async def paused(*arguments: object) -> bool:
        if await update(*arguments):
            return True
        await asyncio.sleep(METADATA_PAUSE_S)
        return False

    client._metadata_update = paused  # noqa: SLF001


async def _send_batch(producer: AIOKafkaProducer, lane: Lane) -> int:
    """Send as many of a lane's oldest records as a batch holds; returns how many were confirmed."""
    batch = producer.create_batch()
    count = 0
    for record in lane.records:
        if not batch.append(
            timestamp=None, key=record.key, value=record.value, headers=record.headers
        ):
            break
        count += 1
    confirmation = await producer.send_batch(batch, lane.topic, partition=lane.partition)
    await confirmation
    return count


async def _close(stopping: Coroutine[Any, Any, None]) -> None:
    """Give a client a moment to say goodbye; whether it could makes no difference."""
    task = asyncio.create_task(stopping)
    await asyncio.wait([task], timeout=CLOSE_TIMEOUT_S)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
