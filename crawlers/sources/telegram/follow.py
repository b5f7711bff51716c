"""Follows one channel: updates as they come, and whatever was missed, in order."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec
from telethon import functions, types

from core.contracts.errors import Rejected, Retryable
from crawlers.newsroom import Newsroom
from crawlers.sources.telegram.line import Line, LineBrokenError, SessionLostError
from crawlers.sources.telegram.pages import after, album_of, newest
from crawlers.sources.telegram.parse import Message, Names, is_post
from crawlers.sources.telegram.peers import NEVER_KNOWN, Peer, find, names_in
from crawlers.sources.telegram.posts import Posts
from crawlers.sources.telegram.settings import ChannelSettings, TelegramSettings
from crawlers.watch import Watch

_FIRST_PAGE: Final = 20
_DIFFERENCE: Final = 100
_MOST_HELD: Final = 1_000
_BUS_FULL_WAIT_S: Final = 0.05
_LOOK_AGAIN_S: Final = 5.0
_REFUSED_WAIT_S: Final = 600.0
_TROUBLE_WAIT_S: Final = 30.0
_SECOND_NS: Final = 1_000_000_000

_NEW: Final = (types.UpdateNewChannelMessage, types.UpdateNewMessage)
_EDIT: Final = (types.UpdateEditChannelMessage, types.UpdateEditMessage)


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a channel was read, as JSON in the cursor.

    Attributes:
        id: of the newest message that was taken.
        pts: the channel's count of changes (https://core.telegram.org/api/updates) up to which
            edits and deletions were taken; 0 for none.
        hash: what this account needs to name the channel; 0 for none.
    """

    id: int = -1
    pts: int = 0
    hash: int = 0


def read_cursor(cursor: str | None) -> Cursor:
    """Read a kept cursor; one that can't be read is as good as none."""
    if cursor is None:
        return Cursor()
    try:
        return msgspec.json.decode(cursor, type=Cursor)
    except msgspec.DecodeError:
        return Cursor()


class _Heard(NamedTuple):
    """An update that waits for its turn; a number is the album whose window is over."""

    update: Any
    names: Names
    received_ns: int


class Follower:
    """One channel.

    Updates are taken as they come while nothing is missing. Otherwise they wait until what is
    missing was asked for, so that the order is kept; when Telegram makes us wait for that, they are
    taken at once, and the cursor stays where it is until the rest has come.

    Args:
        settings: of the account.
        channel: which one.
        watch: where its events go, and how it is doing.
        room: see `Newsroom`.
        fail: hears what ends the source, such as the bus's `Fatal`.

    Attributes:
        channel: as given.
        watch: as given.
    """

    def __init__(
        self,
        settings: TelegramSettings,
        channel: ChannelSettings,
        watch: Watch,
        room: Newsroom,
        fail: Callable[[Exception], None],
    ) -> None:
        self.channel: Final = channel
        self.watch: Final = watch
        watch.connected = False
        kept = read_cursor(watch.intake.channel.cursor)
        self._taken = kept.id
        self._pts = kept.pts
        self._hash = kept.hash
        self._posts = Posts(
            channel,
            watch,
            newest=kept.id,
            window_ms=settings.album_window_ms,
            on_window=self._window_over,
        )
        self._check_s = settings.check_interval_ms / 1000
        self._clock = room.clock
        self._jitter = room.jitter
        self._sleep = room.sleep
        self._fail = fail
        self._held: deque[_Heard] = deque()
        self._wake = asyncio.Event()
        self._busy = False  # the worker is reading: updates wait
        self._behind = True  # something is missing: the cursor must not move
        self._released = False  # what is missing can't be asked for now: updates do not wait
        self._missed = False  # an update was dropped meanwhile
        self._compared = False  # the history was looked at on this connection
        self._next_at = 0.0  # when to ask next, by the loop's clock

    def hear(self, update: Any, names: Names, received_ns: int) -> None:  # noqa: ANN401 - any update
        """Take an update over at once, or hold it until it is its turn.

        Raises:
            Fatal: the bus has stopped.
        """
        self.watch.answered_ns = received_ns
        heard = _Heard(update, names, received_ns)
        if not self._busy and not self._held and self._is_next(heard):
            try:
                self._take(heard)
            except Retryable:
                pass
            else:
                return
        if len(self._held) < _MOST_HELD:
            self._held.append(heard)
        else:
            self._behind = self._missed = True  # Telegram has it: it is asked for later
        self._wake.set()

    def _window_over(self, grouped_id: int) -> None:
        """Hear from the loop's timer that an album has waited long enough."""
        try:
            self.hear(grouped_id, {}, self._clock.now_ns())
        except Exception as error:
            self._fail(error)
            raise

    async def run(self, line: Line) -> None:
        """Follow over one connection until it breaks.

        Raises:
            LineBrokenError, SessionLostError: another connection is needed.
            Fatal: the bus has stopped.
        """
        self._posts.drop_album()  # its parts are read again
        self._held.clear()
        self._behind, self._released, self._compared = True, False, False
        loop = asyncio.get_running_loop()
        self._next_at = loop.time()
        while True:
            self._busy = True
            if loop.time() >= self._next_at or self.watch.should_reconnect(self._clock.now_ns()):
                await self._catch_up(line)
            await self._drain(line)
            self._busy = False
            if self._behind and not self._released:
                self._next_at = loop.time()
                continue
            self._wake.clear()
            try:
                async with asyncio.timeout(min(_LOOK_AGAIN_S, self._next_at - loop.time())):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _catch_up(self, line: Line) -> None:
        """Ask for all that is missing; when that can't be had, say why and when to try again."""
        self._behind, self._missed = True, False
        now = asyncio.get_running_loop().time()
        try:
            async with line.slots:
                await self._ask_for_missing(line)
        except (LineBrokenError, SessionLostError):
            raise
        except Retryable as error:
            wait_s = _TROUBLE_WAIT_S
            if error.retry_after_ns is None:
                self.watch.failed(str(error))
            else:
                wait_s = error.retry_after_ns / _SECOND_NS
                again = datetime.fromtimestamp(self._clock.now_ns() / _SECOND_NS + wait_s, UTC)
                self.watch.note = f"{error}, until {again:%H:%M:%S} UTC"
            self._released = True
            self._next_at = now + wait_s + self._jitter.random()
        except Rejected as error:
            self.watch.failed(str(error))
            self._released = True
            # The hash of another account is refused, too: the next try goes without it.
            self._next_at = now if self._hash else now + _REFUSED_WAIT_S
            self._hash = 0
        else:
            self.watch.answered(self._clock.now_ns())
            self.watch.note = None
            self._behind, self._released = self._missed, False
            self._next_at = now + self._check_s * (0.9 + 0.2 * self._jitter.random())
            self._move(max(self._taken, self._posts.newest))

    async def _ask_for_missing(self, line: Line) -> None:
        """Read the changes since the last one taken, and the messages after the newest one."""
        peer = await find(line, self.channel, self._hash)
        self._hash = getattr(peer, "access_hash", NEVER_KNOWN)
        whole = not self.channel.is_small_group and self._pts and await self._changes(line, peer)
        if not whole or not self._compared:
            await self._newer(line, peer)
            self._compared = True

    async def _changes(self, line: Line, peer: Peer) -> bool:
        """Read new messages, edits and deletions since `pts`; False when there are too many."""
        channel = types.InputChannel(peer.channel_id, peer.access_hash)
        while True:
            answer = await line.ask(
                functions.updates.GetChannelDifferenceRequest(
                    channel, types.ChannelMessagesFilterEmpty(), self._pts, _DIFFERENCE
                )
            )
            received_ns = self._clock.now_ns()
            if isinstance(answer, types.updates.ChannelDifferenceTooLong):
                self._pts = answer.dialog.pts or 0
                return False
            if isinstance(answer, types.updates.ChannelDifference):
                names = names_in(answer)
                messages = sorted(answer.new_messages, key=lambda one: one.id)
                await self._take_page(line, peer, messages, names, received_ns)
                for update in answer.other_updates:
                    heard = _Heard(update, names, received_ns)
                    if self._needs_album(heard):
                        await self._ask_for_album(line, update.message, peer)
                    await self._settled(heard)
            self._pts = answer.pts
            self._move(max(self._taken, self._posts.newest))
            if answer.final or isinstance(answer, types.updates.ChannelDifferenceEmpty):
                return True

    async def _newer(self, line: Line, peer: Peer) -> None:
        """Read the messages after the newest one taken; at a first start, the newest page."""
        last_id = self._taken
        if last_id < 0:
            found = await newest(line, peer, _FIRST_PAGE)
        else:
            found = await after(line, peer, last_id)
        self._pts = self._pts or found.pts
        while found.messages:
            received_ns = self._clock.now_ns()
            await self._take_page(line, peer, found.messages, found.names, received_ns)
            last_id = found.messages[-1].id
            self._move(self._posts.taken_to(last_id))
            found = await after(line, peer, last_id)

    async def _take_page(
        self, line: Line, peer: Peer, messages: list[Message], names: Names, received_ns: int
    ) -> None:
        """Take messages over, oldest first; an album that begins before them is completed."""
        first = messages[0] if messages else None
        if first is not None and self._is_part_of_unknown(first):
            earlier = [one for one in await album_of(line, peer, first) if one.id < first.id]
            if earlier and earlier[-1].id <= self._taken:
                self._posts.recent.keep(first.grouped_id, {one.id: one for one in earlier})
            else:
                messages = [*earlier, *messages]
        for message in messages:
            update = types.UpdateNewChannelMessage(message, 0, 0)
            await self._settled(_Heard(update, names, received_ns))

    def _is_part_of_unknown(self, message: Message) -> bool:
        grouped = message.grouped_id if is_post(message) else None
        return (
            grouped is not None
            and grouped not in self._posts.recent
            and not self._posts.is_open(grouped)
        )

    async def _drain(self, line: Line) -> None:
        """Take what was held, in order, unless something before it is missing."""
        while self._held:
            heard = self._held[0]
            self._behind = self._behind or self._is_gap(heard)
            if self._behind and not self._released:
                return
            if not self._needs_album(heard) or await self._has_album(line, heard):
                await self._settled(heard)
            self._held.popleft()

    async def _has_album(self, line: Line, heard: _Heard) -> bool:
        """Ask for the other parts of an edited album; False when they can't be had."""
        try:
            await self._ask_for_album(line, heard.update.message)
        except LineBrokenError:
            raise
        except Retryable:
            self._behind = True  # the edit comes again with the changes
            return False
        except Rejected as error:
            self.watch.failed(f"edit of album part {heard.update.message.id} not read: {error}")
            return False
        return True

    async def _ask_for_album(self, line: Line, part: Message, peer: Peer | None = None) -> None:
        peer = peer or await find(line, self.channel, self._hash)
        parts = await album_of(line, peer, part)
        self._posts.recent.keep(part.grouped_id, {one.id: one for one in parts})

    async def _settled(self, heard: _Heard) -> None:
        """Take an update over, when the bus has room, after letting others have their turn."""
        await asyncio.sleep(0)
        while True:
            try:
                self._take(heard)
            except Retryable:
                await self._sleep(_BUS_FULL_WAIT_S)
            else:
                return

    def _is_next(self, heard: _Heard) -> bool:
        """Say whether an update may be taken right now."""
        if self._is_gap(heard):
            self._behind = True
        return (self._released or not self._behind) and not self._needs_album(heard)

    def _is_gap(self, heard: _Heard) -> bool:
        """Say whether changes are missing between the last one taken and this one."""
        if self._behind or not self._pts or self.channel.is_small_group:
            return False
        pts = getattr(heard.update, "pts", None) or 0
        return pts - (getattr(heard.update, "pts_count", None) or 0) > self._pts

    def _needs_album(self, heard: _Heard) -> bool:
        return isinstance(heard.update, _EDIT) and self._posts.needs_album(heard.update.message)

    def _take(self, heard: _Heard) -> None:
        """Take an update over. What came before is taken again without harm: it has the same id.

        Raises:
            Retryable: the bus is full; call again.
        """
        update, names, received_ns = heard
        if isinstance(update, int):
            self._posts.close_album(update)
        elif isinstance(update, _NEW):
            self._posts.new(update.message, names, received_ns)
        elif isinstance(update, _EDIT):
            self._posts.edited(update.message, names, received_ns)
        elif isinstance(update, types.UpdateDeleteChannelMessages):
            self._posts.deleted(update.messages, received_ns)
        if not self._behind:
            if not self.channel.is_small_group:
                self._pts = max(self._pts, getattr(update, "pts", None) or 0)
            self._move(max(self._taken, self._posts.newest))

    def _move(self, taken: int) -> None:
        """Move the cursor."""
        self._taken = taken
        cursor = Cursor(id=taken, pts=self._pts, hash=self._hash)
        self.watch.intake.channel.cursor = msgspec.json.encode(cursor).decode()
