"""A channel's silence is told from its habit, and its health from what its source reports."""

import pytest

from core.contracts.clock import ManualClock
from crawlers.intake import Intake
from crawlers.item import Item
from crawlers.normalise import Limits
from crawlers.progress import Channel
from crawlers.rhythm import Rhythm
from crawlers.seen import Seen
from crawlers.watch import Watch
from tests.unit.crawlers.doubles import NOW_NS, NarrowBus, key_by_id

SECOND_NS = 1_000_000_000


def habit(gap_s: int, count: int = 20, floor_s: int = 60) -> Rhythm:
    rhythm = Rhythm(floor_s * SECOND_NS)
    for number in range(count):
        rhythm.heard(NOW_NS + number * gap_s * SECOND_NS)
    return rhythm


@pytest.mark.parametrize(("gap_s", "limit_s"), [(100, 300), (5, 60)])
def test_limit_is_three_times_the_longest_usual_silence_or_the_floor(
    gap_s: int, limit_s: int
) -> None:
    assert habit(gap_s).limit_ns() == limit_s * SECOND_NS


def test_few_posts_tell_no_habit() -> None:
    assert habit(100, count=5).limit_ns() is None


def test_posts_out_of_order_change_nothing() -> None:
    rhythm = habit(100)
    rhythm.heard(NOW_NS - 10_000 * SECOND_NS)
    assert rhythm.limit_ns() == 300 * SECOND_NS


def test_configured_limit_is_kept_to() -> None:
    assert Rhythm(60 * SECOND_NS, 7).limit_ns() == 7


def test_a_long_silence_is_forgotten_after_a_week() -> None:
    day = 86_400 * SECOND_NS
    rhythm = Rhythm(SECOND_NS)
    rhythm.heard(NOW_NS)
    rhythm.heard(NOW_NS + day)
    for number in range(1, 24 * 9):
        rhythm.heard(NOW_NS + day + number * 3_600 * SECOND_NS)
    assert rhythm.limit_ns() == 3 * 3_600 * SECOND_NS


def make(clock: ManualClock, seen: Seen | None = None) -> Watch:
    intake = Intake(
        Channel("rss", "desk", None),
        seen if seen is not None else Seen(),
        bus=NarrowBus(),
        keyer=key_by_id,
        clock=clock,
        limits=Limits(),
    )
    rhythm = Rhythm(0, 100 * SECOND_NS)
    return Watch(intake, clock=clock, rhythm=rhythm, answer_limit_ms=10_000)


def test_silence_is_stale_until_the_next_post_and_asks_for_one_new_connection() -> None:
    clock = ManualClock(NOW_NS)
    watch = make(clock)
    assert watch.check().ok
    clock.advance(101 * SECOND_NS)
    watch.answered(clock.now_ns())
    assert not watch.check().ok
    assert "stale" in watch.check().detail
    assert watch.should_reconnect(clock.now_ns())
    assert not watch.should_reconnect(clock.now_ns())
    watch.accept(Item(native_id="1", title="t"), clock.now_ns())
    assert watch.check().ok
    assert not watch.should_reconnect(clock.now_ns())


def test_client_that_is_always_beaten_is_not_stale() -> None:
    clock, seen = ManualClock(NOW_NS), Seen()
    first, second = make(clock, seen), make(clock, seen)
    second.intake.channel.client = "mirror"
    clock.advance(101 * SECOND_NS)
    for watch in (first, second):
        watch.accept(Item(native_id="1", title="t"), clock.now_ns())
    assert second.intake.counts.beaten == 1
    assert not second.is_stale(clock.now_ns())


def test_server_without_an_answer_is_unhealthy_until_it_answers() -> None:
    clock = ManualClock(NOW_NS)
    watch = make(clock)
    clock.advance(11 * SECOND_NS)
    watch.failed("429")
    assert not watch.check().ok
    assert "429" in watch.check().detail
    watch.answered(clock.now_ns())
    assert watch.check().ok
    assert "429" not in watch.check().detail


def test_stream_is_unhealthy_while_not_connected() -> None:
    watch = make(ManualClock(NOW_NS))
    watch.lost("reset")
    assert not watch.check().ok
    watch.opened()
    assert watch.check().ok
    assert watch.connects == 1
