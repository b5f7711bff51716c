"""Polls feeds: each on its own interval, conditionally, and never all at once."""

import asyncio
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

import aiohttp
import msgspec

from core.contracts.errors import Rejected, Retryable
from core.contracts.event import Event
from core.runtime.backoff import delays
from crawlers.http import Fetched, TooLargeError, fetch, open_session
from crawlers.intake import Intake
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.newsroom import Newsroom, Task
from crawlers.sources.rss.parse import FeedDocument, parse
from crawlers.sources.rss.settings import FeedSettings, RssSettings
from crawlers.watch import Watch

SOURCE: Final = "rss"

_LONGEST_BACKOFF_MS: Final = 3_600_000
_MISSED_POLLS: Final = 3
_MILLI_NS: Final = 1_000_000


class FeedCursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a feed's last document, as JSON in the cursor.

    Attributes:
        url: where it came from; another address makes the rest void.
        etag: for `If-None-Match`.
        last_modified: for `If-Modified-Since`.
        entries: ids of its events: what a feed still lists is not new, however old it gets.
    """

    url: str
    etag: str | None = None
    last_modified: str | None = None
    entries: tuple[str, ...] = ()


def read_cursor(cursor: str | None) -> FeedCursor | None:
    """Read a kept cursor; one that can't be read is as good as none."""
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(cursor, type=FeedCursor)
    except msgspec.DecodeError:
        return None


class Feed:
    """One feed and where it was read to.

    Attributes:
        settings: its configuration.
        watch: where its items go, and how it is doing.
        cursor: of its last document.
    """

    def __init__(self, settings: FeedSettings, watch: Watch) -> None:
        self.settings: Final = settings
        self.watch: Final = watch
        self.last_body: bytes | None = None  # digest of the last body that was read to its end
        kept = read_cursor(watch.intake.channel.cursor)
        self.cursor = kept if kept and kept.url == settings.url else FeedCursor(settings.url)

    def move(self, cursor: FeedCursor) -> None:
        """Take a new cursor, to be saved with the next ones."""
        self.cursor = cursor
        self.watch.intake.channel.cursor = msgspec.json.encode(cursor).decode()


async def open_source(settings: RssSettings, room: Newsroom) -> dict[str, Task]:
    """Build the feeds, all polled by one task.

    Raises:
        Retryable: the cursor store can't be reached.
    """
    seen = await room.seen(SOURCE)
    feeds: list[Feed] = []
    for one in settings.all_feeds:
        watch = await room.watch(
            SOURCE,
            one.channel,
            zone=one.zone,
            answer_limit_ms=one.interval_ms * _MISSED_POLLS + settings.timeout_ms,
        )
        feed = Feed(one, watch)
        for event_id in feed.cursor.entries:
            seen.add(event_id)
        feeds.append(feed)
    return {SOURCE: RssSource(settings, tuple(feeds), room).run}


class RssSource:
    """All feeds.

    Args:
        settings: for all of them.
        feeds: one for each of `settings.all_feeds`.
        room: see `Newsroom`.
    """

    def __init__(self, settings: RssSettings, feeds: tuple[Feed, ...], room: Newsroom) -> None:
        self._settings = settings
        self._feeds = feeds
        self._room = room
        self._clock = room.clock
        self._jitter = room.jitter
        self._sleep = room.sleep

    async def run(self) -> None:
        """Poll every feed until cancelled; one feed's failure is that feed's alone.

        Raises:
            Fatal: the bus has stopped.
        """
        settings = self._settings
        try:
            async with (
                open_session(
                    timeout_ms=settings.timeout_ms,
                    connections_per_host=settings.connections_per_host,
                    allow_private=settings.allow_private,
                ) as session,
                asyncio.TaskGroup() as group,
            ):
                for feed in self._feeds:
                    group.create_task(self._follow(session, feed))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several

    async def _follow(self, session: aiohttp.ClientSession, feed: Feed) -> None:
        """Poll one feed for ever."""
        interval_ms = feed.settings.interval_ms
        loop = asyncio.get_running_loop()
        await self._sleep(self._jitter.random() * self._settings.jitter * interval_ms / 1000)
        backoff = self._backoff(interval_ms)
        while True:
            started = loop.time()
            try:
                await self.poll(session, feed)
            except (Retryable, Rejected) as error:
                feed.watch.failed(str(error))
                retry_after_ns = error.retry_after_ns if isinstance(error, Retryable) else None
                wait_ms = interval_ms + next(backoff)
                wait_ms = max(wait_ms, (retry_after_ns or 0) // _MILLI_NS)
            else:
                backoff = self._backoff(interval_ms)
                spread = self._settings.jitter * (2 * self._jitter.random() - 1)
                wait_ms = round(interval_ms * (1 + spread))
            await self._sleep(max(0.0, started + wait_ms / 1000 - loop.time()))

    def _backoff(self, interval_ms: int) -> Iterator[int]:
        return delays(interval_ms, max(interval_ms, _LONGEST_BACKOFF_MS), 2.0, self._jitter)

    async def poll(self, session: aiohttp.ClientSession, feed: Feed) -> None:
        """Ask for a feed once and publish what is new in it, oldest first.

        The cursor moves only when all of it was taken, and without `ETag` and `Last-Modified`
        where the document was cut off, so that its rest comes with the next request.

        Raises:
            Retryable, Rejected: see `fetch`; also for a body that is no feed.
            Fatal: the bus has stopped.
        """
        settings, watch, cursor = self._settings, feed.watch, feed.cursor
        intake = watch.intake
        headers = {}
        if cursor.etag:
            headers["If-None-Match"] = cursor.etag
        if cursor.last_modified:
            headers["If-Modified-Since"] = cursor.last_modified
        try:
            fetched = await fetch(
                session,
                feed.settings.url,
                headers=headers,
                max_bytes=settings.max_document_bytes,
                max_redirects=settings.max_redirects,
                now_ns=self._clock.now_ns(),
            )
        except TooLargeError as error:
            watch.take(Refusal(RefusalReason.TOO_LARGE, str(error)))
            raise
        received_ns = self._clock.now_ns()
        digest = blake2b(fetched.body, digest_size=16).digest()
        if fetched.changed and digest != feed.last_body:
            # Never on the loop: even a small document takes longer than a trade may.
            document, events = await asyncio.to_thread(_read, fetched, intake, received_ns)
            ids = [await self._room.take(watch, event) for event in events]
            intake.counts.documents += 1
            if document.refused is not None:
                raise Rejected(
                    f"{fetched.url} is no feed to read ({document.refused.reason}): "
                    f"{document.refused.detail}"
                )
            feed.last_body = digest if document.whole else None
            feed.move(
                FeedCursor(
                    feed.settings.url,
                    fetched.etag if document.whole else None,
                    fetched.last_modified if document.whole else None,
                    tuple(event_id for event_id in ids if event_id),
                )
            )
        watch.answered(received_ns)


def _read(
    fetched: Fetched, intake: Intake, received_ns: int
) -> tuple[FeedDocument, list[Event | Refusal]]:
    """Parse and normalise a document; runs in another thread.

    Returns:
        The document, and what it holds: refusals first, then events from the oldest on.
    """
    document = parse(fetched.body, fetched.content_type, fetched.url)
    refusals: list[Event | Refusal] = []
    events: list[Event] = []
    for entry in reversed(document.entries):  # feeds list the newest first
        read = intake.normalise(entry, received_ns) if isinstance(entry, Item) else entry
        if isinstance(read, Event):
            events.append(read)
        else:
            refusals.append(read)
    events.sort(key=lambda event: event.published_ns)
    return document, [*refusals, *events]
