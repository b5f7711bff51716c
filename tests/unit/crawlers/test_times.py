"""Every way of writing a time is brought to UTC, or refused with the reason."""

import io
from calendar import timegm
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import feedparser
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
        ("03 Apr 02 1500 GMT", "2002-04-03T15:00:00Z"),  # a clock without its colon
        ("2 Jan 2024 10:00 (UTC+8)", "2024-01-02T02:00:00Z"),
        ("2024-01-02 10:00 (UTC)", "2024-01-02T10:00:00Z"),
        ("January 5, 2024 10:00 AM ET", "2024-01-05T15:00:00Z"),
        ("July 5, 2024 10:00 AM ET", "2024-07-05T14:00:00Z"),
        ("5 juin 2024 10:00 CEST", "2024-06-05T08:00:00Z"),
        ("mer. 14 ao\u00fbt 2024 10:00:00 +0200", "2024-08-14T08:00:00Z"),
        ("Di, 05 M\u00e4r 2024 10:00:00 +0100", "2024-03-05T09:00:00Z"),
        (
            "\u03a4\u03c1\u03b9, 2 \u0399\u03bf\u03cd\u03bb 2024 12:53:00 GMT",
            "2024-07-02T12:53:00Z",
        ),
        ("\u0412\u0442, 2 \u0438\u044e\u043b\u044f 2024 12:53:00 +0300", "2024-07-02T09:53:00Z"),
        ("Sat Feb 07 2026 17:11:01 GMT-0500 (Eastern Standard Time)", "2026-02-07T22:11:01Z"),
        ("Tue, 02 Jan 99 03:04:05 GMT", "1999-01-02T03:04:05Z"),  # two digits below 50 are 20..
        ("Tue, 02 Jan 49 03:04:05 GMT", "2049-01-02T03:04:05Z"),
    ],
)
def test_time_with_its_zone_is_exact(value: str | float, expected: str) -> None:
    received = max(RECEIVED, ns(expected))
    assert parse_time(value, received, None) == (ns(expected), EXACT)


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
     "²", "5 Jan 2024 13:00 PM UTC", "Jan 5 10:00 UTC", 10**22,
     "1970-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "Mon, 01 Jan 1900 00:00:00 GMT"],
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


def test_name_of_a_place_is_unknown_where_the_system_has_no_zones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_zones(name: str) -> ZoneInfo:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr("crawlers.times.ZoneInfo", no_zones)
    written = "January 5, 2024 10:00 AM ET"
    assert parse_time(written, RECEIVED, None) is RefusalReason.UNKNOWN_ZONE


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


# RFC 822 and 2822, RFC 850, asctime, JavaScript, American and other ways; {zone} is +hhmm.
TO_THE_SECOND = [
    "%a, %d %b %Y %H:%M:%S {zone}",
    "%d %b %Y %H:%M:%S {zone}",
    "%a, %d %b %y %H:%M:%S {zone}",
    "%A, %d-%b-%y %H:%M:%S {zone}",
    "%a %b %d %H:%M:%S {zone} %Y",
    "%a %b %d %Y %H:%M:%S GMT{zone} (Somewhere Time)",
    "%B %d, %Y %I:%M:%S %p {zone}",
    "%b %d, %Y at %H:%M:%S UTC{zone}",
    "%d %B %Y, %H:%M:%S ({zone})",
    "%Y-%m-%d %H:%M:%S {zone}",
    "%Y/%m/%d %H:%M:%S{zone}",
    "%Y-%m-%dT%H:%M:%S{zone}",
    "%Y%m%dT%H%M%S{zone}",
]


@given(MOMENTS, st.sampled_from(TO_THE_SECOND))
def test_time_in_any_format_and_zone_is_read_back_to_the_second(
    moment: datetime, form: str
) -> None:
    whole = moment.replace(microsecond=0)
    written = whole.strftime(form.replace("{zone}", "%z"))
    assert parse_time(written, RECEIVED, None) == (ns(whole.isoformat()), EXACT)


ZONES = [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")]


@given(MOMENTS, st.sampled_from(TO_THE_SECOND), st.sampled_from(ZONES))
def test_time_without_its_zone_is_read_in_the_configured_one(
    moment: datetime, form: str, zone: tzinfo
) -> None:
    local = moment.replace(microsecond=0, tzinfo=zone, fold=0)
    for ending in ("GMT{zone} (Somewhere Time)", "UTC{zone}", "({zone})", "{zone}"):
        form = form.replace(ending, "")
    written = " ".join(local.strftime(form).split())
    assert parse_time(written, RECEIVED, zone) == (ns(local.isoformat()), EXACT)
    assert parse_time(written, RECEIVED, None) is RefusalReason.NO_ZONE


@given(MOMENTS)
def test_fraction_of_an_epoch_in_seconds_is_read_to_the_microsecond(moment: datetime) -> None:
    at = ns(moment.isoformat())
    seconds, micros = divmod(at // 1_000, 1_000_000)
    assert parse_time(seconds + micros / 1_000_000, RECEIVED, None) == (at, EXACT)
    assert parse_time(f"{seconds}.{micros:06}", RECEIVED, None) == (at, EXACT)


def test_dates_of_real_feeds_are_read_as_feedparser_reads_them() -> None:
    """Where feedparser reads a date, ours is the same; we read a few more."""
    folder = Path(__file__).resolve().parents[4] / "shared" / "data" / "feeds"
    if not folder.is_dir():
        pytest.skip(f"needs the feed documents in {folder}")
    dates: dict[str, int | None] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".xml", ".rss", ".atom", ".rdf"):
            continue
        document = feedparser.parse(io.BytesIO(path.read_bytes()))
        for part in (document["feed"], *document["entries"]):
            for key in ("published", "updated", "created", "expired"):
                written, parsed = dict.get(part, key), dict.get(part, f"{key}_parsed")
                if isinstance(written, str):
                    dates[written] = timegm(parsed) if parsed else None
    differing = {}
    for written, theirs in dates.items():
        ours = parse_time(written, RECEIVED, UTC)
        seconds = ours[0] // 10**9 if isinstance(ours, tuple) else ours
        if seconds != theirs:
            differing[written] = (seconds, theirs)
    assert len(dates) > 1_300
    # These feedparser does not know: Portuguese months, and a clock without its colon.
    assert all(theirs is None for _, theirs in differing.values())
    assert all(isinstance(ours, int) for ours, _ in differing.values())
    assert len(differing) == 13


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
        assert 0 < parsed[0] <= RECEIVED + FUTURE_TOLERANCE_NS
