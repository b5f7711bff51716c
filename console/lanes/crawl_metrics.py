"""Shows how the channels do: how late their news comes, how fresh they are, what they gave."""

from collections.abc import Callable
from typing import Final

from prometheus_client import Histogram

from core.contracts.clock import Clock
from core.contracts.event import Event, TimePrecision
from core.runtime.metrics import Metrics
from crawlers.intake import Counts
from crawlers.progress import Channel
from crawlers.service import Crawl
from crawlers.watch import Watch

DELAY_BUCKETS_S: Final = (
    *(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0),
    *(60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 21_600.0, 86_400.0),
)

_EXACT: Final = TimePrecision.EXACT


class Delays:
    """How long after its publication each event was received, by channel.

    Only where the source tells the time: a day, or the time of receipt, says nothing of a delay.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._histogram = Histogram(
            "tidings_event_delay_seconds",
            "From publication to receipt, where the source tells the time",
            ("channel",),
            buckets=DELAY_BUCKETS_S,
            registry=metrics.registry,
        )
        self._observe: dict[Channel, Callable[[float], None]] = {}  # labels are bound once

    def on_event(self, event: Event, channel: Channel) -> None:
        """Hear of a published event, after the trade."""
        if event.published_precision is not _EXACT:
            return
        observe = self._observe.get(channel)
        if observe is None:
            bound = self._histogram.labels(f"{channel.source}:{channel.label}")
            observe = self._observe[channel] = bound.observe
        # A publisher's clock may be ahead of ours.
        observe(max(0, event.received_ns - event.published_ns) / 1e9)


def show_crawl(crawl: Crawl, metrics: Metrics, clock: Clock) -> None:
    """Show what each channel gave and how fresh it is among the process's metrics.

    Channels are `source:channel`, with `#client` where several clients watch one.
    """

    def counted(name: str, documentation: str, of: Callable[[Counts], int]) -> None:
        metrics.count(
            name,
            documentation,
            "channel",
            lambda: {channel: of(counts) for channel, counts in crawl.counts().items()},
        )

    def seen(name: str, documentation: str, of: Callable[[Watch], float]) -> None:
        metrics.gauge(
            name,
            documentation,
            "channel",
            lambda: {channel: of(watch) for channel, watch in crawl.watches.items()},
        )

    counted("events", "Events published", lambda counts: counts.events)
    counted("crawl_duplicates", "Items published before", lambda counts: counts.duplicates)
    counted("crawl_beaten", "Items another client brought first", lambda counts: counts.beaten)
    counted(
        "venue_notices",
        "Notices of venues' maintenance and incidents published",
        lambda counts: counts.notices,
    )
    metrics.count(
        "crawl_refusals",
        "Items that became no event",
        ("channel", "reason"),
        lambda: {
            (channel, str(reason)): count
            for channel, counts in crawl.counts().items()
            for reason, count in counts.refusals.items()
        },
    )
    seen(
        "channel_silence_seconds",
        "Since the newest event was received, or since the start",
        lambda watch: watch.silence_ns(clock.now_ns()) / 1e9,
    )
    seen("channel_stale", "Silent for longer than usual", lambda w: w.is_stale(clock.now_ns()))
    seen("channel_connected", "0 while a stream's connection is down", lambda w: w.connected)
