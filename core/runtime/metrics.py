"""What the process counts and how long each hop took, for Prometheus and for the demo's table."""

from collections.abc import Callable
from itertools import pairwise
from typing import Final, NamedTuple

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from core.contracts.orders import RefuseReason, Report
from core.contracts.signal import SkipReason
from core.contracts.trace import STAGES, Trace

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
TOTAL: Final = "received_sent"
BUCKETS_S: Final = (
    *(10e-6, 20e-6, 50e-6, 100e-6, 200e-6, 500e-6),
    *(1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3),
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
)


def hops_of(trace: Trace) -> dict[str, int]:
    """Give a trace's hops in ns, with `received_sent` for the whole way to the order socket."""
    hops = trace.hops()
    if trace.received and trace.sent:
        hops[TOTAL] = trace.sent - trace.received
    return hops


class Metrics:
    """One process's counters, in a registry of its own.

    The counters by reason are tables of bound counters: counting is an index and an addition,
    with no label look-up. None of it belongs before the order's bytes have left.

    Attributes:
        registry: for what a stage adds of its own.
        events: by `source`: `metrics.events.labels("rss")`, to be bound once.
        restarts: by `task`.
        signals: given.
        fills: executions received.
        bus_drops: records the bus could not take.
        skips: by reason why an event gave no signal: `metrics.skips[reason].inc()`.
        refusals: by reason why a signal became no order.
        reports: steps in orders' lives.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.events = self._counter("events", "Events normalised", "source")
        self.restarts = self._counter("restarts", "Restarts of supervised tasks", "task")
        self.signals = self._counter("signals", "Signals given")
        self.fills = self._counter("fills", "Executions received")
        self.bus_drops = self._counter("bus_drops", "Records the bus could not take")
        skips = self._counter("skips", "Events that gave no signal", "reason")
        refusals = self._counter("refusals", "Signals that became no order", "reason")
        reports = self._counter("orders", "Steps in orders' lives", "report")
        self.skips = {reason: skips.labels(reason.value) for reason in SkipReason}
        self.refusals = {reason: refusals.labels(reason.value) for reason in RefuseReason}
        self.reports = {report: reports.labels(report.value) for report in Report}
        self._hops = Histogram(
            "tidings_hop_seconds",
            "Time from one stage to the next",
            ("hop",),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        neighbours = [f"{a}_{b}" for a, b in pairwise(STAGES)]
        self._bound = {hop: self._hops.labels(hop) for hop in (*neighbours, TOTAL)}

    def observe_trace(self, trace: Trace) -> None:
        """Add a trace's hops to the histograms; call it after the trade."""
        for hop, ns in hops_of(trace).items():
            histogram = self._bound.get(hop)
            if histogram is None:  # a stage was left out on this trace's way
                histogram = self._bound[hop] = self._hops.labels(hop)
            histogram.observe(ns / 1e9)

    def read(self, name: str, documentation: str, value: Callable[[], float]) -> None:
        """Show `tidings_<name>` as what `value` returns whenever somebody asks."""
        Gauge(f"tidings_{name}", documentation, registry=self.registry).set_function(value)

    def render(self) -> bytes:
        """Write everything in Prometheus's text format (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"tidings_{name}", documentation, labels, registry=self.registry)


class HopSummary(NamedTuple):
    """One hop in ns: quantiles of the latest observations, greatest and number of all."""

    observed: int
    p50_ns: int
    p99_ns: int
    max_ns: int


class _Ring:
    __slots__ = ("count", "greatest", "latest")

    def __init__(self) -> None:
        self.latest: list[int] = []
        self.count = 0
        self.greatest = 0


class HopQuantiles:
    """Keeps each hop's latest `capacity` times, for exact quantiles instead of buckets."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._rings: dict[str, _Ring] = {}

    def observe_trace(self, trace: Trace) -> None:
        """Keep a trace's hops; call it after the trade."""
        for hop, ns in hops_of(trace).items():
            ring = self._rings.get(hop)
            if ring is None:
                ring = self._rings[hop] = _Ring()
            if len(ring.latest) < self._capacity:
                ring.latest.append(ns)
            else:
                ring.latest[ring.count % self._capacity] = ns
            ring.greatest = ns if ring.count == 0 else max(ring.greatest, ns)
            ring.count += 1

    def table(self) -> dict[str, HopSummary]:
        """Summarise each hop (quantiles by nearest rank), in the order of the way, total last."""
        order = {stage: number for number, stage in enumerate(STAGES)}
        summaries = {}
        for hop in sorted(
            self._rings, key=lambda hop: (hop == TOTAL, [order[s] for s in hop.split("_")])
        ):
            ring = self._rings[hop]
            times = sorted(ring.latest)
            summaries[hop] = HopSummary(
                ring.count, _quantile(times, 50), _quantile(times, 99), ring.greatest
            )
        return summaries


def _quantile(ascending: list[int], percent: int) -> int:
    """Give the smallest value that at least `percent` of all values do not exceed."""
    return ascending[-(-percent * len(ascending) // 100) - 1]
