"""Metrics: what is counted, and into which bucket a hop falls."""

from collections import Counter

import pytest

from core.contracts.trace import Trace
from core.runtime.metrics import Metrics

T = 1_700_000_000_000_000_000


def traced(**offsets_ns: int) -> Trace:
    trace = Trace(received=T)
    for stage, offset in offsets_ns.items():
        setattr(trace, stage, T + offset)
    return trace


def test_counters_show_what_was_counted() -> None:
    metrics = Metrics()
    metrics.restarts.labels("feed").inc(2)
    skipped = Counter(stale=1)
    metrics.count("skips", "Events that gave no signal", "reason", lambda: skipped)
    skipped["stale"] += 1
    lines = metrics.render().decode().splitlines()
    assert 'tidings_restarts_total{task="feed"} 2.0' in lines
    assert 'tidings_skips_total{reason="stale"} 2.0' in lines


def test_gauges_and_counters_may_have_two_labels() -> None:
    metrics = Metrics()
    metrics.gauge("stale", "Silent", "channel", lambda: {"rss:desk": True})
    metrics.count("refusals", "Refused", ("channel", "reason"), lambda: {("rss:desk", "late"): 2})
    lines = metrics.render().decode().splitlines()
    assert 'tidings_stale{channel="rss:desk"} 1.0' in lines
    assert 'tidings_refusals_total{channel="rss:desk",reason="late"} 2.0' in lines


def test_two_processes_worth_of_metrics_do_not_mix() -> None:
    first, second = Metrics(), Metrics()
    first.restarts.labels("feed").inc()
    assert "feed" not in second.render().decode()


def test_value_is_read_when_asked_for() -> None:
    metrics = Metrics()
    waiting = [1, 2]
    metrics.read("bus_waiting", "Records not confirmed yet", lambda: len(waiting))
    waiting.append(3)
    assert "tidings_bus_waiting 3.0" in metrics.render().decode().splitlines()


@pytest.mark.parametrize(
    ("hop", "upper", "below"),
    [
        ("received_parsed", "1e-05", "0.0"),  # 15 us
        ("received_parsed", "2e-05", "1.0"),
        ("parsed_decided", "2e-05", "1.0"),  # 20 us: on the edge, which belongs to the bucket
        ("received_sent", "0.0005", "0.0"),
        ("received_sent", "0.001", "1.0"),
        ("sent_filled", "10.0", "0.0"),  # 11 s, and the acknowledgement was skipped
        ("sent_filled", "+Inf", "1.0"),
    ],
)
def test_hops_fall_into_their_buckets(hop: str, upper: str, below: str) -> None:
    metrics = Metrics()
    metrics.observe_trace(
        traced(parsed=15_000, decided=35_000, sent=700_000, filled=11_000_700_000)
    )
    line = f'tidings_hop_seconds_bucket{{hop="{hop}",le="{upper}"}} {below}'
    assert line in metrics.render().decode().splitlines()
