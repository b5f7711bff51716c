"""What publishing in process promises beyond the contract of every bus."""

import pytest

from core.contracts.clock import ManualClock
from core.contracts.errors import Fatal, Rejected
from core.contracts.event import Event
from core.contracts.topics import DEAD_LETTERS, EVENTS, REFUSALS, DeadLetter
from core.contracts.trace import Trace
from core.runtime.bus.in_process import InProcessBus
from tests.contract.bus_records import Inbox, event, refusal


def publish(bus: InProcessBus, number: int, *keys: str) -> None:
    bus.publish(EVENTS, event(number), record_id=str(number), keys=keys, trace=Trace())


def test_handlers_have_run_when_publish_returns_without_a_loop() -> None:
    bus, inbox = InProcessBus(ManualClock()), Inbox[Event]()
    bus.subscribe(EVENTS, inbox, group="reader")
    publish(bus, 1, "IOTA")
    assert inbox.records == [(event(1), "IOTA")]


def test_handlers_run_in_order_of_subscription_for_one_key_after_the_other() -> None:
    bus = InProcessBus(ManualClock())
    calls: list[tuple[str, str]] = []
    bus.subscribe(EVENTS, lambda _r, key, _t: calls.append(("first", key)), group="first")
    bus.subscribe(EVENTS, lambda _r, key, _t: calls.append(("second", key)), group="second")
    publish(bus, 1, "A", "B")
    assert calls == [("first", "A"), ("second", "A"), ("first", "B"), ("second", "B")]


def test_nested_publication_is_handled_before_the_next_handler() -> None:
    bus = InProcessBus(ManualClock())
    calls: list[str] = []

    def refuse(record: Event, key: str, trace: Trace) -> None:
        bus.publish(REFUSALS, refusal("s"), record_id="s", keys=("s",), trace=trace)

    bus.subscribe(EVENTS, refuse, group="first")
    bus.subscribe(EVENTS, lambda _r, _k, _t: calls.append("event"), group="second")
    bus.subscribe(REFUSALS, lambda _r, _k, _t: calls.append("refusal"), group="second")
    publish(bus, 1, "IOTA")
    assert calls == ["refusal", "event"]


def test_rejection_by_one_group_does_not_keep_the_record_from_the_next() -> None:
    bus, inbox, letters = InProcessBus(ManualClock()), Inbox[Event](), Inbox[DeadLetter]()

    def reject(record: Event, key: str, trace: Trace) -> None:
        raise Rejected("no")

    bus.subscribe(EVENTS, reject, group="first")
    bus.subscribe(EVENTS, inbox, group="second")
    bus.subscribe(DEAD_LETTERS, letters, group="undertaker")
    publish(bus, 1, "IOTA")
    assert len(inbox.records) == 1
    letter, _ = letters.records[0]
    assert (letter.partition, letter.offset) == (-1, -1)


def test_fatal_of_an_inner_handler_comes_out_of_the_outermost_publish() -> None:
    bus = InProcessBus(ManualClock())
    reason = Fatal("the journal is full")

    def refuse(record: Event, key: str, trace: Trace) -> None:
        bus.publish(REFUSALS, refusal("s"), record_id="s", keys=("s",), trace=trace)

    def fail(record: object, key: str, trace: Trace) -> None:
        raise reason

    bus.subscribe(EVENTS, refuse, group="first")
    bus.subscribe(REFUSALS, fail, group="second")
    with pytest.raises(Fatal) as raised:
        publish(bus, 1, "IOTA")
    assert raised.value is reason
    with pytest.raises(Fatal, match="the bus has failed: the journal is full"):
        publish(bus, 2, "IOTA")


def test_publication_without_subscribers_is_no_error() -> None:
    publish(InProcessBus(ManualClock()), 1, "IOTA")
