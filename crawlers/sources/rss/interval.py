"""How long to wait before asking a feed again, from how often it says something."""

from collections.abc import Iterable
from itertools import pairwise
from statistics import median
from typing import Final

_MILLI_NS: Final = 1_000_000
_RECENT: Final = 20  # entries that say how often a feed says something
_ASKED_PER_GAP: Final = 10  # asking at a tenth of the usual gap adds a twentieth of it as delay
_ASKED_PER_SILENCE: Final = 100
_GROWTH: Final = 1.5
_MOST_STEPS: Final = 64


def quiet_ms(
    published_ns: Iterable[int],
    now_ns: int,
    *,
    said_ms: int | None = None,
    fresh_ms: int | None = None,
) -> int | None:
    """Give the interval that a feed deserves while nothing new comes.

    A tenth of the usual (median) gap between its latest entries, or a hundredth of the silence
    since the last one where that is more. Where the entries tell no gap, what the publisher says
    (most say "hourly" whatever they do); and never less than for how long an answer stays good.

    Args:
        published_ns: when the entries were published, in any order.
        now_ns: UTC ns.
        said_ms: how often the publisher says the feed changes.
        fresh_ms: how long its server takes an answer to be good.

    Returns:
        Milliseconds; None where nothing tells.
    """
    times = sorted(set(published_ns))[-_RECENT:]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    quiet = said_ms
    if gaps:
        silence = max(0, now_ns - times[-1])
        usual = max(round(median(gaps)) // _ASKED_PER_GAP, silence // _ASKED_PER_SILENCE)
        quiet = usual // _MILLI_NS
    if fresh_ms is None:
        return quiet
    return max(quiet or 0, fresh_ms)


def interval_ms(shortest_ms: int, longest_ms: int, quiet: int | None, unchanged: int) -> int:
    """Give the interval after so many answers in a row without anything new.

    The shortest after something new; then each half as long again, up to `quiet` (or the
    longest, where that is unknown).
    """
    ceiling = longest_ms if quiet is None else max(shortest_ms, min(quiet, longest_ms))
    return min(ceiling, round(shortest_ms * _GROWTH ** min(unchanged, _MOST_STEPS)))
