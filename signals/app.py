"""The Faust worker of the distributed lane: events in from Kafka, signals out to Kafka."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import faust
from faust.types import TP

from core.contracts.clock import Clock
from core.contracts.errors import Fatal
from core.contracts.topics import DEAD_LETTERS, EVENTS, SHADOW_SIGNALS, SIGNALS
from core.runtime.bus.kafka import RawTopic, create_raw_topics, create_topics
from core.runtime.logs import get_logger
from signals.agents import EventAgent, FaustStories, KeptTable, Raw, WorkerBus
from signals.classifier import Classifier
from signals.deliveries import Deliveries, Partition
from signals.pipeline import Limits
from signals.reader import Reader
from signals.shadow import Shadow
from signals.trust.trust import Trust

STORIES_TOPIC: Final = "tidings.stories"
GROUP: Final = "tidings.signals"
COMMIT_INTERVAL_S: Final = 0.5
LOOK_INTERVAL_S: Final = 0.5
STOP_TIMEOUT_S: Final = 10.0
SESSION_TIMEOUT_S: Final = 10.0

_log: Final = get_logger(__name__)


def stories_topic(prefix: str = "") -> RawTopic:
    """Name the story table's changelog, with as many partitions as the events have."""
    return prefix + STORIES_TOPIC, EVENTS.partitions, {"cleanup.policy": "compact"}


async def work(
    *,
    bootstrap: str,
    topic_prefix: str = "",
    reader: Reader,
    limits: Limits,
    trust: Trust,
    shadow: Shadow | None = None,
    clock: Clock,
    data_dir: Path,
    replication: int = 1,
    instance: str | None = None,
    stopping: asyncio.Event,
    on_started: Callable[[Classifier], None] | None = None,
) -> None:
    """Classify events until told to stop; several workers share the partitions.

    Creates the topics it needs before it starts. An event's offset is committed once its signal
    and its story are confirmed by the broker, so that `kill -9` loses neither; an event that is
    handled twice gives the same signal, by id. Returns when stopped, what was begun finished.

    Args:
        bootstrap: `host:port` of brokers, several with commas.
        topic_prefix: before the name of each topic and of the group.
        reader: reads the texts.
        limits: the thresholds.
        trust: how far sources are believed.
        shadow: decides about the same events, once they are decided about.
        clock: the present time, for ages and trace stamps.
        data_dir: where Faust keeps its few files; nothing in it is needed after a restart.
        replication: of topics that have to be created.
        instance: a name that this worker keeps over restarts and shares with no other: it then
            has its partitions back at once after a crash.
        stopping: set it to have the worker finish and return.
        on_started: called once the stories are restored and events flow, with what counts them.

    Raises:
        Retryable: the broker can't be reached.
        ConfigurationError: a topic has too few partitions.
        Fatal: the worker can't go on: a record was refused, the story table is damaged.
    """
    await create_topics(
        bootstrap,
        (EVENTS, SIGNALS, SHADOW_SIGNALS, DEAD_LETTERS),
        replication=replication,
        topic_prefix=topic_prefix,
    )
    await create_raw_topics(bootstrap, [stories_topic(topic_prefix)], replication=replication)
    worker = _Worker(bootstrap, topic_prefix, data_dir, instance)
    classifier = worker.compose(reader=reader, limits=limits, trust=trust, clock=clock)
    if shadow is not None:
        shadow.stand_beside(classifier)
    await worker.run(stopping, lambda: on_started(classifier) if on_started else None)


class _Worker:
    """One Faust app with its agent, and the end of its life."""

    def __init__(self, bootstrap: str, prefix: str, data_dir: Path, instance: str | None) -> None:
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._prefix = prefix
        self._app = faust.App(
            prefix + GROUP,
            broker="kafka://" + bootstrap.replace(",", ";"),
            datadir=data_dir,
            store="memory://",
            autodiscover=False,
            web_enabled=False,
            logging_config=None,
            topic_partitions=EVENTS.partitions,
            topic_allow_declare=False,  # they exist, with our partitions and retention
            topic_disable_leader=True,
            table_standby_replicas=0,
            key_serializer="raw",
            value_serializer="raw",
            producer_linger=0,
            producer_acks=-1,
            consumer_auto_offset_reset="earliest",
            consumer_group_instance_id=instance,
            broker_session_timeout=SESSION_TIMEOUT_S,
            broker_heartbeat_interval=1.0,
            broker_commit_interval=COMMIT_INTERVAL_S,
            stream_wait_empty=False,
        )
        self._deliveries = Deliveries(self._fail, self._committed)
        self._agent: EventAgent | None = None

    def compose(self, *, reader: Reader, limits: Limits, trust: Trust, clock: Clock) -> Classifier:
        """Put the classifier between Faust's topics."""
        app, prefix, deliveries = self._app, self._prefix, self._deliveries
        events = app.topic(  # for `acks` see Deliveries
            prefix + EVENTS.name, acks=False, allow_empty=True, schema=Raw(allow_empty=True)
        )
        changelog, partitions, _ = stories_topic(prefix)
        table = KeptTable(
            app,
            name="stories",
            beacon=app.tables.beacon,
            partitions=partitions,
            changelog_topic=app.topic(
                changelog, partitions=partitions, acks=False, internal=True, allow_empty=True
            ),
            key_type=bytes,
            value_type=bytes,
        )
        table.on_sent = deliveries.add
        app.tables.add(table)
        bus = WorkerBus(
            {
                topic.name: app.topic(prefix + topic.name)
                for topic in (SIGNALS, SHADOW_SIGNALS, DEAD_LETTERS)
            },
            deliveries,
        )
        stories = FaustStories(table, deliveries)
        classifier = Classifier(
            bus, reader=reader, stories=stories, clock=clock, limits=limits, trust=trust
        )
        self._agent = EventAgent(classifier, bus, deliveries, clock=clock, fail=self._fail)
        app.agent(events, name="classify")(self._agent.run)
        app.on_partitions_revoked.connect(self._on_revoked, weak=False)
        return classifier

    async def run(self, stopping: asyncio.Event, on_started: Callable[[], None]) -> None:
        """Run until told to stop; then finish what is begun and commit it."""
        tasks = [
            asyncio.create_task(self._stop_when(stopping)),
            asyncio.create_task(self._app.start()),
            asyncio.create_task(self._watch()),
            asyncio.create_task(self._now_and_then(COMMIT_INTERVAL_S, self._commit)),
            asyncio.create_task(self._now_and_then(LOOK_INTERVAL_S, self._read_missed)),
        ]
        tasks[1].add_done_callback(self._started(on_started))
        try:
            await self._over
        finally:
            if self._agent is not None:
                self._agent.stopping = True
            with contextlib.suppress(TimeoutError):  # what is not committed comes again
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    if not self._failed:
                        await self._deliveries.drained()
                        await self._commit()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._app.stop()
            _log.info("signal_worker_stopped")

    @property
    def _failed(self) -> bool:
        return self._over.done() and self._over.exception() is not None

    async def _stop_when(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        if not self._over.done():
            self._over.set_result(None)

    def _fail(self, error: BaseException) -> None:
        if not self._over.done():
            fatal = error if isinstance(error, Fatal) else Fatal(f"the worker failed: {error!r}")
            if fatal is not error:
                fatal.__cause__ = error
            self._over.set_exception(fatal)

    def _started(self, on_started: Callable[[], None]) -> Callable[["asyncio.Task[None]"], None]:
        def report(task: "asyncio.Task[None]") -> None:
            if task.cancelled():
                return
            if (error := task.exception()) is not None:
                self._fail(error)
                return
            _log.info("signal_worker_started")
            # Faust keeps statistics at each step of each event; nobody reads them.
            self._app.sensors.remove(self._app.monitor)
            on_started()

        return report

    async def _watch(self) -> None:
        """Notice that Faust itself has crashed or stopped."""
        await self._app.wait_until_stopped()
        self._fail(self._app.crash_reason or Fatal("Faust stopped by itself"))

    async def _now_and_then(self, interval_s: float, work: Callable[[], Awaitable[None]]) -> None:
        try:
            while True:
                await asyncio.sleep(interval_s)
                await work()
        except Exception as error:  # noqa: BLE001 - the worker stops with it
            self._fail(error)

    async def _commit(self) -> None:
        """Commit what is confirmed, in partitions that are still ours."""
        if ready := self._deliveries.committable():
            offsets = {TP(*partition): offset for partition, offset in ready.items()}
            consumer: Any = self._app.consumer
            # Faust's own `commit` knows only of its own acknowledgements.
            await consumer._commit_offsets(offsets)  # noqa: SLF001

    def _committed(self, partition: Partition) -> int | None:
        """Give where Faust began to read a partition that was assigned to us."""
        consumer: Any = self._app.consumer
        offset: int | None = consumer._committed_offset.get(TP(*partition))  # noqa: SLF001
        return offset

    async def _read_missed(self) -> None:
        """Have Faust read again what it fetched and never delivered."""
        app: Any = self._app
        if app.rebalancing or not app.tables.recovery.completed.is_set():
            return
        events = self._prefix + EVENTS.name
        ours = [tp for tp in app.consumer.assignment() if tp.topic == events]
        ends = {(tp.topic, tp.partition): app.consumer.highwater(tp) for tp in ours}
        for partition, offset in self._deliveries.missed(ends).items():
            _log.warning("events_read_again", partition=partition[1], offset=offset)
            await self._seek(TP(*partition), offset)

    async def _seek(self, partition: TP, offset: int) -> None:
        """Have Faust read on from an offset, unless the partition is not ours any more.

        Faust fetches in a thread of its own and calls `seek` from this one: while that thread
        takes records out, this ends in a `KeyError` there. So the thread is asked to do it.
        """
        consumer: Any = self._app.consumer
        thread = consumer._thread  # noqa: SLF001

        def seek() -> None:
            if partition in thread.assignment():
                thread.seek(partition, offset)

        await thread.call_thread(seek)
        consumer._read_offset[partition] = offset or None  # noqa: SLF001 - as its `seek` does

    async def _on_revoked(self, _app: Any, /, *args: Any, signal: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Commit what can be before the partitions go to another worker."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SESSION_TIMEOUT_S / 2):
                await self._deliveries.drained()
        await self._commit()
        self._deliveries.forget([(tp.topic, tp.partition) for tp in args[0]])
