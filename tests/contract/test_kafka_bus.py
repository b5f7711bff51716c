"""What only a bus over a real Kafka can do: survive crashes, restarts and strangers' records."""

import asyncio
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from core.contracts.clock import ManualClock
from core.contracts.errors import ConfigurationError, Fatal, Rejected, Retryable
from core.contracts.event import Event
from core.contracts.topics import DAY_MS, DEAD_LETTERS, EVENTS, REFUSALS, DeadLetter, Topic
from core.contracts.trace import Trace
from core.runtime.bus.kafka import COMMIT_INTERVAL_S, KafkaBus, create_raw_topics, create_topics
from tests.contract.bus_records import PATIENCE_S, Inbox, event, refusal
from tests.servers.kafka import KafkaServer

pytestmark = pytest.mark.kafka

MakeBus = Callable[..., KafkaBus]
NOBODY = "127.0.0.1:1"
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def make_bus(kafka: str, kafka_prefix: str) -> MakeBus:
    def make(**settings: object) -> KafkaBus:
        return KafkaBus(kafka, clock=ManualClock(), topic_prefix=kafka_prefix, **settings)  # type: ignore[arg-type]

    return make


@asynccontextmanager
async def running(bus: KafkaBus) -> AsyncIterator[KafkaBus]:
    await bus.start()
    try:
        yield bus
    finally:
        await bus.stop()


def say(bus: KafkaBus, number: int, key: str = "IOTA", text: str = "") -> None:
    record = event(number, text)
    bus.publish(EVENTS, record, record_id=record.id, keys=(key,), trace=Trace())


def numbers(inbox: Inbox[Event], key: str = "IOTA") -> list[int]:
    return [int(record.native_id) for record, k in inbox.records if k == key]


async def ends(bootstrap: str, name: str, partitions: int) -> int:
    """Count the records of a topic."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        offsets = await consumer.end_offsets([TopicPartition(name, p) for p in range(partitions)])
    return sum(offsets.values())


async def committed(bootstrap: str, group: str, name: str, partitions: int) -> int:
    """Add up a group's committed offsets in a topic."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
    )
    async with consumer:
        offsets = [await consumer.committed(TopicPartition(name, p)) for p in range(partitions)]
    return sum(offset or 0 for offset in offsets)


async def produce(
    bootstrap: str,
    name: str,
    value: bytes | None,
    *,
    key: bytes = b"IOTA",
    headers: list[tuple[str, bytes | None]] | None = None,
) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await producer.send_and_wait(name, value, key=key, headers=headers)


async def test_flush_returns_when_the_broker_has_every_record(
    make_bus: MakeBus, kafka: str, kafka_prefix: str
) -> None:
    async with running(make_bus()) as bus:
        for number in range(1000):
            say(bus, number, f"K{number % 7}")
        await bus.flush()
        assert await ends(kafka, kafka_prefix + EVENTS.name, EVENTS.partitions) == 1000


@pytest.mark.parametrize(
    ("value", "headers", "key", "reason"),
    [
        (b"{]", [], b"IOTA", "not a Event"),
        (b"", [], b"IOTA", "not a Event"),
        (None, [("ce_type", None)], b"IOTA", "carries tidings.event.v1"),
        (b"{}", [("ce_type", b"tidings.event.v9")], b"IOTA", "carries tidings.event.v1"),
        (b"{}", [], b"\xff", "the key is not UTF-8"),
    ],
)
async def test_stranger_records_become_dead_letters_and_the_next_is_handled(
    make_bus: MakeBus,
    kafka: str,
    kafka_prefix: str,
    value: bytes | None,
    headers: list[tuple[str, bytes | None]],
    key: bytes,
    reason: str,
) -> None:
    events, letters = Inbox[Event](), Inbox[DeadLetter]()
    bus = make_bus()
    bus.subscribe(EVENTS, events, group="reader")
    bus.subscribe(DEAD_LETTERS, letters, group="undertaker")
    async with running(bus):
        name = kafka_prefix + EVENTS.name
        await produce(kafka, name, value, key=key, headers=headers)
        await letters.holds(1)
        say(bus, 2)
        await events.holds(1)
    letter, _ = letters.records[0]
    assert letter.topic == EVENTS.name
    assert letter.raw == (value or b"")
    assert reason in letter.reason
    assert (letter.partition in range(EVENTS.partitions), letter.offset) == (True, 0)
    assert numbers(events) == [2]


async def test_largest_records_and_their_dead_letters_pass(make_bus: MakeBus) -> None:
    letters = Inbox[DeadLetter]()

    def reject(record: Event, key: str, trace: Trace) -> None:
        raise Rejected("too long to read")

    bus = make_bus()
    bus.subscribe(EVENTS, reject, group="reader")
    bus.subscribe(DEAD_LETTERS, letters, group="undertaker")
    async with running(bus):
        for number in range(3):
            say(bus, number, text="x" * 990_000)
        with pytest.raises(Rejected, match="more than Kafka takes"):
            say(bus, 3, text="x" * 1_000_000)
        await letters.holds(3)
    assert {len(letter.raw) > 990_000 for letter, _ in letters.records} == {True}


async def test_offsets_are_committed_once_what_handlers_published_is_confirmed(
    make_bus: MakeBus, kafka: str, kafka_prefix: str
) -> None:
    inbox = Inbox[Event]()
    bus = make_bus(linger_ms=1_500)  # what handlers publish stays here so long

    def refuse(record: Event, key: str, trace: Trace) -> None:
        bus.publish(REFUSALS, refusal(record.id), record_id="r", keys=("r",), trace=trace)
        inbox(record, key, trace)

    async def progress() -> int:
        return await committed(
            kafka, kafka_prefix + "reader", kafka_prefix + EVENTS.name, EVENTS.partitions
        )

    bus.subscribe(EVENTS, refuse, group="reader")
    async with running(make_bus()) as publisher, running(bus):
        for number in range(50):
            say(publisher, number)
        await inbox.holds(50)
        await asyncio.sleep(4 * COMMIT_INTERVAL_S)  # the time in which it might do wrong
        assert await progress() == 0
        assert await ends(kafka, kafka_prefix + REFUSALS.name, REFUSALS.partitions) == 0
    assert await progress() == 50
    assert await ends(kafka, kafka_prefix + REFUSALS.name, REFUSALS.partitions) == 50


async def test_failed_record_is_delivered_again_and_the_handled_ones_are_not(
    make_bus: MakeBus,
) -> None:
    def stumble(record: Event, key: str, trace: Trace) -> None:
        if record.native_id == "5":
            raise Fatal("stumbled")

    first = make_bus()
    first.subscribe(EVENTS, stumble, group="reader")
    await first.start()
    for number in range(10):
        say(first, number)
    with pytest.raises(Fatal, match="stumbled"):
        await asyncio.wait_for(first.failure(), PATIENCE_S)
    await first.stop()

    inbox = Inbox[Event]()
    second = make_bus()
    second.subscribe(EVENTS, inbox, group="reader")
    async with running(second):
        await inbox.holds(5)
    assert numbers(inbox) == [5, 6, 7, 8, 9]


async def test_partitions_move_to_a_new_member_without_a_loss(make_bus: MakeBus) -> None:
    arrived = asyncio.Event()
    inboxes = [Inbox[Event](arrived), Inbox[Event](arrived)]
    buses = [make_bus(), make_bus()]
    for bus, inbox in zip(buses, inboxes, strict=True):
        bus.subscribe(EVENTS, inbox, group="reader")
    keys = [f"K{n}" for n in range(16)]

    def seen() -> set[int]:
        return {int(record.native_id) for inbox in inboxes for record, _ in inbox.records}

    async with running(buses[0]):
        for number in range(500):
            say(buses[0], number, keys[number % 16])
        async with running(buses[1]):
            for number in range(500, 1000):
                say(buses[1], number, keys[number % 16])
            await inboxes[0].sees(lambda: len(inboxes[1].records) >= 10 and len(seen()) == 1000)
        for number in range(1000, 1100):
            say(buses[0], number, keys[number % 16])
        await inboxes[0].sees(lambda: len(seen()) == 1100)


CRASHING = """
    import asyncio, sys
    from core.contracts.clock import ManualClock
    from core.contracts.topics import EVENTS
    from core.runtime.bus.kafka import KafkaBus

    def say(record, key, trace):
        print(record.native_id, flush=True)

    async def main(bootstrap, prefix):
        bus = KafkaBus(bootstrap, clock=ManualClock(), topic_prefix=prefix, instance="one")
        bus.subscribe(EVENTS, say, group="reader")
        await bus.start()
        await bus.failure()

    asyncio.run(main(*sys.argv[1:]))
"""


async def test_killed_consumer_has_its_records_again_at_once(
    make_bus: MakeBus, kafka: str, kafka_prefix: str
) -> None:
    publisher = make_bus()
    async with running(publisher):
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            textwrap.dedent(CRASHING),
            kafka,
            kafka_prefix,
            stdout=asyncio.subprocess.PIPE,
            cwd=REPOSITORY,
        )
        assert child.stdout is not None
        for number in range(20):
            say(publisher, number)
        async with asyncio.timeout(PATIENCE_S):
            assert (await child.stdout.readline()).strip() == b"0"
        child.kill()
        before = {0, *(int(line) for line in (await child.stdout.read()).split())}
        await child.wait()

        inbox = Inbox[Event]()
        heir = make_bus(instance="one")
        heir.subscribe(EVENTS, inbox, group="reader")
        started = asyncio.get_running_loop().time()
        async with running(heir):
            say(publisher, 20)
            await inbox.sees(lambda: 20 in numbers(inbox))
        assert asyncio.get_running_loop().time() - started < 6  # the session time-out is ten
    again = numbers(inbox)
    assert again == list(range(again[0], 21))
    assert before | set(again) == set(range(21))


@pytest.mark.slow
async def test_broker_restart_loses_nothing_and_keeps_order(kafka_server: KafkaServer) -> None:
    inbox = Inbox[Event]()
    bus = KafkaBus(kafka_server.bootstrap, clock=ManualClock(), confirm_timeout_ms=500)
    bus.subscribe(EVENTS, inbox, group="reader")
    await bus.start()
    for number in range(50):
        say(bus, number)
    await inbox.holds(50)
    await kafka_server.stopping()
    for number in range(50, 100):
        say(bus, number)
    with pytest.raises(Retryable, match="they are kept"):
        await bus.flush()
    await kafka_server.starting()
    for number in range(100, 150):
        say(bus, number)
    await inbox.holds(150)
    firsts = list(dict.fromkeys(numbers(inbox)))  # a record may come twice, but not out of turn
    assert firsts == list(range(150))

    kafka_server.kill()
    say(bus, 150)
    with pytest.raises(Fatal, match="stopped with 1 records"):
        await bus.stop()


@pytest.mark.slow
async def test_broker_that_is_away_is_not_asked_without_a_pause(
    kafka_server: KafkaServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = KafkaBus(kafka_server.bootstrap, clock=ManualClock(), confirm_timeout_ms=20_000)
    await bus.start()
    say(bus, 1)
    await bus.flush()
    bus._confirm_timeout_s = 1.0
    kafka_server.kill()
    # As after an orderly stop, in which the broker first gives its partitions up.
    monkeypatch.setattr(bus._producer.client.cluster, "leader_for_partition", lambda _: -1)
    say(bus, 2)
    caplog.clear()
    began = asyncio.get_running_loop().time()
    with pytest.raises(Retryable):
        await bus.flush()
    seconds = asyncio.get_running_loop().time() - began
    failures = [text for text in caplog.messages if text.startswith("Unable to update metadata")]
    assert 0 < len(failures) < 20 * seconds
    with pytest.raises(Fatal, match="never confirmed"):
        await bus.stop()


async def test_producer_that_died_is_replaced_and_nothing_is_lost(
    make_bus: MakeBus, kafka: str, kafka_prefix: str
) -> None:
    inbox = Inbox[Event]()
    bus = make_bus()
    bus.subscribe(EVENTS, inbox, group="reader")
    async with running(bus):
        say(bus, 0)
        await bus.flush()
        await bus._producer.stop()
        for number in range(1, 100):
            say(bus, number, f"K{number % 5}")
        await bus.flush()
        await inbox.holds(100)
    assert sorted(int(record.native_id) for record, _ in inbox.records) == list(range(100))
    assert numbers(inbox, "K1") == list(range(1, 100, 5))


async def test_full_outbox_refuses_and_takes_again_after_a_flush(make_bus: MakeBus) -> None:
    async with running(make_bus(max_buffered=10)) as bus:
        for number in range(10):
            say(bus, number)
        with pytest.raises(Retryable, match="the bound is 10"):
            say(bus, 10)
        await bus.flush()
        say(bus, 10)


async def test_handler_that_publishes_more_than_the_outbox_holds_is_slowed(
    make_bus: MakeBus, kafka: str, kafka_prefix: str
) -> None:
    bus = make_bus(max_buffered=20)
    inbox = Inbox[Event]()

    def refuse(record: Event, key: str, trace: Trace) -> None:
        for leg in range(3):
            bus.publish(REFUSALS, refusal(str(leg)), record_id="r", keys=(f"r{leg}",), trace=trace)
        inbox(record, key, trace)

    bus.subscribe(EVENTS, refuse, group="reader")
    async with running(make_bus()) as publisher:
        for number in range(200):
            say(publisher, number)
        await publisher.flush()
    async with running(bus):
        await inbox.holds(200)
    assert await ends(kafka, kafka_prefix + REFUSALS.name, REFUSALS.partitions) == 600


async def test_creating_topics_twice_creates_them_once(kafka: str, kafka_prefix: str) -> None:
    created = await create_topics(kafka, (EVENTS, DEAD_LETTERS), topic_prefix=kafka_prefix)
    assert created == [kafka_prefix + EVENTS.name, kafka_prefix + DEAD_LETTERS.name]
    assert await create_topics(kafka, (EVENTS,), topic_prefix=kafka_prefix) == []
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        (topic,) = await admin.describe_topics(created[:1])
        wanted = ConfigResource(ConfigResourceType.TOPIC, created[0], {"retention.ms": ""})
        (answer,) = await admin.describe_configs([wanted])
    finally:
        await admin.close()
    assert len(topic["partitions"]) == EVENTS.partitions
    assert answer.resources[0][4][0][:2] == ("retention.ms", str(EVENTS.retention_ms))


async def test_topic_with_too_few_partitions_is_refused(
    make_bus: MakeBus, kafka: str, kafka_prefix: str
) -> None:
    name = kafka_prefix + EVENTS.name
    assert await create_raw_topics(kafka, [(name, 1, {"cleanup.policy": "compact"})]) == [name]
    with pytest.raises(ConfigurationError, match="has 1 partitions and needs 4"):
        await make_bus().start()


async def test_topic_that_kafka_refuses_is_named(kafka: str) -> None:
    with pytest.raises(ConfigurationError, match="did not create topic bad name"):
        await create_raw_topics(kafka, [("bad name", 1, {})])


async def test_publishing_to_a_topic_of_no_table_is_refused(make_bus: MakeBus) -> None:
    other = Topic(
        "other",
        Event,
        schema="other.v1",
        key="none",
        partitions=1,
        retention_ms=DAY_MS,
        dead_letter=None,
        meaning="Not in the table.",
    )
    async with running(make_bus()) as bus:
        with pytest.raises(ConfigurationError, match="other is in no table"):
            bus.publish(other, event(1), record_id="1", keys=("k",), trace=Trace())


async def test_start_without_a_broker_is_retryable() -> None:
    bus = KafkaBus(NOBODY, clock=ManualClock())
    with pytest.raises(Retryable, match="can't be reached"):
        await bus.start()
    with pytest.raises(Fatal, match="not started"):
        say(bus, 1)
    await bus.stop()
