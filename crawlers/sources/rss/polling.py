"""Polls feeds: each at its own pace, conditionally, and never all at once."""

import asyncio
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Final

import aiohttp

from core.contracts.errors import Rejected, Retryable
from core.runtime.backoff import delays
from crawlers.http import Fetched, GoneError, TooLargeError, fetch, open_session
from crawlers.item import Refusal, RefusalReason
from crawlers.newsroom import Newsroom, Task
from crawlers.robots import Robots
from crawlers.sources.rss.feed import Feed, Listing
from crawlers.sources.rss.reading import Parse, read
from crawlers.sources.rss.settings import FeedSettings, PollSettings

_LONGEST_BACKOFF: Final = 10  # intervals: news must not wait long after an outage is over
_MISSED_POLLS: Final = 3
_START_SPACING_MS: Final = 50  # between the first requests of two feeds, at most
_MILLI_NS: Final = 1_000_000


async def open_feeds(
    source: str,
    feeds: Sequence[FeedSettings],
    settings: PollSettings,
    room: Newsroom,
    parse: Parse,
) -> dict[str, Task]:
    """Build a source's feeds, all polled by one task.

    A channel's first address is its main client; each mirror is a client named by its host.

    Raises:
        Retryable: the cursor store can't be reached.
    """
    opened: list[Feed] = []
    for one in feeds:
        listing = Listing()
        for client, url in _clients(one).items():
            watch = await room.watch(
                source,
                one.channel,
                client=client,
                zone=one.zone,
                answer_limit_ms=one.longest_ms * _MISSED_POLLS + settings.timeout_ms,
            )
            opened.append(Feed(one, url, watch, listing))
    return {source: Poller(source, settings, tuple(opened), room, parse).run}


def _clients(feed: FeedSettings) -> dict[str, str]:
    """Name the clients of a channel and give each its address; no name may hold a secret."""
    clients = {"": feed.url}
    for mirror in feed.mirrors:
        host = name = mirror.split("/")[2].rpartition("@")[2]
        number = 1
        while name in clients:
            number += 1
            name = f"{host}-{number}"
        clients[name] = mirror
    return clients


class Poller:
    """All feeds of a source.

    Args:
        source: kind of source.
        settings: for all of them.
        feeds: each with its channel opened.
        room: see `Newsroom`.
        parse: reads a document.
    """

    def __init__(
        self,
        source: str,
        settings: PollSettings,
        feeds: tuple[Feed, ...],
        room: Newsroom,
        parse: Parse,
    ) -> None:
        self._source = source
        self._settings = settings
        self._feeds = feeds
        self._room = room
        self._parse = parse
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
                    contact=settings.contact,
                ) as session,
                asyncio.TaskGroup() as group,
            ):
                robots = (
                    Robots(session, clock=self._clock, sleep=self._sleep)
                    if settings.robots
                    else None
                )
                for number, feed in enumerate(self._feeds):
                    group.create_task(self._follow(session, robots, feed, number))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several

    async def _follow(
        self, session: aiohttp.ClientSession, robots: Robots | None, feed: Feed, number: int
    ) -> None:
        """Poll one feed for ever; one that is gone is left in peace."""
        shortest_ms = feed.settings.interval_ms
        loop = asyncio.get_running_loop()
        backoff = self._backoff(shortest_ms)
        # Evenly, so that many feeds are never asked all at once.
        spacing_ms = min(shortest_ms / len(self._feeds), _START_SPACING_MS)
        due = loop.time() + (number + self._jitter.random()) * spacing_ms / 1000
        while not feed.gone:
            await self._sleep(max(0.0, due - loop.time()))
            least_ns = 0
            try:
                fetched = await self.poll(session, feed, robots)
            except (Retryable, Rejected) as error:
                feed.watch.failed(str(error))
                if isinstance(error, Retryable):
                    least_ns = error.retry_after_ns or 0
                elif isinstance(error, GoneError) and feed.address == feed.url:
                    feed.leave()
                else:  # where it moved to may be wrong
                    feed.address = feed.url
                wait_ms = shortest_ms + next(backoff)
            else:
                backoff = self._backoff(shortest_ms)
                least_ns = fetched.wait_ns or 0
                wait_ms = round(feed.interval_ms * self._spread())
            if not feed.gone:
                due = max(due + wait_ms / 1000, loop.time() + least_ns / _MILLI_NS / 1000)
        await loop.create_future()

    def _spread(self) -> float:
        return 1 + self._settings.jitter * (2 * self._jitter.random() - 1)

    def _backoff(self, interval_ms: int) -> Iterator[int]:
        return delays(interval_ms, interval_ms * _LONGEST_BACKOFF, 2.0, self._jitter)

    async def poll(
        self, session: aiohttp.ClientSession, feed: Feed, robots: Robots | None
    ) -> Fetched:
        """Ask for a feed once and publish what is new in it, oldest first.

        The cursor moves only when all of it was taken.

        Raises:
            Retryable, Rejected: see `fetch`; also for a body that is no feed.
            Fatal: the bus has stopped.
        """
        settings, watch, cursor = self._settings, feed.watch, feed.cursor
        headers = {}
        if cursor.etag:
            headers["If-None-Match"] = cursor.etag
        if cursor.last_modified:
            headers["If-Modified-Since"] = cursor.last_modified
        try:
            fetched = await fetch(
                session,
                feed.address,
                headers=headers,
                max_bytes=settings.max_document_bytes,
                max_redirects=settings.max_redirects,
                now_ns=self._clock.now_ns(),
                admit=None if robots is None else robots.admit,
            )
        except TooLargeError as error:
            watch.take(Refusal(RefusalReason.TOO_LARGE, str(error)))
            raise
        received_ns = self._clock.now_ns()
        if fetched.moved_to is not None:
            feed.address = fetched.moved_to
            watch.note = f"moved for good to {fetched.moved_to}: put that in as its url"
        digest = blake2b(fetched.body, digest_size=16).digest()
        new = False
        if fetched.changed and digest != feed.last_body:
            async with feed.listing.lock:
                new = await self._take(feed, fetched, received_ns, digest)
        feed.heard(new=new)
        watch.answered(received_ns)
        return fetched

    async def _take(self, feed: Feed, fetched: Fetched, received_ns: int, digest: bytes) -> bool:
        """Publish what a document holds anew; says whether there was anything."""
        watch = feed.watch
        intake = watch.intake
        events_before = intake.counts.events
        # Never on the loop: even a small document takes longer than a trade may.
        reading = await asyncio.to_thread(
            read, fetched, received_ns, self._parse, intake, feed.listing.known, feed.shown
        )
        for refusal in reading.refusals:
            watch.take(refusal)
        for event in reading.new:
            await self._room.take(watch, event)
        seen = await self._room.seen(self._source)
        for event in reading.old:
            if event.id not in seen:
                seen.add(event.id, intake.channel.client)
            watch.take(event)
        intake.counts.items += reading.same
        intake.counts.duplicates += reading.same
        intake.counts.documents += 1
        document = reading.document
        if document.refused is not None:
            raise Rejected(
                f"{fetched.url} is no feed to read ({document.refused.reason}): "
                f"{document.refused.detail}"
            )
        feed.learn_habit(reading, fetched, received_ns)
        feed.move(fetched, reading, digest)
        return intake.counts.events != events_before
