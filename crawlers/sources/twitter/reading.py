"""Reads what a search or a timeline holds since a post, oldest first, into its channels."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from core.contracts.errors import Retryable
from crawlers.item import Item, Refusal
from crawlers.newsroom import Newsroom
from crawlers.sources.twitter.api import FIELDS, RECENT, TIMELINE, Api
from crawlers.sources.twitter.parse import Answer, Found, id_at, parse, time_of
from crawlers.sources.twitter.routes import Query, Routes
from crawlers.sources.twitter.settings import TwitterSettings
from crawlers.watch import Watch

PAGE: Final = 100

_DAY_MS: Final = 86_400_000
_RECENT_MS: Final = 7 * _DAY_MS - 60_000  # recent search refuses ids older than seven days
_MILLI_NS: Final = 1_000_000


class Reading(NamedTuple):
    """What one reading brought.

    Attributes:
        newest: highest id read; 0 where there was nothing.
        whole: False where older posts were left unread because of `gap_pages`.
    """

    newest: int
    whole: bool


class Reader:
    """Reads queries and timelines for one way of reading.

    Attributes:
        watches: of this way, by channel.
    """

    def __init__(
        self,
        settings: TwitterSettings,
        api: Api,
        room: Newsroom,
        routes: Routes,
        watches: Mapping[str, Watch],
    ) -> None:
        self.watches: Final = watches
        self._settings = settings
        self._api = api
        self._room = room
        self._routes = routes

    def watches_of(self, query: Query) -> list[Watch]:
        """Give the watches of a query's channels."""
        return [self.watches[channel] for channel in query.channels]

    async def read(self, query: Query, since: int | None, user_id: str | None = None) -> Reading:
        """Read what a query holds, or the timeline of `user_id`, and take it over, oldest first.

        Args:
            query: for a timeline, that of its account.
            since: the last post read, from whose time and a little before on is read; None reads
                one page.
            user_id: reads the account's timeline instead of searching.

        Raises:
            Retryable, Rejected: as `Api.ask`; also for an answer that can't be read. Nothing was
                taken, or it comes again with the next reading.
            Fatal: the bus has stopped.
        """
        found: list[tuple[Found, int]] = []
        token: str | None = None
        for _ in range(1 if since is None else self._settings.gap_pages):
            answer, received_ns = await self._page(query, since, user_id, token)
            found += [(one, received_ns) for one in answer.found]
            token = answer.next_token
            if token is None:
                break
        for one, received_ns in sorted(found, key=lambda pair: pair[0].id):
            for watch, entry in self.places(one, (query.tag,), query):
                await self._room.accept(watch, entry, received_ns)
        now_ns = self._room.clock.now_ns()
        for watch in self.watches_of(query):
            watch.answered(now_ns)
        newest = max((one.id for one, _ in found), default=0)
        return Reading(newest, whole=token is None or since is None)

    async def _page(
        self, query: Query, since: int | None, user_id: str | None, token: str | None
    ) -> tuple[Answer, int]:
        """Ask for one page."""
        since_id = self._since_id(since, searching=user_id is None)
        if user_id is None:
            body = await self._api.ask(
                RECENT,
                lambda client: client.search_recent_tweets(
                    query.text, since_id=since_id, next_token=token, max_results=PAGE, **FIELDS
                ),
            )
        else:
            body = await self._api.ask(
                TIMELINE,
                lambda client: client.get_users_tweets(
                    user_id, since_id=since_id, pagination_token=token, max_results=PAGE, **FIELDS
                ),
            )
        received_ns = self._room.clock.now_ns()
        answer = await asyncio.to_thread(parse, body, _only_account(query))
        if answer.broken is not None:
            await self._room.accept(self.watches_of(query)[0], answer.broken, received_ns)
            raise Retryable(f"an answer to {query.text!r} can't be read: {answer.broken.detail}")
        return answer, received_ns

    def _since_id(self, since: int | None, *, searching: bool) -> str | None:
        """Go back a little from the last post read, but no further than X searches."""
        if since is None:
            return None
        time_ms = time_of(str(since))
        if time_ms is not None:
            since = id_at(time_ms - self._settings.overlap_ms)
            if searching:
                now_ms = self._room.clock.now_ns() // _MILLI_NS
                since = max(since, id_at(now_ms - _RECENT_MS))
        return str(since)

    def places(
        self, one: Found, tags: Iterable[str], query: Query | None = None
    ) -> list[tuple[Watch, Item | Refusal]]:
        """Give a post's watches; what belongs nowhere is counted with the first channel."""
        channels = self._routes.of(one.author, one.answered, tags)
        places = [(self.watches[name], one.entry) for name in channels if name in self.watches]
        if places:
            return places
        first = self.watches[query.channels[0]] if query else next(iter(self.watches.values()))
        if isinstance(one.entry, Refusal):
            return [(first, one.entry)]
        first.intake.counts.ignored += 1
        return []


def position(watches: Iterable[Watch]) -> int | None:
    """Give the last post that was read for these channels; None at the first start."""
    cursors = [watch.intake.channel.cursor for watch in watches]
    return max((int(one) for one in cursors if one and _is_id(one)), default=None)


def move(watches: Iterable[Watch], newest: int) -> None:
    """Move the cursors to a post up to which everything was taken; never back."""
    for watch in watches:
        channel = watch.intake.channel
        old = channel.cursor
        if newest > (int(old) if old and _is_id(old) else 0):
            channel.cursor = str(newest)


def _is_id(cursor: str) -> bool:
    return cursor.isascii() and cursor.isdecimal() and len(cursor) <= len(str(2**63))


def _only_account(query: Query) -> str | None:
    """Name the author of all of a query's posts, where there can be only one."""
    handle = query.text.removeprefix("from:")
    return handle if handle != query.text and " " not in handle else None
