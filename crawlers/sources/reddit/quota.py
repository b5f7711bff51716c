"""Tells when Reddit wants the next request, from the X-Ratelimit headers of its answers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

NS_PER_S: Final = 1_000_000_000

_LONGEST_S: Final = 86_400.0


class Quota:
    """An app's requests of the present window, spread evenly over what is left of it.

    Even, since the next news is as likely late in the window as early: spending all at once would
    leave minutes without an answer. Where fewer requests are wanted than are allowed, none waits.
    """

    def __init__(self) -> None:
        self._remaining: float | None = None
        self._reset_ns = 0
        self._next_ns = 0
        self._barred_until_ns = 0

    def sent(self, now_ns: int) -> None:
        """Count a request that goes out now."""
        if self._remaining is None or now_ns >= self._reset_ns:
            self._remaining = None
            return
        self._remaining = max(0.0, self._remaining - 1)
        self._plan(now_ns)

    def heard(self, headers: Mapping[str, str], now_ns: int) -> None:
        """Take an answer's headers; what is missing or malformed changes nothing.

        `X-Ratelimit-Remaining` is a number of requests, `X-Ratelimit-Reset` seconds until the
        window ends (reddit.com's API rules).
        """
        remaining = _number(headers.get("X-Ratelimit-Remaining"))
        reset_s = _number(headers.get("X-Ratelimit-Reset"))
        if remaining is None or reset_s is None:
            return
        self._remaining = remaining
        self._reset_ns = now_ns + round(min(reset_s, _LONGEST_S) * NS_PER_S)
        self._plan(now_ns)

    def barred(self, wait_ns: int, now_ns: int) -> None:
        """Hear that Reddit wants no request for a while."""
        self._barred_until_ns = max(self._barred_until_ns, now_ns + wait_ns)

    def wait_ns(self, now_ns: int) -> int:
        """Give how long the next request has to wait."""
        return max(0, self._barred_until_ns - now_ns, self._next_ns - now_ns)

    def note(self, now_ns: int) -> str | None:
        """Say for an operator what is left; None where Reddit has not told."""
        if self._barred_until_ns > now_ns:
            return f"Reddit wants no request until {_clock(self._barred_until_ns)}"
        if self._remaining is None or self._reset_ns <= now_ns:
            return None
        if self._remaining < 1:
            return f"all requests spent until {_clock(self._reset_ns)}"
        return f"{int(self._remaining)} requests left until {_clock(self._reset_ns)}"

    def _plan(self, now_ns: int) -> None:
        left_ns = self._reset_ns - now_ns
        remaining = self._remaining or 0.0
        self._next_ns = now_ns + (round(left_ns / remaining) if remaining >= 1 else left_ns)


def _number(value: str | None) -> float | None:
    """Read a header's number: plain digits, perhaps with a fraction."""
    whole, _, part = (value or "").strip().partition(".")
    if not whole.isascii() or not whole.isdecimal() or len(whole) > len("86400000"):
        return None
    return float(f"{whole}.{part if part.isascii() and part.isdecimal() else 0}")


def _clock(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns / NS_PER_S, UTC):%H:%M:%S} UTC"
