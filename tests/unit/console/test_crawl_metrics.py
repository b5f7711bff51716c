"""What the channels' metrics show, as Prometheus reads them."""

from random import Random
from typing import Any

import pytest

from console.lanes.crawl_metrics import Delays, show_crawl
from core.contracts.clock import ManualClock
from core.contracts.event import TimePrecision
from core.runtime.metrics import Metrics
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.progress import Channel
from crawlers.service import Crawl
from crawlers.settings import CrawlSettings
from tests.unit.crawlers.doubles import NOW_NS, MemoryCursorStore, NarrowBus, key_by_id
from tests.unit.signals.events import an_event

SECOND_NS = 1_000_000_000


def lines(metrics: Metrics) -> list[str]:
    return metrics.render().decode().splitlines()


def heard(metrics: Metrics, delays: Delays, channel: Channel, **more: Any) -> None:  # noqa: ANN401 - any field
    delays.on_event(an_event("t", **more), channel)


def test_delay_falls_into_its_channels_buckets() -> None:
    metrics = Metrics()
    delays = Delays(metrics)
    wire, mirror = Channel("newswire", "wire", None), Channel("newswire", "wire", None, client="b")
    heard(metrics, delays, wire, published_ns=NOW_NS, received_ns=NOW_NS + 30_000_000)
    heard(metrics, delays, wire, published_ns=NOW_NS, received_ns=NOW_NS + 3 * SECOND_NS)
    heard(metrics, delays, mirror, published_ns=NOW_NS + SECOND_NS, received_ns=NOW_NS)
    shown = lines(metrics)
    name, own = "tidings_event_delay_seconds", 'channel="newswire:wire"'
    assert f'{name}_bucket{{{own},le="0.02"}} 0.0' in shown
    assert f'{name}_bucket{{{own},le="0.05"}} 1.0' in shown
    assert f'{name}_bucket{{{own},le="5.0"}} 2.0' in shown
    assert f"{name}_sum{{{own}}} 3.03" in shown
    assert f'{name}_count{{channel="newswire:wire#b"}} 1.0' in shown
    assert f'{name}_sum{{channel="newswire:wire#b"}} 0.0' in shown


@pytest.mark.parametrize("precision", [TimePrecision.DAY, TimePrecision.RECEIVED])
def test_time_that_is_not_exact_says_nothing_of_a_delay(precision: TimePrecision) -> None:
    metrics = Metrics()
    delays = Delays(metrics)
    heard(metrics, delays, Channel("rss", "desk", None), published_precision=precision)
    assert "tidings_event_delay_seconds_count" not in metrics.render().decode()


async def test_channels_show_what_they_gave_and_how_fresh_they_are() -> None:
    clock, metrics = ManualClock(NOW_NS), Metrics()
    stream = {"channel": "wire", "url": "ws://127.0.0.1:1/", "stale_after_ms": "60s"}
    settings = {"newswire": [stream | {"clients": [{"name": "b"}]}]}
    crawl = Crawl(
        CrawlSettings.model_validate(settings),
        bus=NarrowBus(),
        keyer=key_by_id,
        store=MemoryCursorStore(),
        clock=clock,
        jitter=Random(1),
        on_event=Delays(metrics).on_event,
    )
    show_crawl(crawl, metrics, clock)
    await crawl.start()
    first, second = crawl.watches.values()
    first.opened()
    clock.advance(50 * SECOND_NS)
    item = Item(native_id="1", title="t", published=(NOW_NS + 49 * SECOND_NS) / 1e9)
    first.accept(item, clock.now_ns())
    first.accept(Refusal(RefusalReason.BAD_JSON, "no JSON"), clock.now_ns())
    clock.advance(30 * SECOND_NS)
    shown = lines(metrics)
    for name, of_first, of_second in (
        ("events_total", 1, 0),
        ("crawl_duplicates_total", 0, 0),
        ("channel_silence_seconds", 30, 80),
        ("channel_stale", 0, 1),
        ("channel_connected", 1, 0),
    ):
        assert f'tidings_{name}{{channel="newswire:wire"}} {of_first}.0' in shown
        assert f'tidings_{name}{{channel="newswire:wire#b"}} {of_second}.0' in shown
    refusals = 'tidings_crawl_refusals_total{channel="newswire:wire",reason="bad_json"} 1.0'
    assert refusals in shown
    assert 'tidings_event_delay_seconds_sum{channel="newswire:wire"} 1.0' in shown
    second.accept(item, clock.now_ns())
    shown = lines(metrics)
    assert 'tidings_crawl_beaten_total{channel="newswire:wire#b"} 1.0' in shown
    assert 'tidings_channel_stale{channel="newswire:wire#b"} 0.0' in shown
