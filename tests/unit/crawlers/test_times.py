"""Every way of writing a time is brought to UTC, or refused with the reason."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.event import TimePrecision
from crawlers.item import RefusalReason
from crawlers.times import FUTURE_TOLERANCE_NS, parse_time

RECEIVED = 1_790_000_000_000_000_000  # 2026-09-21T14:13:20Z
EXACT, DAY = TimePrecision.EXACT, TimePrecision.DAY


def ns(text: str) -> int:
    moment = datetime.fromisoformat(text)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since // timedelta(microseconds=1)) * 1_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_700_000_000, "2023-11-14T22:13:20Z"),
        (1_700_000_000.5, "2023-11-14T22:13:20.500Z"),
        (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
        (1_700_000_000_123_456, "2023-11-14T22:13:20.123456Z"),
        (1_700_000_000_123_456_000, "2023-11-14T22:13:20.123456Z"),
        ("1700000000", "2023-11-14T22:13:20Z"),
        ("1700000000.25", "2023-11-14T22:13:20.250Z"),
        ("1700000000123", "2023-11-14T22:13:20.123Z"),
        ("1712010100000", "2024-04-01T22:21:40Z"),  # digits that also look like a compact date
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
        ("2024-01-02T03:04:05.678+02:00", "2024-01-02T01:04:05.678Z"),
        ("2024-01-02t03:04:05z", "2024-01-02T03:04:05Z"),
        ("2024-01-02 03:04 UTC", "2024-01-02T03:04:00Z"),
        ("2024-01-02T03:04:05 +01:00", "2024-01-02T02:04:05Z"),
        ("20240102T030405Z", "2024-01-02T03:04:05Z"),
        ("2024/01/02 03:04:05 GMT", "2024-01-02T03:04:05Z"),
        ("Tue, 02 Jan 2024 03:04:05 GMT", "2024-01-02T03:04:05Z"),
        ("Mon, 02 Jan 2024 03:04:05 GMT", "2024-01-02T03:04:05Z"),  # wrong weekday
        ("2 Jan 24 03:04 EST", "2024-01-02T08:04:00Z"),
        ("Tue, 2 Jan 2024 03:04:05 -0800 (PST)", "2024-01-02T11:04:05Z"),
        ("Tue, 02 Jan 2024 03:04:05 +05:30", "2024-01-01T21:34:05Z"),
        ("Tue, 02 Jan 2024 03:04:05 GMT+1", "2024-01-02T02:04:05Z"),
        ("Tue, 02 Jan 2024 03:04:05 Etc/GMT", "2024-01-02T03:04:05Z"),
        ("Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"),
        ("Sun Nov  6 08:49:37 UTC 1994", "1994-11-06T08:49:37Z"),
        ("January 5, 2024 10:00 AM EST", "2024-01-05T15:00:00Z"),
        ("Jan 5, 2024 at 12:30 am UTC", "2024-01-05T00:30:00Z"),
        ("Seg, 24 Set 2018 19:42:40 -0300", "2018-09-24T22:42:40Z"),
        ("Sáb, 1 Fev 2020 10:00:00 +0000", "2020-02-01T10:00:00Z"),
        ("Sat, 31 Dec 2016 23:59:60 GMT", "2017-01-01T00:00:00Z"),  # a leap second
        ("Thu, 29 Feb 2024 00:00:00 Z", "2024-02-29T00:00:00Z"),
    ],
)
def test_time_with_its_zone_is_exact(value: str | float, expected: str) -> None:
    assert parse_time(value, RECEIVED, None) == (ns(expected), EXACT)


@pytest.mark.parametrize("value", ["2024-01-02", "20240102", "2 January 2024", "Jan 2, 2024"])
def test_date_alone_is_midnight_utc_and_says_so(value: str) -> None:
    assert parse_time(value, RECEIVED, None) == (ns("2024-01-02T00:00:00Z"), DAY)


@pytest.mark.parametrize("value", [None, "", "  ", "\n"])
def test_missing_time_is_the_time_of_receipt(value: str | None) -> None:
    assert parse_time(value, RECEIVED, None) == (RECEIVED, TimePrecision.RECEIVED)


@pytest.mark.parametrize(
    "value",
    ["yesterday", "Sun, 30 Feb 2024 00:00:00 GMT", "2024-13-01", "2 Jan 2024 25:00:00 GMT",
     "12:00", "2024", "0", 0, -1, 1.5, True, float("nan"), float("inf"), "9" * 60, "9" * 5_000,
     "²", "5 Jan 2024 13:00 PM UTC", "Jan 5 10:00 UTC", 10**22],
)  # fmt: skip
def test_unreadable_time_is_refused(value: str | float) -> None:
    assert parse_time(value, RECEIVED, UTC) is RefusalReason.BAD_TIME


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2024-01-02T03:04:05", RefusalReason.NO_ZONE),
        ("Tue Jan  2 03:04:05 2024", RefusalReason.NO_ZONE),
        ("Tue, 02 Jan 2024 03:04:05 IST", RefusalReason.UNKNOWN_ZONE),
        ("Tue, 02 Jan 2024 03:04:05 +2500", RefusalReason.UNKNOWN_ZONE),
    ],
)
def test_zone_that_is_not_known_is_refused_unless_configured(
    value: str, reason: RefusalReason
) -> None:
    assert parse_time(value, RECEIVED, None) is reason
    assert parse_time(value, RECEIVED, timezone(timedelta(hours=3))) == (
        ns("2024-01-02T00:04:05Z"),
        EXACT,
    )


def test_configured_zone_follows_summer_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert parse_time("2024-07-01T12:00", RECEIVED, berlin) == (ns("2024-07-01T10:00:00Z"), EXACT)
    assert parse_time("2024-01-01T12:00", RECEIVED, berlin) == (ns("2024-01-01T11:00:00Z"), EXACT)


def test_time_in_the_future_is_refused_beyond_the_tolerance() -> None:
    edge = RECEIVED + FUTURE_TOLERANCE_NS
    assert parse_time(edge, RECEIVED, UTC) == (edge, EXACT)
    assert parse_time(edge + 1, RECEIVED, UTC) is RefusalReason.FUTURE
    assert parse_time("2039-01-01T00:00:00Z", RECEIVED, UTC) is RefusalReason.FUTURE


def test_tomorrows_date_is_today_where_the_day_has_begun_in_the_east() -> None:
    assert parse_time("2026-09-22", RECEIVED, UTC) == (RECEIVED, DAY)
    assert parse_time("2026-09-23", RECEIVED, UTC) is RefusalReason.FUTURE


MOMENTS = st.datetimes(
    min_value=datetime(1974, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    max_value=datetime(2026, 9, 1),  # noqa: DTZ001
    timezones=st.integers(-12 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)


@given(MOMENTS)
def test_iso_8601_is_read_back_exactly(moment: datetime) -> None:
    assert parse_time(moment.isoformat(), RECEIVED, None) == (ns(moment.isoformat()), EXACT)


@given(MOMENTS)
def test_rfc_2822_is_read_back_to_the_second(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    expected = ns(whole.isoformat())
    assert parse_time(format_datetime(whole), RECEIVED, None) == (expected, EXACT)


@given(MOMENTS, st.sampled_from([1, 1_000, 1_000_000, 1_000_000_000]))
def test_epoch_is_read_in_every_unit(moment: datetime, per_second: int) -> None:
    at = ns(moment.isoformat()) // 10**9 * per_second
    expected = (at * (10**9 // per_second), EXACT)
    assert parse_time(at, RECEIVED, None) == expected
    assert parse_time(str(at), RECEIVED, None) == expected


@given(
    st.one_of(
        st.text(max_size=120),
        st.text("0123456789-:+TZ/., JanFebGMTampEST()", max_size=60),
        st.floats(),
        st.integers(),
        st.datetimes().map(str),
    ),
    st.sampled_from([None, UTC, ZoneInfo("America/New_York"), timezone(timedelta(hours=14))]),
)
def test_anything_is_a_time_or_a_named_refusal(value: str | float, zone: tzinfo | None) -> None:
    parsed = parse_time(value, RECEIVED, zone)
    if isinstance(parsed, RefusalReason):
        assert parsed in {
            RefusalReason.BAD_TIME,
            RefusalReason.NO_ZONE,
            RefusalReason.UNKNOWN_ZONE,
            RefusalReason.FUTURE,
        }
    else:
        assert parsed[0] <= RECEIVED + FUTURE_TOLERANCE_NS
