"""When a source says something was published, brought to UTC nanoseconds or refused."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.contracts.event import TimePrecision
from crawlers.item import RefusalReason

SECOND_NS: Final = 1_000_000_000
FUTURE_TOLERANCE_NS: Final = 120 * SECOND_NS

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST: Final = 100  # no date is longer; keeps the patterns below away from hostile text

# A number of this size and above is in the finer unit; each unit then covers 1973 to 5138.
_EARLIEST: Final = 100_000_000  # below lie years, counters and missing values, not times of news
_MILLIS_FROM: Final = 100_000_000_000
_MICROS_FROM: Final = _MILLIS_FROM * 1000
_NANOS_FROM: Final = _MICROS_FROM * 1000

# First letters, three or four, in English and where feeds in other languages differ from it.
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "jan ene gen янв ιαν",  # noqa: RUF001 - Greek is meant
            "feb fev fév фев φεβ",
            "mar mär мар μαρ μάρ",
            "apr abr avr апр απρ",
            "may mai mag май мая μαι μάι μαΐ",
            "jun giu juin июн ιουν ιούν",  # noqa: RUF001
            "jul lug juil июл ιουλ ιούλ",
            "aug ago aoû авг αυγ αύγ",  # noqa: RUF001
            "sep set сен σεπ",
            "oct out okt ott окт οκτ",
            "nov ноя νοε νοέ",
            "dec dez dic déc дек δεκ",
        ),
        1,
    )
    for name in names.split()
}
_HOUR: Final = 3600
_NOON: Final = 12
_LEAP_SECOND: Final = 60
_CENTURY_TURNS: Final = 50  # two digits below it are years of 2000, RFC 2822 section 4.3
# RFC 822 section 5.1, and names in use that mean one zone only. CST, IST, BST and the like stay
# out where people use them for several zones, except the North American ones, which RFC 822 fixes.
_ZONES: Final = {
    "ut": 0, "utc": 0, "gmt": 0, "z": 0, "wet": 0,
    "est": -5 * _HOUR, "edt": -4 * _HOUR, "cst": -6 * _HOUR, "cdt": -5 * _HOUR,
    "mst": -7 * _HOUR, "mdt": -6 * _HOUR, "pst": -8 * _HOUR, "pdt": -7 * _HOUR,
    "akst": -9 * _HOUR, "akdt": -8 * _HOUR, "hst": -10 * _HOUR,
    "west": _HOUR, "cet": _HOUR, "met": _HOUR, "cest": 2 * _HOUR, "mest": 2 * _HOUR,
    "eet": 2 * _HOUR, "eest": 3 * _HOUR, "msk": 3 * _HOUR, "hkt": 8 * _HOUR, "sgt": 8 * _HOUR,
    "awst": 8 * _HOUR, "jst": 9 * _HOUR, "kst": 9 * _HOUR, "aest": 10 * _HOUR,
    "aedt": 11 * _HOUR, "nzst": 12 * _HOUR, "nzdt": 13 * _HOUR,
}  # fmt: skip
# What American papers write for a place's time, summer or winter.
_PLACES: Final = {
    "et": "America/New_York", "ct": "America/Chicago", "mt": "America/Denver",
    "pt": "America/Los_Angeles",
}  # fmt: skip

_CLOCK: Final = (
    r"(?P<hour>\d{1,2}):?(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9})\d*)?)?"
    r"\s*(?P<half>[ap]m)?"
)
_ZONE: Final = r"\(?(?P<zone>(?:utc|gmt)?\s*[+-]\d{1,2}:?(?:\d\d)?|(?:etc/)?[a-z]{1,5})\)?"
_MONTH: Final = r"[^\s\d,.:()+/-]{3,10}"
# RFC 822 and 2822 with their usual slips, RFC 850, asctime, and dates as Americans write them.
_IN_WORDS: Final = re.compile(
    r"(?:[^\s\d,.]{2,15}[,.]{0,2}\s*)??"
    rf"(?:(?P<day>\d{{1,2}})[\s-]+(?P<month>{_MONTH})\.?,?[\s-]+(?P<year>\d{{2,4}})"
    rf"|(?P<month_first>{_MONTH})\.?\s+(?P<day_second>\d{{1,2}})"
    rf"(?:,?\s+(?P<year_third>\d{{4}})|(?=\s+\d{{1,2}}:)))"
    rf"(?:,?\s+(?:at\s+)?{_CLOCK}(?:\s*{_ZONE})?(?:\s+(?P<year_last>\d{{4}}))?(?:\s*\(.*\))?)?",
    re.ASCII,
)
# What `datetime.fromisoformat` does not take: one-digit hours, a space or a name before the zone.
_ISO_LIKE: Final = re.compile(
    rf"(?P<year>\d{{4}})[-/.](?P<month_number>\d{{1,2}})[-/.](?P<day>\d{{1,2}})"
    rf"(?:[t\s]\s*{_CLOCK}(?:\s*{_ZONE})?)?",
    re.ASCII,
)
_OFFSET: Final = re.compile(r"(?:utc|gmt)?\s*(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d\d)?")

Parsed = tuple[int, TimePrecision]


def parse_time(
    value: str | float | None, received_ns: int, default_zone: tzinfo | None
) -> Parsed | RefusalReason:
    """Bring a source's time to UTC nanoseconds; microseconds are the finest that text can tell.

    Takes RFC 822, 2822, 850 and 3339, ISO 8601, asctime, dates in words, and epoch numbers in
    seconds, milliseconds, microseconds or nanoseconds, as numbers or in digits.

    Args:
        value: as the source wrote it; None or blank gives the time of receipt.
        received_ns: when it reached us, UTC ns.
        default_zone: the zone of times that name none, or name one that is not known;
            None refuses them.

    Returns:
        The time and how sure it is, or one of BAD_TIME, NO_ZONE, UNKNOWN_ZONE and FUTURE.
    """
    if isinstance(value, str):
        parsed = _parse_text(value, default_zone) if value else None
    elif value is None:
        parsed = None
    else:
        parsed = _parse_number(value)
    if parsed is None:
        return received_ns, TimePrecision.RECEIVED
    if isinstance(parsed, RefusalReason):
        return parsed
    if parsed[0] < _EARLIEST * SECOND_NS:
        return RefusalReason.BAD_TIME
    limit = received_ns + FUTURE_TOLERANCE_NS
    if parsed[0] > limit:
        # A date alone is somewhere within its day, and the day begins early in the far east.
        if parsed[1] is TimePrecision.DAY and parsed[0] <= received_ns + 14 * _HOUR * SECOND_NS:
            return received_ns, TimePrecision.DAY
        return RefusalReason.FUTURE
    return parsed


def _parse_number(value: float) -> Parsed | RefusalReason:
    """Read an epoch number, telling its unit by its size."""
    if not _EARLIEST <= value < _NANOS_FROM * 1_000:  # also refuses NaN
        return RefusalReason.BAD_TIME
    if value < _MILLIS_FROM:
        scale = SECOND_NS
    elif value < _MICROS_FROM:
        scale = 1_000_000
    elif value < _NANOS_FROM:
        scale = 1_000
    else:
        scale = 1
    if isinstance(value, int):
        return value * scale, _EXACT
    # A double holds a time of today to a quarter of a microsecond.
    return round(value * scale / 1_000) * 1_000, _EXACT


_EXACT: Final = TimePrecision.EXACT


def _parse_text(raw: str, default_zone: tzinfo | None) -> Parsed | RefusalReason | None:
    """Read a time in text: ISO 8601 first, since it is the most common and the fastest."""
    if len(raw) > _LONGEST:
        return RefusalReason.BAD_TIME
    if raw.isdecimal() and len(raw) != len("YYYYMMDD"):
        return _parse_number(int(raw))
    try:
        moment = datetime.fromisoformat(raw)
    except ValueError:
        return _parse_words(raw, default_zone)
    if moment.tzinfo is not None:
        return _to_ns(moment), _EXACT
    if len(raw) <= len("YYYY-MM-DD") and ":" not in raw:
        return _to_ns(moment.replace(tzinfo=UTC)), TimePrecision.DAY
    if default_zone is None:
        return RefusalReason.NO_ZONE
    return _to_ns(moment.replace(tzinfo=default_zone)), _EXACT


def _parse_words(raw: str, default_zone: tzinfo | None) -> Parsed | RefusalReason | None:
    """Read what is not strict ISO 8601."""
    text = raw.strip().lower()
    if not text:
        return None
    if text.replace(".", "", 1).isdecimal():
        return _parse_number(float(text))
    match = _IN_WORDS.fullmatch(text) or _ISO_LIKE.fullmatch(text)
    if match is None:
        return RefusalReason.BAD_TIME
    parts = match.groupdict()
    try:
        moment, seconds_over = _moment(parts)
    except ValueError:
        return RefusalReason.BAD_TIME
    if parts["hour"] is None:
        return _to_ns(moment.replace(tzinfo=UTC)), TimePrecision.DAY
    zone = _zone(parts["zone"])
    if isinstance(zone, RefusalReason):
        if default_zone is None:
            return zone
        zone = default_zone
    return _to_ns(moment.replace(tzinfo=zone)) + seconds_over * SECOND_NS, _EXACT


def _moment(parts: dict[str, str | None]) -> tuple[datetime, int]:
    """Put the parts of a date together, without a zone.

    Returns:
        The moment, and 1 more second to add where it is a leap second.

    Raises:
        ValueError: there is no such date or time of day.
    """
    if number := parts.get("month_number"):
        month = int(number)
    else:
        name = parts.get("month") or parts.get("month_first") or ""
        month = _MONTHS.get(name[:3]) or _MONTHS.get(name[:4], 0)
    day = int(parts["day"] or parts.get("day_second") or 0)
    written_year = parts["year"] or parts.get("year_third") or parts.get("year_last")
    if written_year is None:
        raise ValueError("no year")
    year = int(written_year)
    if len(written_year) < len("2000"):
        year += 2000 if year < _CENTURY_TURNS else 1900
    hour, minute = int(parts["hour"] or 0), int(parts["minute"] or 0)
    second = int(parts["second"] or 0)
    if half := parts["half"]:
        if not 1 <= hour <= _NOON:
            raise ValueError("no such hour")
        hour = hour % _NOON + (_NOON if half == "pm" else 0)
    leap = second == _LEAP_SECOND
    micros = int((parts["fraction"] or "0")[:6].ljust(6, "0"))
    second -= leap
    moment = datetime(year, month, day, hour, minute, second, micros)  # noqa: DTZ001 - zone follows
    return moment, int(leap)


def _zone(name: str | None) -> tzinfo | RefusalReason:
    """Read a zone's name or offset."""
    if name is None:
        return RefusalReason.NO_ZONE
    offset = _OFFSET.fullmatch(name)
    if offset is None:
        seconds = _ZONES.get(name.removeprefix("etc/"))
        if seconds is not None:
            return timezone(timedelta(seconds=seconds))
        if name not in _PLACES:
            return RefusalReason.UNKNOWN_ZONE
        try:
            return ZoneInfo(_PLACES[name])
        except ZoneInfoNotFoundError:  # a system without the database of zones
            return RefusalReason.UNKNOWN_ZONE
    seconds = int(offset["hours"]) * _HOUR + int(offset["minutes"] or 0) * 60
    if seconds > 14 * _HOUR + 1800:
        return RefusalReason.UNKNOWN_ZONE
    return timezone(timedelta(seconds=-seconds if offset["sign"] == "-" else seconds))


def _to_ns(moment: datetime) -> int:
    """Count nanoseconds since 1970, exactly."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND_NS + since.microseconds * 1_000
