"""Asks for what was missed of a channel: changes since the last one, messages after the newest."""

from collections.abc import Awaitable, Callable
from typing import Final

from telethon import functions, types

from core.contracts.clock import Clock
from crawlers.sources.telegram.line import Line
from crawlers.sources.telegram.pages import after, album_of, newest
from crawlers.sources.telegram.parse import Message, Names, is_post
from crawlers.sources.telegram.peers import NEVER_KNOWN, Peer, find, names_in
from crawlers.sources.telegram.place import Place
from crawlers.sources.telegram.posts import Posts
from crawlers.sources.telegram.settings import ChannelSettings
from crawlers.sources.telegram.updates import Heard, needs_album, new

_FIRST_PAGE: Final = 20
_CHANGES: Final = 100

Settle = Callable[[Heard], Awaitable[None]]


class Missing:
    """One channel's way back to what it missed.

    Everything is read oldest first, and the place moves with each page that was taken.

    Args:
        channel: which one.
        place: how far it was read.
        posts: where its albums are put together.
        clock: for times of receipt.
        settle: takes one update over, waiting until the bus has room.
    """

    def __init__(
        self, channel: ChannelSettings, place: Place, posts: Posts, clock: Clock, settle: Settle
    ) -> None:
        self._channel = channel
        self._place = place
        self._posts = posts
        self._clock = clock
        self._settle = settle

    async def read(self, line: Line, *, compare: bool) -> None:
        """Read what is missing.

        The changes hold new messages, edits and deletions. Messages are also asked for by id where
        changes are not known (small groups, a first start), where there are too many of them, and
        with `compare`.

        Raises:
            Retryable, Rejected: as `Line.ask`; what was taken until then stays taken.
        """
        place = self._place
        peer = await self._find(line)
        counted = place.pts > 0 and not self._channel.is_small_group
        too_many_to = await self._changes(line, peer) if counted else None
        if compare or not counted or too_many_to is not None:
            await self._newer(line, peer)
        place.pts = too_many_to or place.pts  # not before the messages were read
        place.move(self._posts.newest)

    async def ask_for_album(self, line: Line, part: Message) -> None:
        """Fetch all parts of an album into the recent ones.

        Raises:
            Retryable, Rejected: as `Line.ask`.
        """
        await self._album(line, await self._find(line), part)

    async def _find(self, line: Line) -> Peer:
        peer = await find(line, self._channel, self._place.hash)
        self._place.hash = getattr(peer, "access_hash", NEVER_KNOWN)
        return peer

    async def _album(self, line: Line, peer: Peer, part: Message) -> None:
        parts = await album_of(line, peer, part)
        self._posts.recent.keep(part.grouped_id, {one.id: one for one in parts})

    async def _changes(self, line: Line, peer: Peer) -> int | None:
        """Read what changed since `pts`; where that is too much to list, give the present one."""
        place = self._place
        channel = types.InputChannel(peer.channel_id, peer.access_hash)
        while True:
            answer = await line.ask(
                functions.updates.GetChannelDifferenceRequest(
                    channel, types.ChannelMessagesFilterEmpty(), place.pts, _CHANGES
                )
            )
            received_ns = self._clock.now_ns()
            if isinstance(answer, types.updates.ChannelDifferenceTooLong):
                return int(answer.dialog.pts or 0)
            if isinstance(answer, types.updates.ChannelDifference):
                names = names_in(answer)
                messages = sorted(answer.new_messages, key=lambda one: one.id)
                await self._take_page(line, peer, messages, names, received_ns)
                for update in answer.other_updates:
                    heard = Heard(update, names, received_ns)
                    if needs_album(heard, self._posts):
                        await self._album(line, peer, update.message)
                    await self._settle(heard)
                if messages:
                    place.taken = max(place.taken, self._posts.taken_to(messages[-1].id))
            place.pts = answer.pts
            place.move(place.taken)
            if answer.final:
                return None

    async def _newer(self, line: Line, peer: Peer) -> None:
        """Read the messages after the newest one taken; at a first start, the newest page."""
        place = self._place
        if place.taken < 0:
            found = await newest(line, peer, _FIRST_PAGE)
        else:
            found = await after(line, peer, place.taken)
        place.pts = place.pts or found.pts
        while found.messages:
            received_ns = self._clock.now_ns()
            await self._take_page(line, peer, found.messages, found.names, received_ns)
            last_id = found.messages[-1].id
            place.move(self._posts.taken_to(last_id))
            found = await after(line, peer, last_id)

    async def _take_page(
        self, line: Line, peer: Peer, messages: list[Message], names: Names, received_ns: int
    ) -> None:
        """Take messages over, oldest first; an album that began before them is completed."""
        first = messages[0] if messages else None
        if first is not None and self._is_part_of_unknown(first):
            earlier = [one for one in await album_of(line, peer, first) if one.id < first.id]
            if earlier and earlier[-1].id <= self._place.taken:
                self._posts.recent.keep(first.grouped_id, {one.id: one for one in earlier})
            else:
                messages = [*earlier, *messages]
        for message in messages:
            await self._settle(new(message, names, received_ns))

    def _is_part_of_unknown(self, message: Message) -> bool:
        grouped = message.grouped_id if is_post(message) else None
        return (
            grouped is not None
            and grouped not in self._posts.recent
            and not self._posts.is_open(grouped)
        )
