"""Items go to the bus once each, and a full bus loses none."""

import pytest
from msgspec.structs import replace

from core.contracts.clock import ManualClock
from core.contracts.errors import Retryable
from core.contracts.event import DELETED_REVISION, Event, EventKind
from crawlers.intake import Counts, Intake
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.normalise import Limits
from crawlers.progress import Channel
from crawlers.seen import Seen
from tests.unit.crawlers.doubles import NOW_NS, NarrowBus, key_by_id


def make(bus: NarrowBus, seen: Seen | None = None) -> Intake:
    return Intake(
        Channel("rss", "desk", None),
        seen if seen is not None else Seen(),
        bus=bus,
        keyer=key_by_id,
        clock=ManualClock(NOW_NS + 5_000),
        limits=Limits(),
    )


def accept(intake: Intake, item: Item | Refusal, received_ns: int) -> str | None:
    return intake.take(intake.normalise(item, received_ns) if isinstance(item, Item) else item)


def test_item_is_published_with_keys_and_stamps() -> None:
    bus = NarrowBus()
    intake = make(bus)
    event_id = accept(intake, Item(native_id="1", title="t"), NOW_NS)
    assert [event.id for event in bus.events] == [event_id]
    assert bus.keys == [event_id]
    assert (bus.traces[0].received, bus.traces[0].parsed) == (NOW_NS, NOW_NS + 5_000)
    assert intake.channel.unsaved == [event_id]


def test_each_key_gets_the_event() -> None:
    bus = NarrowBus()
    intake = Intake(
        Channel("rss", "desk", None),
        Seen(),
        bus=bus,
        keyer=lambda event: ("BTC", "ETH"),
        clock=ManualClock(NOW_NS),
        limits=Limits(),
    )
    accept(intake, Item(native_id="1", title="t"), NOW_NS)
    assert bus.keys == ["BTC", "ETH"]


def test_item_seen_again_is_counted_and_dropped() -> None:
    bus = NarrowBus()
    seen = Seen()
    first, second = make(bus, seen), make(bus, seen)
    item = Item(native_id="1", title="t")
    assert accept(first, item, NOW_NS) == accept(second, item, NOW_NS + 1)
    assert len(bus.events) == 1
    assert (second.counts.items, second.counts.events, second.counts.duplicates) == (1, 0, 1)
    assert second.channel.unsaved == []


def test_client_that_comes_second_is_counted_as_beaten() -> None:
    bus, seen = NarrowBus(), Seen()
    first, second = make(bus, seen), make(bus, seen)
    second.channel.client = "mirror"
    item = Item(native_id="1", title="t")
    accept(first, item, NOW_NS)
    accept(second, item, NOW_NS)
    accept(first, item, NOW_NS)
    assert (first.counts.beaten, second.counts.beaten) == (0, 1)
    assert (first.counts.duplicates, second.counts.duplicates) == (1, 1)


def test_edit_and_deletion_are_events_of_their_own() -> None:
    bus = NarrowBus()
    intake = make(bus)
    post = Item(native_id="1", title="t")
    for _ in range(2):
        accept(intake, post, NOW_NS)
        accept(intake, replace(post, kind=EventKind.EDITED, revision=7), NOW_NS)
        accept(intake, Item(native_id="1", kind=EventKind.DELETED), NOW_NS)
    assert [(e.kind, e.revision) for e in bus.events] == [
        ("published", 0),
        ("edited", 7),
        ("deleted", DELETED_REVISION),
    ]
    assert len({e.id for e in bus.events}) == 3


def test_refusals_are_counted_by_reason() -> None:
    intake = make(NarrowBus())
    accept(intake, Refusal(RefusalReason.BAD_JSON, "x"), NOW_NS)
    accept(intake, Item(native_id="1"), NOW_NS)
    accept(intake, Item(native_id="2"), NOW_NS)
    assert intake.counts.refusals == {"bad_json": 1, "no_text": 2}
    assert (intake.counts.items, intake.counts.events) == (3, 0)


def test_full_bus_leaves_the_item_for_the_next_try() -> None:
    bus = NarrowBus(room=0)
    intake = make(bus)
    item = Item(native_id="1", title="t")
    with pytest.raises(Retryable):
        accept(intake, item, NOW_NS)
    assert (intake.counts.items, intake.channel.unsaved) == (0, [])
    bus.room = 1
    accept(intake, item, NOW_NS)
    assert [event.native_id for event in bus.events] == ["1"]
    assert (intake.counts.items, intake.counts.events, intake.counts.duplicates) == (1, 1, 0)


def test_counts_of_several_channels_add_up() -> None:
    bus = NarrowBus()
    first, second = make(bus), make(bus)
    accept(first, Item(native_id="1", title="t"), NOW_NS)
    accept(second, Item(native_id="2", title="t"), NOW_NS)
    accept(second, Refusal(RefusalReason.BAD_JSON, "x"), NOW_NS)
    both = sum((first.counts, second.counts), Counts())
    assert (both.items, both.events, both.refusals["bad_json"]) == (3, 2, 1)


def test_oldest_id_is_forgotten_first_unless_it_came_up_again() -> None:
    seen = Seen(2)
    for event_id in ("a", "b", "a", "c"):
        seen.add(event_id)
    assert ("a" in seen, "b" in seen, "c" in seen, len(seen)) == (True, False, True, 2)


def test_memory_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="room"):
        Seen(0)


def test_keyer_sees_the_event_that_is_published() -> None:
    bus = NarrowBus()
    asked: list[Event] = []

    def keyer(event: Event) -> tuple[str, ...]:
        asked.append(event)
        return (event.id,)

    intake = Intake(
        Channel("rss", "desk", None),
        Seen(),
        bus=bus,
        keyer=keyer,
        clock=ManualClock(NOW_NS),
        limits=Limits(),
    )
    accept(intake, Item(native_id="1", title="t"), NOW_NS)
    assert asked == bus.events
