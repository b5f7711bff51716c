"""Follows one channel: updates as they come, and whatever was missed, in order."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from core.contracts.errors import Rejected, Retryable
from crawlers.newsroom import Newsroom
from crawlers.sources.telegram.line import Line, LineBrokenError, SessionLostError
from crawlers.sources.telegram.missing import Missing
from crawlers.sources.telegram.parse import Names
from crawlers.sources.telegram.peers import NEVER_KNOWN
from crawlers.sources.telegram.place import Place
from crawlers.sources.telegram.posts import Posts
from crawlers.sources.telegram.settings import ChannelSettings, TelegramSettings
from crawlers.sources.telegram.updates import Heard, needs_album, take
from crawlers.watch import Watch

_MOST_HELD: Final = 1_000
_BUS_FULL_WAIT_S: Final = 0.05
_LOOK_AGAIN_S: Final = 5.0
_REFUSED_WAIT_S: Final = 600.0
_TROUBLE_WAIT_S: Final = 30.0
_SECOND_NS: Final = 1_000_000_000


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
        self._place = Place(watch.intake.channel)
        self._posts = Posts(
            channel,
            watch,
            newest=self._place.taken,
            window_ms=settings.album_window_ms,
            on_window=self._window_over,
        )
        self._missing = Missing(channel, self._place, self._posts, room.clock, self._settle)
        self._check_s = settings.check_interval_ms / 1000
        self._clock = room.clock
        self._jitter = room.jitter
        self._sleep = room.sleep
        self._fail = fail
        self._held: deque[Heard] = deque()
        self._wake = asyncio.Event()
        self._busy = False  # the worker is reading: updates wait
        self._behind = True  # something is missing: the cursor must not move
        self._released = False  # what is missing can't be asked for now: updates do not wait
        self._dropped = False  # an update had no room to wait
        self._compared = False  # messages were asked for by id on this connection
        self._next_at = 0.0  # when to ask for what is missing, by the loop's clock

    def hear(self, update: Any, names: Names, received_ns: int) -> None:  # noqa: ANN401 - any update
        """Take an update over at once, or hold it until it is its turn.

        Raises:
            Fatal: the bus has stopped.
        """
        self.watch.answered_ns = received_ns
        heard = Heard(update, names, received_ns)
        if not self._busy and not self._held and self._may_take(heard):
            try:
                self._take(heard)
            except Retryable:
                pass
            else:
                return
        if len(self._held) < _MOST_HELD:
            self._held.append(heard)
        else:
            self._behind = self._dropped = True  # Telegram has it: it is asked for later
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
        self._behind, self._dropped = True, False
        now = asyncio.get_running_loop().time()
        try:
            async with line.slots:
                await self._missing.read(line, compare=not self._compared)
        except (LineBrokenError, SessionLostError):
            raise
        except Retryable as error:
            self._released = True
            self._next_at = now + self._wait_s(error) + self._jitter.random()
        except Rejected as error:
            self.watch.failed(str(error))
            self._released = True
            # The hash of another account is refused, too: the next try goes without it.
            self._next_at = now + (_REFUSED_WAIT_S if self._place.hash == NEVER_KNOWN else 0)
            self._place.hash = NEVER_KNOWN
        else:
            self.watch.answered(self._clock.now_ns())
            self.watch.note = None
            self._compared = True
            self._behind, self._released = self._dropped, False
            self._next_at = now + self._check_s * (0.9 + 0.2 * self._jitter.random())

    def _wait_s(self, error: Retryable) -> float:
        """Say in health why there is a wait, and give how long it is."""
        if error.retry_after_ns is None:
            self.watch.failed(str(error))
            return _TROUBLE_WAIT_S
        until = datetime.fromtimestamp(
            (self._clock.now_ns() + error.retry_after_ns) / _SECOND_NS, UTC
        )
        self.watch.note = f"{error}, until {until:%H:%M:%S} UTC"
        return error.retry_after_ns / _SECOND_NS

    async def _drain(self, line: Line) -> None:
        """Take what was held, in order, unless something before it is missing."""
        while self._held:
            heard = self._held[0]
            self._behind = self._behind or self._is_gap(heard)
            if self._behind and not self._released:
                return
            if not needs_album(heard, self._posts) or await self._has_album(line, heard):
                await self._settle(heard)
            self._held.popleft()

    async def _has_album(self, line: Line, heard: Heard) -> bool:
        """Ask for the other parts of an edited album; False when they can't be had."""
        part = heard.update.message
        try:
            await self._missing.ask_for_album(line, part)
        except LineBrokenError:
            raise
        except Retryable as error:
            self._wait_s(error)
            self._behind = True  # the edit comes again with the changes
            return False
        except Rejected as error:
            self.watch.failed(f"the edit of album part {part.id} was not read: {error}")
            return False
        return True

    async def _settle(self, heard: Heard) -> None:
        """Take an update over when the bus has room, after letting others have their turn."""
        await asyncio.sleep(0)
        while True:
            try:
                self._take(heard)
            except Retryable:
                await self._sleep(_BUS_FULL_WAIT_S)
            else:
                return

    def _may_take(self, heard: Heard) -> bool:
        """Say whether it is an update's turn right now."""
        self._behind = self._behind or self._is_gap(heard)
        return (self._released or not self._behind) and not needs_album(heard, self._posts)

    def _is_gap(self, heard: Heard) -> bool:
        """Say whether changes are missing between the last one taken and this one."""
        counted = self._place.pts > 0 and not self.channel.is_small_group
        return counted and heard.pts_before > self._place.pts

    def _take(self, heard: Heard) -> None:
        """Take an update over; the place moves along while nothing is missing.

        Raises:
            Retryable: the bus is full; call again.
            Fatal: the bus has stopped.
        """
        take(heard, self._posts)
        if not self._behind:
            if not self.channel.is_small_group:
                self._place.pts = max(self._place.pts, heard.pts)
            self._place.move(self._posts.newest)
