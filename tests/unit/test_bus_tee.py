"""The tee never lets the bus behind delay or fail the handlers."""

import asyncio
from collections.abc import Sequence

import pytest

from core.contracts.clock import ManualClock
from core.contracts.errors import Fatal, Retryable, TidingsError
from core.contracts.event import Event
from core.contracts.topics import EVENTS, REFUSALS, Topic
from core.contracts.trace import Trace
from core.runtime.bus.in_process import InProcessBus
from core.runtime.bus.port import R
from core.runtime.bus.tee import TeeBus
from tests.contract.bus_records import Inbox, event, refusal


class Behind(InProcessBus):
    """Keeps what it takes, and takes nothing while it has an error to raise."""

    def __init__(self) -> None:
        super().__init__(ManualClock())
        self.taken: list[tuple[str, str]] = []
        self.error: TidingsError | None = None
        self.flushed_at: int | None = None

    def publish(
        self, topic: Topic[R], record: R, *, record_id: str, keys: Sequence[str], trace: Trace
    ) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append((topic.name, record_id))

    async def flush(self) -> None:
        self.flushed_at = len(self.taken)


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def bus(behind: Behind) -> TeeBus:
    return TeeBus(InProcessBus(ManualClock()), behind)


def publish(bus: TeeBus, number: int) -> None:
    bus.publish(EVENTS, event(number), record_id=str(number), keys=("IOTA",), trace=Trace())


async def next_callback() -> None:
    await asyncio.sleep(0)


async def test_record_goes_behind_after_the_present_callback(bus: TeeBus, behind: Behind) -> None:
    inbox = Inbox[Event]()
    bus.subscribe(EVENTS, inbox, group="reader")
    await bus.start()
    publish(bus, 1)
    publish(bus, 2)
    assert [key for _, key in inbox.records] == ["IOTA", "IOTA"]
    assert behind.taken == []
    await next_callback()
    assert behind.taken == [(EVENTS.name, "1"), (EVENTS.name, "2")]


async def test_cause_goes_behind_before_its_consequence(bus: TeeBus, behind: Behind) -> None:
    def refuse(record: Event, key: str, trace: Trace) -> None:
        bus.publish(REFUSALS, refusal("s"), record_id="s", keys=("s",), trace=trace)

    bus.subscribe(EVENTS, refuse, group="reader")
    await bus.start()
    publish(bus, 1)
    await next_callback()
    assert behind.taken == [(EVENTS.name, "1"), (REFUSALS.name, "s")]


@pytest.mark.parametrize("error", [Retryable("the buffer is full"), Fatal("the bus has failed")])
async def test_trade_goes_on_while_the_bus_behind_takes_nothing(
    bus: TeeBus, behind: Behind, error: TidingsError, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox[Event]()
    bus.subscribe(EVENTS, inbox, group="reader")
    await bus.start()
    behind.error = error
    for number in range(3):
        publish(bus, number)
        await next_callback()
    assert len(inbox.records) == 3
    assert bus.dropped == 3
    assert caplog.messages == ["bus_behind_drops_records"]
    behind.error = None
    publish(bus, 3)
    await next_callback()
    assert behind.taken == [(EVENTS.name, "3")]


async def test_flush_and_stop_hand_over_first(bus: TeeBus, behind: Behind) -> None:
    await bus.start()
    publish(bus, 1)
    await bus.flush()
    assert behind.flushed_at == 1
    publish(bus, 2)
    await bus.stop()
    assert behind.taken == [(EVENTS.name, "1"), (EVENTS.name, "2")]


async def test_record_that_failed_goes_behind_and_what_is_refused_later_does_not(
    bus: TeeBus, behind: Behind
) -> None:
    def fail(record: Event, key: str, trace: Trace) -> None:
        raise Fatal("books disagree")

    bus.subscribe(EVENTS, fail, group="reader")
    await bus.start()
    for number, message in ((1, "books disagree"), (2, "the bus has failed")):
        with pytest.raises(Fatal, match=message):
            publish(bus, number)
    await next_callback()
    assert behind.taken == [(EVENTS.name, "1")]


def test_publishing_before_the_start_is_fatal(bus: TeeBus) -> None:
    with pytest.raises(Fatal, match="not started"):
        publish(bus, 1)
