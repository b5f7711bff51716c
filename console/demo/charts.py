"""Draws the report's two charts as inline SVG: a hop's times, and equity over the run. Pure."""

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Final

from markupsafe import Markup

from console.demo.report_data import EquityPoint, HopLatency

_BINS_A_DECADE: Final = 12
_WIDTH: Final = 1000
_STRIP_HEIGHT: Final = 100
_EQUITY_HEIGHT: Final = 300
_LEAST_US: Final = 0.1
_MARGIN: Final = 12  # above and below the curve


def decades(hops: Sequence[HopLatency]) -> tuple[int, int]:
    """Give the powers of ten, in microseconds, between which all hops' times lie."""
    shortest = min((min((h.p50_us, *h.samples_us)) for h in hops), default=1.0)
    longest = max((h.max_us for h in hops), default=1.0)
    low = floor(log10(max(shortest, _LEAST_US)))
    return low, max(ceil(log10(max(longest, _LEAST_US))), low + 1)


def strip(hop: HopLatency, low: int, high: int) -> Markup:
    """Draw one hop: a histogram on a logarithmic scale, marks at the median and the 99th.

    Args:
        hop: its times; without samples a line from the median to the longest stands for them.
        low: the scale's first power of ten, in microseconds.
        high: its last.
    """

    def across(us: float) -> float:
        return (log10(max(us, _LEAST_US)) - low) / (high - low) * _WIDTH

    marks = [
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{_STRIP_HEIGHT}"/>'
        for x in (across(10.0**power) for power in range(low, high + 1))
    ]
    if hop.samples_us:
        marks += _bars(hop.samples_us, low, high)
    else:
        marks.append(
            f'<line class="range" x1="{across(hop.p50_us):.1f}" x2="{across(hop.max_us):.1f}" '
            f'y1="{_STRIP_HEIGHT / 2}" y2="{_STRIP_HEIGHT / 2}"/>'
        )
    marks += [
        f'<line class="{name}" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{_STRIP_HEIGHT}"/>'
        for name, x in (("p50", across(hop.p50_us)), ("p99", across(hop.p99_us)))
    ]
    return _svg("strip", _STRIP_HEIGHT, marks)


def _bars(samples_us: Sequence[float], low: int, high: int) -> list[str]:
    bins = [0] * ((high - low) * _BINS_A_DECADE)
    for us in samples_us:
        place = int((log10(max(us, _LEAST_US)) - low) * _BINS_A_DECADE)
        bins[min(max(place, 0), len(bins) - 1)] += 1
    tallest, width = max(bins), _WIDTH / len(bins)
    bars = []
    for place, count in enumerate(bins):
        if count:
            height = max(6.0, count / tallest * (_STRIP_HEIGHT - 4))
            bars.append(
                f'<rect x="{place * width:.1f}" y="{_STRIP_HEIGHT - height:.1f}" '
                f'width="{width - 1:.1f}" height="{height:.1f}"/>'
            )
    return bars


def equity_curve(points: Sequence[EquityPoint]) -> Markup:
    """Draw equity over the steps, with a dashed line where it began.

    Args:
        points: at least one, by step.
    """
    values = [float(point.equity) for point in points]
    first, last = points[0].step, points[-1].step
    low, high = min(values), max(values)
    spread = high - low or 1.0

    def across(step: int) -> float:
        return (step - first) / max(1, last - first) * _WIDTH

    def down(value: float) -> float:
        return _MARGIN + (high - value) / spread * (_EQUITY_HEIGHT - 2 * _MARGIN)

    way = f"M0 {down(values[0]):.1f}"
    for point, value in zip(points, values, strict=True):
        way += f"H{across(point.step):.1f}V{down(value):.1f}"
    way += f"H{_WIDTH}"
    begin = down(values[0])
    return _svg(
        "equity",
        _EQUITY_HEIGHT,
        [
            f'<path class="area" d="{way}V{begin:.1f}H0Z"/>',
            f'<line class="start" x1="0" x2="{_WIDTH}" y1="{begin:.1f}" y2="{begin:.1f}"/>',
            f'<path class="line" d="{way}"/>',
        ],
    )


def _svg(name: str, height: int, marks: Sequence[str]) -> Markup:
    """Wrap marks; every one of them is made of numbers and our own class names."""
    return Markup(  # noqa: S704 - numbers only, see above
        f'<svg class="{name}" viewBox="0 0 {_WIDTH} {height}" preserveAspectRatio="none" '
        f'aria-hidden="true">{"".join(marks)}</svg>'
    )
