"""How long to wait before trying again: capped exponential delays with full jitter."""

from collections.abc import Iterator
from random import Random


def delays(initial_ms: int, cap_ms: int, factor: float, jitter: Random) -> Iterator[int]:
    """Give the waits between tries, without end, in milliseconds.

    Each is uniform between 0 and a ceiling that starts at `initial_ms` and grows by `factor` up
    to `cap_ms`, so that many clients cut off at once don't come back at once ("full jitter",
    AWS Architecture Blog, Exponential Backoff And Jitter).

    Raises:
        ValueError: the numbers can't make growing, capped waits.
    """
    if not 0 < initial_ms <= cap_ms or factor < 1:
        raise ValueError(
            f"waits need 0 < initial <= cap and factor >= 1, not {initial_ms}, {cap_ms}, {factor}"
        )
    return _delays(initial_ms, cap_ms, factor, jitter)


def _delays(initial_ms: int, cap_ms: int, factor: float, jitter: Random) -> Iterator[int]:
    ceiling = float(initial_ms)
    while True:
        yield jitter.randint(0, int(ceiling))
        ceiling = min(float(cap_ms), ceiling * factor)
