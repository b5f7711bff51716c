"""Metrics: what is counted, into which bucket a hop falls, and exact quantiles."""

import pytest

from core.contracts.orders import RefuseReason, Report
from core.contracts.signal import SkipReason
from core.contracts.trace import Trace
from core.runtime.metrics import HopQuantiles, HopSummary, Metrics

T = 1_700_000_000_000_000_000


def traced(**offsets_ns: int) -> Trace:
    trace = Trace(received=T)
    for stage, offset in offsets_ns.items():
        setattr(trace, stage, T + offset)
    return trace


def test_counters_show_what_was_counted() -> None:
    metrics = Metrics()
    metrics.events.labels("rss").inc()
    metrics.restarts.labels("feed").inc(2)
    metrics.signals.inc()
    metrics.fills.inc(3)
    metrics.bus_drops.inc(4)
    metrics.skips[SkipReason.STALE].inc()
    metrics.refusals[RefuseReason.DUPLICATE].inc()
    metrics.reports[Report.FILLED].inc(2)
    lines = metrics.render().decode().splitlines()
    for line in (
        'tidings_events_total{source="rss"} 1.0',
        'tidings_restarts_total{task="feed"} 2.0',
        "tidings_signals_total 1.0",
        "tidings_fills_total 3.0",
        "tidings_bus_drops_total 4.0",
        'tidings_skips_total{reason="stale"} 1.0',
        'tidings_skips_total{reason="rumour"} 0.0',
        'tidings_refusals_total{reason="duplicate"} 1.0',
        'tidings_orders_total{report="filled"} 2.0',
    ):
        assert line in lines


def test_every_reason_has_its_counter() -> None:
    metrics = Metrics()
    assert set(metrics.skips) == set(SkipReason)
    assert set(metrics.refusals) == set(RefuseReason)
    assert set(metrics.reports) == set(Report)


def test_two_processes_worth_of_metrics_do_not_mix() -> None:
    first, second = Metrics(), Metrics()
    first.signals.inc()
    assert "tidings_signals_total 0.0" in second.render().decode()


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


def test_quantiles_are_exact_and_by_nearest_rank() -> None:
    quantiles = HopQuantiles()
    for ns in range(1, 201):
        quantiles.observe_trace(traced(parsed=ns))
    assert quantiles.table() == {"received_parsed": HopSummary(200, 100, 198, 200)}


def test_one_observation_is_every_quantile() -> None:
    quantiles = HopQuantiles()
    quantiles.observe_trace(traced(parsed=7))
    assert quantiles.table()["received_parsed"] == HopSummary(1, 7, 7, 7)


def test_quantiles_are_of_the_latest_but_the_greatest_is_of_all() -> None:
    quantiles = HopQuantiles(capacity=3)
    for ns in (900, 1, 2, 3):
        quantiles.observe_trace(traced(parsed=ns))
    assert quantiles.table()["received_parsed"] == HopSummary(4, 2, 3, 900)


def test_table_is_in_the_order_of_the_way_with_the_total_last() -> None:
    quantiles = HopQuantiles()
    quantiles.observe_trace(traced(sent=50, filled=90))
    quantiles.observe_trace(traced(parsed=1, decided=2, approved=3, sent=4, acknowledged=9))
    assert list(quantiles.table()) == [
        "received_parsed",
        "parsed_decided",
        "decided_approved",
        "approved_sent",
        "sent_acknowledged",
        "sent_filled",
        "received_sent",
    ]
    assert quantiles.table()["received_sent"] == HopSummary(2, 4, 50, 50)


def test_trace_that_went_nowhere_adds_nothing() -> None:
    quantiles = HopQuantiles()
    quantiles.observe_trace(Trace())
    assert quantiles.table() == {}
