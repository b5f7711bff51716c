"""Reads how long a server wants to be left alone: Retry-After, rate limits, freshness."""

import re
from collections.abc import Mapping
from typing import Final

from crawlers.times import parse_time

LONGEST_WAIT_NS: Final = 86_400_000_000_000

_SECOND_NS: Final = 1_000_000_000
_NUMBER: Final = re.compile(r"\d{1,13}(?:\.\d{1,9})?", re.ASCII)
_EPOCH_S: Final = 1_000_000_000  # a reset of this size and above is a time, below a wait
_EPOCH_MS: Final = 1_000_000_000_000
# RateLimit: "burst";r=0;t=30, and as it was before: limit=10, remaining=0, reset=30
_REMAINING: Final = re.compile(r"\b(?:r|remaining)\s*=\s*(\d{1,15})", re.ASCII | re.IGNORECASE)
_RESET: Final = re.compile(r"\b(?:t|reset)\s*=\s*(\d{1,9})", re.ASCII | re.IGNORECASE)
_PREFIXES: Final = ("RateLimit", "X-RateLimit", "X-Rate-Limit")
_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.ASCII | re.IGNORECASE)


def retry_after_ns(headers: Mapping[str, str], now_ns: int) -> int | None:
    """Read when to come again after 429 or 503: `Retry-After`, else the limit's reset.

    `Retry-After` is seconds or a date (RFC 9110 section 10.2.3).

    Returns:
        A wait of at most a day; None where the server does not say.
    """
    value = headers.get("Retry-After")
    if value is not None:
        value = value.strip()
        if value.isdecimal():
            return min(int(value[:9]) * _SECOND_NS, LONGEST_WAIT_NS)
        # Any time up to a day ahead is meant, so it is read as if received then.
        parsed = parse_time(value, now_ns + LONGEST_WAIT_NS, None)
        if isinstance(parsed, tuple):
            return max(0, parsed[0] - now_ns)
    return max((wait for _, wait in _limits(headers, now_ns)), default=None)


def spent_wait_ns(headers: Mapping[str, str], now_ns: int) -> int | None:
    """Read from a good answer when the next request is welcome; None where it is at any time.

    Takes `RateLimit` (draft-ietf-httpapi-ratelimit-headers, also its older forms) and the
    `X-RateLimit-Remaining` and `X-RateLimit-Reset` in use: a wait in seconds, or a time since
    1970 in seconds or milliseconds.
    """
    return max((wait for left, wait in _limits(headers, now_ns) if left < 1), default=None)


def fresh_ms(headers: Mapping[str, str]) -> int | None:
    """Read for how long the answer stays good: `Cache-Control: max-age` less `Age` (RFC 9111).

    Returns:
        Milliseconds, at most a day; None where the server does not say.
    """
    control = headers.get("Cache-Control")
    found = _MAX_AGE.search(control) if control else None
    if found is None:
        return None
    age = headers.get("Age", "").strip()
    spent = int(age) if age.isascii() and age.isdecimal() and len(age) < len("1000000000") else 0
    return max(0, min(int(found[1]) - spent, LONGEST_WAIT_NS // _SECOND_NS)) * 1_000


def _limits(headers: Mapping[str, str], now_ns: int) -> list[tuple[float, int]]:
    """Give what is left of each limit that the headers tell, and the wait until it is full."""
    found: list[tuple[float, int]] = []
    for policy in (headers.get("RateLimit") or "").split('"'):
        left, reset = _REMAINING.search(policy), _RESET.search(policy)
        if left is not None and reset is not None:
            found.append((int(left[1]), min(int(reset[1]) * _SECOND_NS, LONGEST_WAIT_NS)))
    for prefix in _PREFIXES:
        remaining = _number(headers.get(f"{prefix}-Remaining"))
        wait_s = _number(headers.get(f"{prefix}-Reset"))
        if remaining is None or wait_s is None:
            continue
        if wait_s >= _EPOCH_MS:
            wait_s /= 1_000
        if wait_s >= _EPOCH_S:
            wait_s -= now_ns / _SECOND_NS
        wait_ns = round(max(0.0, wait_s) * _SECOND_NS)
        found.append((remaining, min(wait_ns, LONGEST_WAIT_NS)))
    return found


def _number(value: str | None) -> float | None:
    value = (value or "").strip()
    return float(value) if _NUMBER.fullmatch(value) else None
