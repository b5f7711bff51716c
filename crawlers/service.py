"""Puts the crawlers together: sources, memory, cursors, and how they are doing."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from core.contracts.clock import Clock
from core.runtime.bus.port import Bus
from core.runtime.cursors import CursorStore
from core.runtime.health import Check, CheckResult
from crawlers.intake import Counts, Intake, Keyer
from crawlers.normalise import Limits
from crawlers.progress import Channel, Progress
from crawlers.seen import Seen
from crawlers.settings import CrawlSettings
from crawlers.sources.newswire import client as newswire
from crawlers.sources.rss import client as rss

Task = Callable[[], Coroutine[Any, Any, None]]

_MILLI_NS = 1_000_000
_MISSED_POLLS = 3


class Crawl:
    """All configured sources, feeding one bus.

    `start`, then run every one of `tasks` under a supervisor; to stop, end the tasks and `drain`.

    Args:
        settings: which sources.
        bus: where events go; started before the tasks, stopped after `drain`.
        keyer: gives an event's keys (its assets); crawlers don't know assets.
        store: durable cursors and ids.
        clock: for receive times.
        jitter: spreads requests and reconnects; give a seeded one to repeat a run.
    """

    def __init__(
        self,
        settings: CrawlSettings,
        *,
        bus: Bus,
        keyer: Keyer,
        store: CursorStore,
        clock: Clock,
        jitter: Random | None = None,
    ) -> None:
        self._settings = settings
        self._bus = bus
        self._keyer = keyer
        self._clock = clock
        self._jitter = jitter or Random()  # noqa: S311 - spreads load, guards nothing
        self._progress = Progress(bus, store, clock)
        self._feeds: tuple[rss.Feed, ...] = ()
        self._streams: tuple[newswire.Newswire, ...] = ()

    async def start(self) -> None:
        """Load cursors and what was published before.

        Raises:
            Retryable: the store can't be reached.
        """
        settings = self._settings
        now_ns = self._clock.now_ns()
        feeds: list[rss.Feed] = []
        if settings.rss.all_feeds:
            seen = await self._load_seen(rss.SOURCE)
            for one in settings.rss.all_feeds:
                channel = await self._progress.open(rss.SOURCE, one.channel)
                feed = rss.Feed(
                    one, self._intake(channel, seen, settings.limits(one.zone)), now_ns=now_ns
                )
                for event_id in feed.cursor.entries:
                    seen.add(event_id)
                feeds.append(feed)
        streams: list[newswire.Newswire] = []
        if settings.newswire:
            seen = await self._load_seen(newswire.SOURCE)
            for stream in settings.newswire:
                channel = await self._progress.open(newswire.SOURCE, stream.channel)
                intake = self._intake(channel, seen, settings.limits(stream.zone))
                streams.append(
                    newswire.Newswire(stream, intake, clock=self._clock, jitter=self._jitter)
                )
        self._feeds, self._streams = tuple(feeds), tuple(streams)

    def tasks(self) -> dict[str, Task]:
        """Give the long-running tasks by name; each makes a fresh coroutine for each run.

        They end by being cancelled. `cursors` raises `Retryable` when it could not save: start
        it again after a while. Any of them may raise the bus's `Fatal`.
        """
        tasks: dict[str, Task] = {"cursors": self._save_cursors}
        if self._feeds:
            source = rss.RssSource(
                self._settings.rss, self._feeds, clock=self._clock, jitter=self._jitter
            )
            tasks["rss"] = source.run
        for stream in self._streams:
            tasks[f"{newswire.SOURCE}:{stream.settings.channel}"] = stream.run
        return tasks

    def checks(self) -> dict[str, Check]:
        """Give a health check for each channel, and one for the saving of cursors."""
        checks: dict[str, Check] = {"cursors": self._check_cursors}
        for feed in self._feeds:
            checks[f"{rss.SOURCE}:{feed.settings.channel}"] = self._feed_check(feed)
        for stream in self._streams:
            checks[f"{newswire.SOURCE}:{stream.settings.channel}"] = self._stream_check(stream)
        return checks

    def counts(self) -> dict[str, Counts]:
        """Give what came in so far, by `source:channel`."""
        intakes = [feed.intake for feed in self._feeds]
        intakes += [stream.intake for stream in self._streams]
        return {f"{one.channel.source}:{one.channel.name}": one.counts for one in intakes}

    async def drain(self) -> None:
        """Have the bus confirm the last events and save the last cursors; after the tasks ended.

        Raises:
            Retryable: not everything could be saved; what was not comes again after a restart.
        """
        await self._progress.save()

    async def _save_cursors(self) -> None:
        while True:
            await asyncio.sleep(self._settings.save_interval_ms / 1000)
            await self._progress.save()

    async def _load_seen(self, source: str) -> Seen:
        seen = Seen(self._settings.seen_capacity)
        for event_id in await self._progress.load_seen(source, self._settings.seen_days):
            seen.add(event_id)
        return seen

    def _intake(self, channel: Channel, seen: Seen, limits: Limits) -> Intake:
        return Intake(
            channel, seen, bus=self._bus, keyer=self._keyer, clock=self._clock, limits=limits
        )

    def _check_cursors(self) -> CheckResult:
        failure = self._progress.failure
        return CheckResult(ok=failure is None, detail=failure or "saved")

    def _feed_check(self, feed: rss.Feed) -> Check:
        allowed_ms = feed.settings.interval_ms * _MISSED_POLLS + self._settings.rss.timeout_ms

        def check() -> CheckResult:
            age_ms = (self._clock.now_ns() - feed.since_ns) // _MILLI_NS
            detail = f"read {age_ms} ms ago" + (f"; {feed.problem}" if feed.problem else "")
            return CheckResult(ok=age_ms <= allowed_ms, detail=detail)

        return check

    def _stream_check(self, stream: newswire.Newswire) -> Check:
        limit_ms = stream.settings.stale_after_ms

        def check() -> CheckResult:
            age_ms = (self._clock.now_ns() - stream.since_ns) // _MILLI_NS
            ok = stream.connected and (limit_ms is None or age_ms <= limit_ms)
            state = "connected" if stream.connected else f"not connected; {stream.problem}"
            return CheckResult(ok=ok, detail=f"{state}, last heard {age_ms} ms ago")

        return check
