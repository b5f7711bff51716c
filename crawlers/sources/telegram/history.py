"""A channel's past, read by message id from the range's start on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from crawlers.history import Cost, Page
from crawlers.item import Item, Refusal
from crawlers.normalise import Limits
from crawlers.sources.telegram.line import Line, LineBrokenError, SessionLostError
from crawlers.sources.telegram.pages import PAGE, after, album_of, newest
from crawlers.sources.telegram.parse import (
    ALBUM_PARTS,
    Message,
    Names,
    gather,
    is_post,
    read,
    sent_time,
)
from crawlers.sources.telegram.peers import Peer, find
from crawlers.sources.telegram.settings import ChannelSettings, TelegramSettings

SOURCE: Final = "telegram"

_SECOND_NS: Final = 1_000_000_000
_ALBUM_NS: Final = 60 * _SECOND_NS  # an album that began within the range has ended after this


class Past:
    """The one connection that all histories of an account share, made anew when it breaks."""

    def __init__(self, settings: TelegramSettings) -> None:
        self._settings = settings
        self._line: Line | None = None

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """Give the connection, opening it where there is none; a broken one is hung up.

        Raises:
            Retryable, Rejected: as `Line.open`.
        """
        try:
            if self._line is None:
                self._line = await _opened(self._settings)
            yield self._line
        except (LineBrokenError, SessionLostError):
            await self.close()
            raise

    async def close(self) -> None:
        """Hang up."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()


async def _opened(settings: TelegramSettings) -> Line:
    line = Line(settings)
    try:
        await line.open()
    except BaseException:
        await line.close()
        raise
    return line


class TelegramHistory:
    """One channel's past; see `crawlers.history.History`.

    The cursor is the id of the last message before the page. A page never ends within an album.
    """

    source: str = SOURCE

    def __init__(self, channel: ChannelSettings, past: Past, limits: Limits) -> None:
        self.channel = channel.channel
        self.limits = limits
        self._settings = channel
        self._past = past
        self._peer: Peer | None = None

    async def cost(self, since_ns: int, until_ns: int) -> Cost:
        """Estimate by the ids at both ends of the range, which takes two or three requests.

        Raises:
            Retryable, Rejected: as `page`.
        """
        async with self._past.line() as line:
            peer = await self._found(line)
            last = await newest(line, peer, 1, before_s=-(-until_ns // _SECOND_NS))
            first = await newest(line, peer, 1, before_s=since_ns // _SECOND_NS)
        most = 0
        if last.messages:
            most = last.messages[-1].id - (first.messages[-1].id if first.messages else 0)
        return Cost(
            requests=-(-most // PAGE) + 1,
            exact=False,
            quota=f"the account's request rate; at most {most} messages",
        )

    async def page(self, since_ns: int, until_ns: int, cursor: str | None) -> Page:
        """Read the next hundred messages, oldest first.

        Raises:
            Retryable: no answer, or Telegram asks to wait; with how long.
            Rejected: the channel can't be read, or the session is no longer taken.
        """
        past_id = int(cursor) if cursor is not None else None
        async with self._past.line() as line:
            peer = await self._found(line)
            found = await after(line, peer, past_id, since_s=since_ns // _SECOND_NS)
            messages = found.messages
            first = messages[0] if messages else None
            if past_id is None and first and is_post(first) and first.grouped_id is not None:
                # The range may begin within an album, which counts as its first part does.
                earlier = [one for one in await album_of(line, peer, first) if one.id < first.id]
                messages = [*earlier, *messages]
        if not messages:
            return Page((), None, until_ns)
        times = [time for one in messages if (time := _time(one)) is not None]
        reached_ns = times[-1] * _SECOND_NS if times else None
        posts = gather(messages)
        if reached_ns is not None and reached_ns >= until_ns + _ALBUM_NS:
            return Page(self._entries(posts, found.names), None, reached_ns)
        whole, last_id = _whole(posts, messages[-1].id)
        return Page(self._entries(whole, found.names), str(last_id), reached_ns)

    def _entries(self, posts: list[list[Message]], names: Names) -> list[Item | Refusal]:
        return [read(parts, names, self._settings) for parts in posts]

    async def _found(self, line: Line) -> Peer:
        if self._peer is None:
            self._peer = await find(line, self._settings)
        return self._peer


def _time(message: Message) -> int | None:
    return sent_time(message) if getattr(message, "date", None) is not None else None


def _whole(posts: list[list[Message]], last_id: int) -> tuple[list[list[Message]], int]:
    """Leave out an album that may go on behind the page, and tell where the next page begins.

    A page that begins with that album holds all of it.
    """
    for index, parts in enumerate(posts):
        if index and parts[0].grouped_id is not None and parts[0].id > last_id - ALBUM_PARTS:
            return posts[:index], parts[0].id - 1
    return posts, last_id
