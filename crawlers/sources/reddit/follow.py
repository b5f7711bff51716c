"""Polls listings live, each shared by as many channels as Reddit allows, and looks again later."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import Final

from core.contracts.errors import Rejected, Retryable
from core.contracts.event import Event
from core.runtime.backoff import delays
from core.runtime.logs import get_logger
from crawlers.item import Item, Refusal
from crawlers.newsroom import Newsroom
from crawlers.sources.reddit.door import RefusedKeyError, UnreadableError
from crawlers.sources.reddit.gateway import Gateway
from crawlers.sources.reddit.member import Member
from crawlers.sources.reddit.parse import read_subreddits
from crawlers.sources.reddit.posts import Post
from crawlers.sources.reddit.quota import NS_PER_S
from crawlers.sources.reddit.reading import PAGE, Reader, Reading
from crawlers.sources.reddit.settings import RedditSettings

_SHORT_PAGE: Final = 25
_FULL_PAGE_EVERY: Final = 15  # polls: shows edits and late approvals among the last 100
_ROLL_CALL_NS: Final = 3_600_000_000_000
_LONGEST_BACKOFF_MS: Final = 300_000
_READABLE: Final = frozenset({"public", "restricted", "archived"})
_INFO: Final = 100  # reddit.com/dev/api: most names of one request to api/info
_MILLI_NS: Final = 1_000_000

_log: Final = get_logger(__name__)


class Group:
    """Channels that share a listing.

    Attributes:
        members: all of them.
        due_ns: when those that Reddit refused are asked for again, alone.
        roll_call_ns: when Reddit is asked next which subreddits it shows at all.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members: Final = tuple(members)
        self.due_ns: Final[dict[Member, int]] = {}
        self.roll_call_ns = 0

    @property
    def joined(self) -> list[Member]:
        """Those that were not refused."""
        return [member for member in self.members if member not in self.due_ns]


class Follower:
    """Follows all channels until cancelled.

    Args:
        settings: see `RedditSettings`.
        gateway: see `Gateway`.
        room: see `Newsroom`.
    """

    def __init__(self, settings: RedditSettings, gateway: Gateway, room: Newsroom) -> None:
        self._settings = settings
        self._gateway = gateway
        self._room = room
        self._clock = room.clock
        self._jitter = room.jitter
        self._sleep = room.sleep
        self._reader = Reader(gateway, room.clock)

    async def follow(self, group: Group) -> None:
        """Poll one listing for ever; what Reddit refuses is that channel's alone.

        Raises:
            Fatal: the bus has stopped.
        """
        interval_ms = self._settings.interval_ms
        loop = asyncio.get_running_loop()
        backoff = self._backoff()
        for polls in count():
            started = loop.time()
            try:
                await self._round(group, PAGE if polls % _FULL_PAGE_EVERY == 0 else _SHORT_PAGE)
            except (Retryable, RefusedKeyError) as error:
                self._failed(group.members, error)
                wait_ms = interval_ms + next(backoff)
                if isinstance(error, Retryable):
                    wait_ms = max(wait_ms, (error.retry_after_ns or 0) // _MILLI_NS)
                else:
                    wait_ms = max(wait_ms, self._settings.refused_interval_ms)
            else:
                backoff = self._backoff()
                spread = self._settings.jitter * (2 * self._jitter.random() - 1)
                wait_ms = round(interval_ms * (1 + spread))
            await self._sleep(max(0.0, started + wait_ms / 1000 - loop.time()))

    async def look_again(self, members: Sequence[Member]) -> None:
        """Look for edits, deletions and removals of recent posts for ever; raises as `follow`."""
        settings = self._settings
        wait_ms = settings.recheck_interval_ms
        while True:
            await self._sleep(wait_ms / 1000)
            wait_ms = settings.recheck_interval_ms
            try:
                await self._recheck(members)
            except (Retryable, Rejected) as error:
                self._failed(members, error, "edits and deletions were not looked for: ")
                if isinstance(error, Retryable):
                    wait_ms = max(wait_ms, (error.retry_after_ns or 0) // _MILLI_NS)

    async def _round(self, group: Group, first_page: int) -> None:
        """Poll once: those that were refused and are due, then all others together."""
        now_ns = self._clock.now_ns()
        for member, due_ns in list(group.due_ns.items()):
            if now_ns >= due_ns:
                await self._poll_alone(group, member)
        if len(group.joined) > 1 and now_ns >= group.roll_call_ns:
            await self._call_roll(group)
            group.roll_call_ns = now_ns + _ROLL_CALL_NS
        members = group.joined
        if not members:
            return
        try:
            await self._poll(members, first_page)
        except RefusedKeyError:
            raise
        except Rejected as error:
            if len(members) == 1:
                self._refused(group, members[0], error)
                return
            for member in members:
                await self._poll_alone(group, member)

    async def _call_roll(self, group: Group) -> None:
        """Find the subreddits that Reddit leaves out of a shared listing without a word."""
        names = {member.settings.subreddit.lower() for member in group.joined}
        with suppress(Rejected):  # no roll call then; each poll may still be refused
            answer = await self._gateway.get("api/info", {"sr_name": ",".join(sorted(names))})
            told = read_subreddits(answer)
            if isinstance(told, Refusal):
                raise UnreadableError("api/info", told)
            for member in group.joined:
                if told.get(member.settings.subreddit.lower()) not in _READABLE:
                    await self._poll_alone(group, member)

    async def _poll_alone(self, group: Group, member: Member) -> None:
        """Poll one channel by itself, so that a refusal is known to be its own."""
        try:
            await self._poll([member], PAGE)
        except RefusedKeyError:
            raise
        except Rejected as error:
            self._refused(group, member, error)
        else:
            group.due_ns.pop(member, None)

    async def _poll(self, members: Sequence[Member], first_page: int) -> None:
        """Read what is new and publish it, the oldest first; then move the cursors.

        Raises:
            Retryable, Rejected: as `Reader.read`; nothing was published.
            Fatal: the bus has stopped.
        """
        try:
            reading = await self._reader.read(members, first_page)
        except UnreadableError as error:
            for member in members:
                member.watch.take(error.refusal)
            raise
        for refusal in reading.refusals:
            members[0].watch.take(refusal)
        for member, oldest_s in reading.short.items():
            self._gap(member, oldest_s)
        published = await self._publish(members, reading)
        received_ns = self._clock.now_ns()
        for member in members:
            member.read_through(reading.newest_s, moved=member in published)
            member.watch.answered(received_ns)
            member.show(self._gateway.quota.note(received_ns))

    async def _recheck(self, members: Sequence[Member]) -> None:
        """Look at the recent posts of all channels once."""
        settings = self._settings
        since_s = self._clock.now_ns() / NS_PER_S - settings.recheck_window_ms / 1000
        names = list(
            dict.fromkeys(
                name
                for member in members
                for name in member.recent(since_s, settings.recheck_posts)
            )
        )
        for at in range(0, len(names), _INFO):
            reading = await self._reader.recheck(names[at : at + _INFO])
            for member in await self._publish(members, reading, known_only=True):
                member.read_through(None, moved=True)

    async def _publish(
        self, members: Sequence[Member], reading: Reading, *, known_only: bool = False
    ) -> set[Member]:
        """Take what is news to each channel to the bus; give the channels that it was news to.

        Args:
            members: whose posts they may be.
            reading: in the order of publication.
            known_only: only what a channel has published before, in an older version.
        """
        wanted = [
            (member, post, at_ns)
            for post, at_ns in reading.posts
            for member in members
            if (member.knows(post) if known_only else member.wants(post)) and member.is_news(post)
        ]
        if not wanted:
            return set()
        entries = await asyncio.to_thread(
            lambda: [_normalise(member, post, at_ns) for member, post, at_ns in wanted]
        )
        both = list(zip(wanted, entries, strict=True))
        both.sort(key=lambda one: isinstance(one[1], Event))  # refusals first
        for (member, post, _), entry in both:
            await self._room.take(member.watch, entry)
            member.took(post, entry if isinstance(entry, Refusal) else None)
        return {member for member, _, _ in wanted}

    def _gap(self, member: Member, oldest_s: float | None) -> None:
        """Tell of a gap that Reddit's listings are too short to close."""
        ends = "the listing's end" if oldest_s is None else _moment(oldest_s)
        member.gap = (
            f"posts between {_moment(member.through_s or 0.0)} and {ends} are missing: Reddit "
            "lists the last 1,000 only; read them from a dump with tidings backfill"
        )
        _log.error("reddit_gap", channel=member.watch.name, gap=member.gap)

    def _refused(self, group: Group, member: Member, error: Rejected) -> None:
        """Leave a channel that Reddit refuses alone for a while."""
        member.watch.failed(str(error))
        wait_ns = self._settings.refused_interval_ms * _MILLI_NS
        group.due_ns[member] = self._clock.now_ns() + wait_ns

    def _failed(
        self, members: Sequence[Member], error: Retryable | Rejected, what: str = ""
    ) -> None:
        for member in members:
            member.watch.failed(f"{what}{error}")
            member.show(self._gateway.quota.note(self._clock.now_ns()))

    def _backoff(self) -> Iterator[int]:
        interval_ms = self._settings.interval_ms
        return delays(interval_ms, max(interval_ms, _LONGEST_BACKOFF_MS), 2.0, self._jitter)


def _normalise(member: Member, post: Post, at_ns: int) -> Event | Refusal:
    entry = post.entry
    return member.watch.intake.normalise(entry, at_ns) if isinstance(entry, Item) else entry


def _moment(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
