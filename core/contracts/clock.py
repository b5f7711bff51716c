"""Time as a parameter: what a clock is, and the one that tests and replays turn by hand."""

from typing import Protocol


class Clock(Protocol):
    """Tells UTC time as nanoseconds since 1970-01-01T00:00:00Z."""

    def now_ns(self) -> int:
        """Return the present time."""
        ...


class ManualClock:
    """A clock that stands still until told otherwise."""

    def __init__(self, now_ns: int = 1_700_000_000_000_000_000) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """Return the time last set."""
        return self._now_ns

    def advance(self, delta_ns: int) -> None:
        """Move forward by `delta_ns` nanoseconds.

        Raises:
            ValueError: `delta_ns` is negative; time does not run back.
        """
        if delta_ns < 0:
            raise ValueError(f"a clock can't go back ({delta_ns} ns)")
        self._now_ns += delta_ns

    def set(self, now_ns: int) -> None:
        """Move to `now_ns`, which may not lie in the past of this clock."""
        self.advance(now_ns - self._now_ns)
