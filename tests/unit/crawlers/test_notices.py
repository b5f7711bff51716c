"""Exchanges' notices: each change is told once, and what is open again after a start."""

from random import Random

from msgspec.structs import replace

from core.contracts.clock import ManualClock
from core.contracts.event import Event
from core.contracts.identity import notice_id
from core.contracts.notice import Affected, Impact, NoticeKind, NoticeState, VenueNotice
from core.contracts.topics import VENUE_NOTICES
from core.contracts.trace import Trace
from crawlers.intake import Intake
from crawlers.item import Item, ItemNotice
from crawlers.newsroom import Newsroom
from crawlers.normalise import Limits
from crawlers.notices import NoticeBoard, notice_of
from crawlers.progress import Channel, Progress
from crawlers.seen import Seen
from tests.unit.crawlers.doubles import NOW_NS, MemoryCursorStore, NarrowBus, key_by_id

MINUTE_NS = 60_000_000_000

FOUND = ItemNotice(
    venue="hitbtc",
    kind=NoticeKind.MAINTENANCE,
    state=NoticeState.SCHEDULED,
    impact=Impact.MAINTENANCE,
    starts_ns=NOW_NS + MINUTE_NS,
    ends_ns=NOW_NS + 2 * MINUTE_NS,
    affects=(Affected.TRADING,),
    pairs=(),
    components=("Spot trading",),
    revision=1,
)


class Heard:
    """An intake on a bus, and the notices that were published."""

    def __init__(self, seen: Seen | None = None) -> None:
        self.bus = NarrowBus()
        self.notices: list[VenueNotice] = []
        self.keys: list[str] = []
        self.bus.subscribe(VENUE_NOTICES, self._hear, group="heard")
        self.intake = Intake(
            Channel("announcements", "status", None),
            seen if seen is not None else Seen(),
            bus=self.bus,
            keyer=key_by_id,
            clock=ManualClock(NOW_NS + 5),
            limits=Limits(),
        )

    def _hear(self, notice: VenueNotice, key: str, trace: Trace) -> None:
        assert trace.received <= trace.parsed
        self.notices.append(notice)
        self.keys.append(key)

    def event(self, native_id: str = "m1", revision: int = 0) -> Event:
        item = Item(native_id=native_id, revision=revision, title="Upgrade", url="https://s.io/m1")
        event = self.intake.normalise(item, NOW_NS)
        assert isinstance(event, Event)
        return event

    def take(self, found: ItemNotice, revision: int = 0) -> None:
        event = self.event(revision=revision)
        self.intake.tell(notice_of(found, event))
        self.intake.take(event)


def test_notice_has_the_identity_words_and_time_of_its_event() -> None:
    heard = Heard()
    heard.take(FOUND)
    (notice,), (event,) = heard.notices, heard.bus.events
    assert notice.id == notice_id("announcements", "status", "m1")
    assert (notice.event_id, notice.title, notice.url) == (event.id, "Upgrade", "https://s.io/m1")
    assert notice.received_ns == NOW_NS
    assert heard.keys == ["hitbtc"]
    assert heard.intake.counts.notices == 1


def test_notice_is_told_at_each_change_and_only_then() -> None:
    heard = Heard()
    begun = replace(FOUND, state=NoticeState.IN_PROGRESS, revision=2)
    later = replace(begun, ends_ns=NOW_NS + 9 * MINUTE_NS, revision=3)
    for found, revision in ((FOUND, 0), (FOUND, 0), (begun, 2), (begun, 2), (later, 2)):
        heard.take(found, revision)
    assert [notice.revision for notice in heard.notices] == [1, 2, 3]
    assert len(heard.bus.events) == 2  # the last change was not told in words


def test_answer_out_of_an_old_cache_changes_nothing() -> None:
    heard = Heard()
    heard.take(replace(FOUND, revision=5))
    heard.take(replace(FOUND, revision=4, ends_ns=None))
    assert [notice.revision for notice in heard.notices] == [5]


def test_after_a_restart_open_notices_are_told_again_and_those_that_are_over_are_not() -> None:
    seen = Seen()
    resolved = replace(FOUND, state=NoticeState.RESOLVED, revision=9)
    for found, again in ((FOUND, 1), (resolved, 0)):
        Heard(seen).take(found)
        after = Heard(seen)
        after.take(found)
        assert len(after.notices) == again


def test_end_that_came_while_nobody_read_is_told() -> None:
    seen = Seen()
    Heard(seen).take(FOUND)
    after = Heard(seen)
    after.take(replace(FOUND, state=NoticeState.RESOLVED, revision=9), revision=9)
    assert [notice.state for notice in after.notices] == [NoticeState.RESOLVED]


def test_what_takes_longer_than_planned_is_said_again_each_minute() -> None:
    board, heard = NoticeBoard(), Heard()
    begun = notice_of(replace(FOUND, state=NoticeState.IN_PROGRESS), heard.event())
    board.told(begun)
    assert begun.ends_ns is not None
    assert board.overrunning(begun.ends_ns) == []
    (again,) = board.overrunning(begun.ends_ns + 1)
    assert again == replace(begun, received_ns=begun.ends_ns + 1)
    board.told(again)
    assert board.overrunning(again.received_ns + MINUTE_NS - 1) == []
    assert len(board.overrunning(again.received_ns + MINUTE_NS)) == 1
    board.told(replace(again, state=NoticeState.CANCELLED))
    assert board.overrunning(again.received_ns + 9 * MINUTE_NS) == []


async def test_full_bus_tells_notice_and_event_once_each_when_it_has_room() -> None:
    bus, clock = NarrowBus(room=0), ManualClock(NOW_NS)
    notices: list[VenueNotice] = []
    bus.subscribe(VENUE_NOTICES, lambda notice, _key, _trace: notices.append(notice), group="x")
    waits: list[float] = []

    async def make_room(seconds: float) -> None:
        waits.append(seconds)
        bus.room = None

    room = Newsroom(
        bus=bus,
        keyer=key_by_id,
        progress=Progress(bus, MemoryCursorStore(), clock),
        clock=clock,
        limits=Limits(),
        seen_capacity=10,
        seen_days=1,
        jitter=Random(1),
        sleep=make_room,
    )
    watch = await room.watch("announcements", "status", answer_limit_ms=60_000)
    item = Item(native_id="m1", title="Upgrade", notice=FOUND)
    event_id = await room.accept(watch, item, NOW_NS)
    assert len(waits) == 1
    assert [notice.event_id for notice in notices] == [event_id]
    assert [event.id for event in bus.events] == [event_id]
