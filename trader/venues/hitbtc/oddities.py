"""Counts what a venue sends that we can't use, and logs it now and then."""

from typing import Final

from core.contracts.clock import Clock
from core.runtime.logs import get_logger

_LOG_EVERY_NS: Final = 10_000_000_000
_log: Final = get_logger(__name__)


class Oddities:
    """Messages that are wrong, unknown or answer nothing; none of them stops the connection.

    Attributes:
        count: since the start.
    """

    def __init__(self, clock: Clock) -> None:
        self.count = 0
        self._clock = clock
        self._log_from_ns = 0

    def add(self, what: str) -> None:
        """Count one; logs at most one each ten seconds, so that a flood can't fill a disk."""
        self.count += 1
        now_ns = self._clock.now_ns()
        if now_ns >= self._log_from_ns:
            self._log_from_ns = now_ns + _LOG_EVERY_NS
            _log.warning("hitbtc sent what can't be used", so_far=self.count, latest=what[:300])
