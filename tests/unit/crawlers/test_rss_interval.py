"""A feed is asked as often as it deserves, within the limits, and at once again after news."""

import pytest

from crawlers.sources.rss.interval import interval_ms, quiet_ms

MINUTE_MS = 60_000
MINUTE_NS = MINUTE_MS * 1_000_000
NOW_NS = 1_790_000_000_000_000_000


def every(minutes: int, count: int = 10) -> list[int]:
    """Give times of publication, the last one now."""
    return [NOW_NS - minutes * MINUTE_NS * number for number in range(count)]


def test_habit_is_a_tenth_of_the_usual_gap() -> None:
    assert quiet_ms(every(30), NOW_NS) == 3 * MINUTE_MS
    assert quiet_ms([*every(30), NOW_NS - 500 * 60 * MINUTE_NS], NOW_NS) == 3 * MINUTE_MS


def test_long_silence_slows_down() -> None:
    later_ns = NOW_NS + 1_000 * MINUTE_NS
    assert quiet_ms(every(30), later_ns) == 10 * MINUTE_MS


def test_publishers_word_counts_where_entries_say_nothing() -> None:
    assert quiet_ms([NOW_NS], NOW_NS, said_ms=MINUTE_MS) == MINUTE_MS
    assert quiet_ms(every(30), NOW_NS, said_ms=60 * MINUTE_MS) == 3 * MINUTE_MS
    assert quiet_ms([], NOW_NS) is None


def test_answer_that_stays_good_is_not_asked_for_sooner() -> None:
    assert quiet_ms(every(30), NOW_NS, fresh_ms=5 * MINUTE_MS) == 5 * MINUTE_MS
    assert quiet_ms(every(30), NOW_NS, fresh_ms=1) == 3 * MINUTE_MS
    assert quiet_ms([], NOW_NS, fresh_ms=MINUTE_MS) == MINUTE_MS


@pytest.mark.parametrize(
    ("quiet", "unchanged", "expected"),
    [
        (180_000, 0, 60_000),  # something new
        (180_000, 1, 90_000),
        (180_000, 2, 135_000),
        (180_000, 3, 180_000),
        (180_000, 10_000, 180_000),
        (1_000, 5, 60_000),  # a busy feed
        (9_999_999, 50, 300_000),
        (None, 1, 90_000),
        (None, 50, 300_000),
    ],
)
def test_interval_grows_from_the_shortest_to_what_the_feed_deserves(
    quiet: int | None, unchanged: int, expected: int
) -> None:
    assert interval_ms(60_000, 300_000, quiet, unchanged) == expected


def test_equal_limits_pin_the_interval() -> None:
    assert {
        interval_ms(60_000, 60_000, quiet, n) for quiet in (None, 10, 10**9) for n in (0, 9)
    } == {60_000}
