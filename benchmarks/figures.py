"""How benchmarks put their samples into figures."""

from collections.abc import Sequence


def quantile_ns(samples: Sequence[int], share: float) -> int:
    """Give the sample below which `share` of all lie; 1.0 gives the largest."""
    ordered = sorted(samples)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def quantile_us(samples: Sequence[int], share: float) -> float:
    """Give a quantile of nanosecond samples in microseconds."""
    return round(quantile_ns(samples, share) / 1_000, 1)


def quantile_ms(samples: Sequence[int], share: float) -> float:
    """Give a quantile of nanosecond samples in milliseconds."""
    return round(quantile_ns(samples, share) / 1_000_000, 3)
