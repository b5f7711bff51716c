"""What every source is built with: clock, cursors, memory of what was published, and the bus."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import UTC, tzinfo
from random import Random
from typing import Any, Final

from core.contracts.clock import Clock
from core.contracts.errors import Retryable
from core.contracts.event import Event
from core.contracts.notice import VenueNotice
from core.runtime.bus.port import Bus
from core.runtime.bus.spool import SpooledError
from crawlers import languages, lookalikes
from crawlers.intake import Intake, Keyer
from crawlers.item import Item, Refusal
from crawlers.normalise import Limits
from crawlers.notices import notice_of
from crawlers.progress import Channel, Progress
from crawlers.rhythm import Rhythm
from crawlers.seen import Seen
from crawlers.watch import Watch

Task = Callable[[], Coroutine[Any, Any, None]]
Sleep = Callable[[float], Awaitable[None]]
OnEvent = Callable[[Event, Channel], None]

DEFAULT_SILENCE_MS: Final = 300_000

_BUS_FULL_WAIT_S: Final = 0.05
_MILLI_NS: Final = 1_000_000


class Newsroom:
    """Gives sources their channels; one for all the sources of a process.

    Args:
        bus: where events go.
        keyer: gives an event's keys (its assets); crawlers don't know assets.
        progress: cursors of all channels.
        clock: for receive times.
        limits: of texts; a channel's own zone replaces the zone in it.
        seen_capacity: how many posts of one source are remembered.
        seen_days: for how long.
        jitter: spreads requests and reconnects; give a seeded one to repeat a run.
        sleep: waits seconds.
        on_event: hears of each published event, after the trade.
        published: ids of events that are on their way although no cursor says so.

    Attributes:
        watches: every channel opened so far, by name.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        keyer: Keyer,
        progress: Progress,
        clock: Clock,
        limits: Limits,
        seen_capacity: int,
        seen_days: int,
        jitter: Random,
        sleep: Sleep = asyncio.sleep,
        on_event: OnEvent | None = None,
        published: Iterable[str] = (),
    ) -> None:
        self.clock: Final = clock
        self.jitter: Final = jitter
        self.sleep: Final = sleep
        self.watches: Final[dict[str, Watch]] = {}
        self._bus = bus
        self._keyer = keyer
        self._progress = progress
        self._limits = limits
        self._seen_capacity = seen_capacity
        self._seen_days = seen_days
        self._on_event = on_event
        self._published = tuple(published)
        self._seen: dict[str, Seen] = {}
        self._prepared = self._prepared_languages = False

    async def watch(
        self,
        source: str,
        channel: str,
        *,
        answer_limit_ms: int,
        client: str = "",
        zone: tzinfo | None = UTC,
        silence_ms: int = DEFAULT_SILENCE_MS,
        stale_after_ms: int | None = None,
        detect_language: bool = True,
    ) -> Watch:
        """Open one client's view of a channel, with its cursor as it was kept.

        Args:
            source: kind of source.
            channel: our name for the channel; part of each event's identity.
            answer_limit_ms: unhealthy when the server has not answered for so long.
            client: tells several clients of one channel apart; the first to bring an event wins.
            zone: of times without one; None refuses such times.
            silence_ms: a silence shorter than this is never stale.
            stale_after_ms: the silence that is stale, where it is not to be learnt.
            detect_language: tell languages from texts (about 30 µs a text) where items don't say.

        Raises:
            Retryable: the cursor store can't be reached.
        """
        await self._prepare(detect_language=detect_language)
        place = await self._progress.open(source, channel, client)
        limits = self.limits(zone, detect_language=detect_language)
        intake = Intake(
            place,
            await self.seen(source),
            bus=self._bus,
            keyer=self._keyer,
            clock=self.clock,
            limits=limits,
            on_event=self._on_event,
        )
        rhythm = Rhythm(
            silence_ms * _MILLI_NS,
            None if stale_after_ms is None else stale_after_ms * _MILLI_NS,
        )
        watch = Watch(intake, clock=self.clock, rhythm=rhythm, answer_limit_ms=answer_limit_ms)
        self.watches[watch.name] = watch
        return watch

    async def _prepare(self, *, detect_language: bool) -> None:
        """Load tables and models that the first text would otherwise wait for, off the loop."""
        if not self._prepared:
            await asyncio.to_thread(lookalikes.prepare)
        if detect_language and not self._prepared_languages:
            await asyncio.to_thread(languages.prepare)
        self._prepared = True
        self._prepared_languages = self._prepared_languages or detect_language

    async def seen(self, source: str) -> Seen:
        """Give a source's memory of what it published, the same for all its channels.

        Raises:
            Retryable: the cursor store can't be reached.
        """
        if source not in self._seen:
            seen = Seen(self._seen_capacity)
            for event_id in await self._progress.load_seen(source, self._seen_days):
                seen.add(event_id)
            for event_id in self._published:
                seen.add(event_id)
            self._seen.setdefault(source, seen)
        return self._seen[source]

    def limits(self, zone: tzinfo | None, *, detect_language: bool = True) -> Limits:
        """Give what `normalise` needs for a channel."""
        limits = self._limits
        return Limits(
            title_chars=limits.title_chars,
            text_chars=limits.text_chars,
            default_zone=zone,
            detect_language=detect_language,
        )

    async def accept(self, watch: Watch, item: Item | Refusal, received_ns: int) -> str | None:
        """Offer an item until the bus has room for it, after letting others have their turn.

        For sources that read at their own pace. Gives the event's id unless it was refused.

        Raises:
            Fatal: the bus has stopped.
        """
        intake = watch.intake
        if not isinstance(item, Item):
            return await self.take(watch, item)
        read = intake.normalise(item, received_ns)
        if item.notice is None or not isinstance(read, Event):
            return await self.take(watch, read)
        return await self.take(watch, read, notice_of(item.notice, read))

    async def take(
        self, watch: Watch, event: Event | Refusal, notice: VenueNotice | None = None
    ) -> str | None:
        """Offer what was normalised elsewhere; otherwise as `accept`.

        A notice goes first: killed in between, both come again.
        """
        await asyncio.sleep(0)
        while True:
            try:
                if notice is not None:
                    watch.intake.tell(notice)
                return watch.take(event)
            except Retryable:
                await self.sleep(_BUS_FULL_WAIT_S)

    async def confirm(self) -> None:
        """Return when everything published so far outlives this process.

        For senders who wait to hear that what they sent is safe: the bus has confirmed it, or it
        waits on disk for a broker that is away.

        Raises:
            Retryable: not in time; what was taken is kept, and goes out when it can.
            Fatal: it never will be.
        """
        with suppress(SpooledError):
            await self._bus.flush()
