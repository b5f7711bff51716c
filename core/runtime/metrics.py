"""What the process counts and how long each hop took, for Prometheus."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

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


Label = str | tuple[str, str]
"""One label's name, or two."""

Labelled = Mapping[str, float] | Mapping[tuple[str, str], float]
"""Values by a label, or by two."""

_Family = CounterMetricFamily | GaugeMetricFamily


class _Read:
    """Values that are kept elsewhere, read when somebody asks."""

    def __init__(
        self,
        family: Callable[..., _Family],
        name: str,
        documentation: str,
        labels: Sequence[str],
        values: Callable[[], Labelled],
    ) -> None:
        self._family, self._labels = family, labels
        self._name, self._documentation = name, documentation
        self._values = values

    def collect(self) -> Iterator[_Family]:
        """Give the values as they stand; prometheus_client asks."""
        family = self._family(self._name, self._documentation, labels=self._labels)
        for labels, value in self._values().items():
            family.add_metric((labels,) if isinstance(labels, str) else labels, value)
        yield family


class Metrics:
    """One process's metrics, in a registry of its own.

    Stages count in plain dictionaries; `count` shows them, so that nothing of this stands before
    an order's bytes have left.

    Attributes:
        registry: for what a stage adds of its own.
        restarts: by `task`.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.restarts = Counter(
            "tidings_restarts",
            "Restarts of supervised tasks",
            ("task",),
            registry=self.registry,
        )
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

    def count(
        self,
        name: str,
        documentation: str,
        label: Label,
        values: Callable[[], Labelled],
    ) -> None:
        """Show `tidings_<name>_total{<label>=...}` as what `values` holds when asked."""
        self._show(CounterMetricFamily, name, documentation, label, values)

    def gauge(
        self,
        name: str,
        documentation: str,
        label: Label,
        values: Callable[[], Labelled],
    ) -> None:
        """Show `tidings_<name>{<label>=...}` as what `values` holds when asked."""
        self._show(GaugeMetricFamily, name, documentation, label, values)

    def _show(
        self,
        family: Callable[..., _Family],
        name: str,
        documentation: str,
        label: Label,
        values: Callable[[], Labelled],
    ) -> None:
        labels = (label,) if isinstance(label, str) else label
        self.registry.register(_Read(family, f"tidings_{name}", documentation, labels, values))

    def render(self) -> bytes:
        """Write everything in Prometheus's text format (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)
