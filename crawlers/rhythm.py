"""How often a channel usually says something, so that its silence can be told from a fault."""

from typing import Final

DAY_NS: Final = 86_400_000_000_000

_DAYS: Final = 8  # a whole week and today: weekends are quieter
_ENOUGH: Final = 10  # gaps, before they say anything
_FACTOR: Final = 3  # a silence this many times the longest usual one is no longer usual


class Rhythm:
    """The longest silences of a channel, by day, from when its posts were published.

    Args:
        floor_ns: no silence shorter than this is unusual.
        configured_ns: the limit, where the configuration fixes it.
    """

    def __init__(self, floor_ns: int, configured_ns: int | None = None) -> None:
        self._floor_ns = floor_ns
        self._configured_ns = configured_ns
        self._longest: dict[int, int] = {}  # by day since 1970
        self._gaps = 0
        self._newest_ns = 0

    def heard(self, published_ns: int) -> None:
        """Take a post's time of publication; those out of order say nothing about silences."""
        gap = published_ns - self._newest_ns
        if gap <= 0:
            return
        before, self._newest_ns = self._newest_ns, published_ns
        if not before:
            return
        day = published_ns // DAY_NS
        self._gaps += 1
        if gap > self._longest.get(day, 0):
            self._longest[day] = gap
            while len(self._longest) > _DAYS:
                del self._longest[min(self._longest)]

    def limit_ns(self) -> int | None:
        """Give the silence beyond which the channel is stale; None while that is not known."""
        if self._configured_ns is not None:
            return self._configured_ns
        if self._gaps < _ENOUGH:
            return None
        return max(self._floor_ns, _FACTOR * max(self._longest.values()))
