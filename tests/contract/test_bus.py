"""What every bus must do: one suite for the in-process bus, the tee, the spool and Kafka."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from core.contracts.clock import ManualClock
from core.contracts.codec import encode
from core.contracts.errors import ConfigurationError, DecodeError, Fatal, Rejected
from core.contracts.event import Event
from core.contracts.orders import Refused
from core.contracts.topics import DEAD_LETTERS, EVENTS, REFUSALS, DeadLetter
from core.contracts.trace import Trace
from core.runtime.bus.in_process import InProcessBus
from core.runtime.bus.kafka import KafkaBus
from core.runtime.bus.port import Bus
from core.runtime.bus.spool import SpoolBus
from core.runtime.bus.tee import TeeBus
from tests.contract.bus_records import Inbox, event, refusal

MakeBus = Callable[[], Bus]


@pytest.fixture(
    params=["in_process", "tee", "spool", pytest.param("kafka", marks=pytest.mark.kafka)],
)
async def make_bus(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MakeBus]:
    clock = ManualClock()
    made: list[Bus] = []

    def make() -> Bus:
        match request.param:
            case "in_process":
                bus: Bus = InProcessBus(clock)
            case "tee":
                bus = TeeBus(InProcessBus(clock), InProcessBus(clock))
            case "spool":
                bus = SpoolBus(InProcessBus(clock), tmp_path / f"spool-{len(made)}", clock=clock)
            case _:
                prefix = request.getfixturevalue("kafka_prefix")
                bootstrap = request.getfixturevalue("kafka")
                bus = KafkaBus(bootstrap, clock=clock, topic_prefix=prefix)
        made.append(bus)
        return bus

    yield make
    for bus in made:
        await bus.stop()


@pytest.fixture
def bus(make_bus: MakeBus) -> Bus:
    return make_bus()


def say(bus: Bus, number: int, *keys: str, trace: Trace | None = None) -> Event:
    record = event(number)
    bus.publish(EVENTS, record, record_id=record.id, keys=keys, trace=trace or Trace())
    return record


async def test_equal_keys_keep_their_order(bus: Bus) -> None:
    inbox = Inbox[Event]()
    bus.subscribe(EVENTS, inbox, group="reader")
    await bus.start()
    for number in range(300):
        say(bus, number, f"K{number % 3}")
    await inbox.holds(300)
    for key in ("K0", "K1", "K2"):
        numbers = [int(record.native_id) for record, k in inbox.records if k == key]
        assert numbers == list(range(int(key[1]), 300, 3))


async def test_each_group_has_every_record_once(bus: Bus) -> None:
    first, second = Inbox[Event](), Inbox[Event]()
    bus.subscribe(EVENTS, first, group="first")
    bus.subscribe(EVENTS, second, group="second")
    await bus.start()
    sent = [say(bus, number, "IOTA") for number in range(5)]
    await first.holds(5)
    await second.holds(5)
    await bus.flush()
    assert [record for record, _ in first.records] == sent
    assert [record for record, _ in second.records] == sent


async def test_second_handler_of_one_group_is_refused(bus: Bus) -> None:
    bus.subscribe(EVENTS, Inbox[Event](), group="reader")
    with pytest.raises(ConfigurationError, match="reader already handles"):
        bus.subscribe(EVENTS, Inbox[Event](), group="reader")


async def test_subscribing_after_the_start_is_refused(bus: Bus) -> None:
    await bus.start()
    with pytest.raises(ConfigurationError, match="before the bus starts"):
        bus.subscribe(EVENTS, Inbox[Event](), group="reader")


async def test_record_with_two_keys_is_delivered_for_each(bus: Bus) -> None:
    inbox = Inbox[Event]()
    bus.subscribe(EVENTS, inbox, group="reader")
    await bus.start()
    sent = say(bus, 1, "IOTA", "BTC")
    await inbox.holds(2)
    assert sorted(inbox.records, key=lambda pair: pair[1]) == [(sent, "BTC"), (sent, "IOTA")]


async def test_one_group_handles_two_topics(bus: Bus) -> None:
    events, refusals = Inbox[Event](), Inbox[Refused]()
    bus.subscribe(EVENTS, events, group="reader")
    bus.subscribe(REFUSALS, refusals, group="reader")
    await bus.start()
    say(bus, 1, "IOTA")
    bus.publish(REFUSALS, refusal("s1"), record_id="s1", keys=("s1",), trace=Trace())
    await events.holds(1)
    await refusals.holds(1)


async def test_what_a_handler_publishes_arrives(bus: Bus) -> None:
    refusals = Inbox[Refused]()

    def refuse(record: Event, key: str, trace: Trace) -> None:
        bus.publish(REFUSALS, refusal(record.id), record_id="r", keys=(record.id,), trace=trace)

    bus.subscribe(EVENTS, refuse, group="first")
    bus.subscribe(REFUSALS, refusals, group="second")
    await bus.start()
    sent = [say(bus, number, "IOTA").id for number in range(20)]
    await refusals.holds(20)
    assert sorted(record.signal_id for record, _ in refusals.records) == sorted(sent)


@pytest.mark.parametrize("error", [Rejected("no such coin"), DecodeError("no such coin", b"part")])
async def test_rejected_record_is_a_dead_letter_and_the_next_is_handled(
    bus: Bus, error: Rejected
) -> None:
    inbox, letters = Inbox[Event](), Inbox[DeadLetter]()

    def choosy(record: Event, key: str, trace: Trace) -> None:
        if record.native_id == "1":
            raise error
        inbox(record, key, trace)

    bus.subscribe(EVENTS, choosy, group="reader")
    bus.subscribe(DEAD_LETTERS, letters, group="undertaker")
    await bus.start()
    rejected = say(bus, 1, "IOTA")
    accepted = say(bus, 2, "IOTA")
    await inbox.holds(1)
    await letters.holds(1)
    assert inbox.records == [(accepted, "IOTA")]
    letter, key = letters.records[0]
    assert (key, letter.topic, letter.reason) == (EVENTS.name, EVENTS.name, "no such coin")
    assert letter.raw == encode(rejected)
    assert letter.failed_ns == ManualClock().now_ns()


@pytest.mark.parametrize("error", [Fatal("books disagree"), KeyError("IOTA")])
async def test_fatal_and_unexpected_errors_stop_the_bus(bus: Bus, error: Exception) -> None:
    seen: list[str] = []

    def broken(record: Event, key: str, trace: Trace) -> None:
        seen.append(record.native_id)
        raise error

    bus.subscribe(EVENTS, broken, group="reader")
    await bus.start()
    failure = asyncio.create_task(bus.failure())
    for number in (1, 2):
        with suppress(Fatal):  # in process it comes out here as well
            say(bus, number, "IOTA")
    with pytest.raises(Fatal, match=r"books disagree|KeyError"):
        await asyncio.wait_for(failure, 20)
    assert seen == ["1"]
    with pytest.raises(Fatal, match="the bus has failed"):
        say(bus, 3, "IOTA")


async def test_rejecting_a_dead_letter_is_fatal(bus: Bus) -> None:
    def reject(record: Event | DeadLetter, key: str, trace: Trace) -> None:
        raise Rejected("no")

    bus.subscribe(EVENTS, reject, group="reader")
    bus.subscribe(DEAD_LETTERS, reject, group="undertaker")
    await bus.start()
    failure = asyncio.create_task(bus.failure())
    with suppress(Fatal):  # in process it comes out here as well
        say(bus, 1, "IOTA")
    with pytest.raises(Fatal, match="dead letter"):
        await asyncio.wait_for(failure, 20)


async def test_publishing_after_the_stop_is_fatal(bus: Bus) -> None:
    await bus.start()
    failure = asyncio.create_task(bus.failure())
    await bus.stop()
    await asyncio.wait_for(failure, 20)
    with pytest.raises(Fatal, match="the bus is stopped"):
        say(bus, 1, "IOTA")


async def test_the_trace_travels(bus: Bus) -> None:
    inbox = Inbox[Event]()
    bus.subscribe(EVENTS, inbox, group="reader")
    await bus.start()
    trace = Trace(received=1_700_000_000_000_000_001)
    trace.parsed = 1_700_000_000_000_000_002
    say(bus, 1, "IOTA", trace=trace)
    await inbox.holds(1)
    assert inbox.traces[0].to_header() == trace.to_header()


async def test_flush_returns_with_nothing_published(bus: Bus) -> None:
    await bus.start()
    await bus.flush()
