"""Follows Telegram with one account: one connection for all channels, made anew when lost."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Final

from telethon import types

from core.contracts.clock import Clock
from core.contracts.errors import Retryable
from core.runtime.backoff import delays
from crawlers.history import History
from crawlers.newsroom import Newsroom, Task
from crawlers.normalise import Limits
from crawlers.sources.telegram.follow import Follower
from crawlers.sources.telegram.history import SOURCE, Past, TelegramHistory
from crawlers.sources.telegram.line import Line, SessionLostError, load_session
from crawlers.sources.telegram.settings import TelegramSettings

__all__ = ["SOURCE", "open_histories", "open_source"]

_FIRST_WAIT_MS: Final = 200
_LONGEST_WAIT_MS: Final = 60_000
_SESSION_WAIT_S: Final = 300.0  # somebody must log in first
_MISSED_CHECKS: Final = 3
_SECOND_NS: Final = 1_000_000_000

# Connections are made anew here, not by the library, which takes each loss for an error.
logging.getLogger("telethon.network.mtprotosender").setLevel(logging.CRITICAL)

PeerKey = tuple[bool, int]  # whether it is a small group, and its bare id


async def open_source(settings: TelegramSettings, room: Newsroom) -> dict[str, Task]:
    """Build the channels, all followed by one task.

    Raises:
        ConfigurationError: there is no session; the message names the steps to one.
        Retryable: the cursor store can't be reached.
    """
    load_session(settings)  # before anything runs
    source = TelegramSource(settings, room)
    for channel in settings.channels:
        watch = await room.watch(
            SOURCE,
            channel.channel,
            answer_limit_ms=settings.check_interval_ms * _MISSED_CHECKS + settings.timeout_ms,
        )
        source.add(Follower(settings, channel, watch, room, source.fail))
    return {SOURCE: source.run}


@asynccontextmanager
async def open_histories(
    settings: TelegramSettings,
    limits: Limits,
    *,
    clock: Clock,  # noqa: ARG001 - every source is opened with the same
    jitter: Random,  # noqa: ARG001
) -> AsyncIterator[Sequence[History]]:
    """Open the past of every configured channel; connects when the first page is asked for.

    Raises:
        ConfigurationError: there is no session.
    """
    if settings.channels:
        load_session(settings)
    past = Past(settings)
    try:
        yield [TelegramHistory(channel, past, limits) for channel in settings.channels]
    finally:
        await past.close()


class TelegramSource:
    """One account's channels.

    Args:
        settings: the account.
        room: see `Newsroom`.
    """

    def __init__(self, settings: TelegramSettings, room: Newsroom) -> None:
        self._settings = settings
        self._clock = room.clock
        self._jitter = room.jitter
        self._sleep = room.sleep
        self._followers: dict[PeerKey, Follower] = {}
        self._failed: asyncio.Future[None] | None = None

    def add(self, follower: Follower) -> None:
        """Follow one more channel; before `run`."""
        channel = follower.channel
        self._followers[channel.is_small_group, channel.bare_id] = follower

    def fail(self, error: Exception) -> None:
        """Hear what must end the source, from where nobody would notice an exception."""
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    async def run(self) -> None:
        """Follow all channels until cancelled, connecting again after every loss.

        Raises:
            Fatal: the bus has stopped.
        """
        backoff = delays(_FIRST_WAIT_MS, _LONGEST_WAIT_MS, 2.0, self._jitter)
        while True:
            started_ns = self._clock.now_ns()
            try:
                await self._connection()
            except SessionLostError as error:
                self._lost(str(error))
                wait_s = _SESSION_WAIT_S
            except Retryable as error:
                self._lost(str(error))
                if any(one.watch.answered_ns > started_ns for one in self._followers.values()):
                    # it worked for a while: this failure is a first one
                    backoff = delays(_FIRST_WAIT_MS, _LONGEST_WAIT_MS, 2.0, self._jitter)
                wait_s = next(backoff) / 1000 + (error.retry_after_ns or 0) / _SECOND_NS
            await self._sleep(wait_s)

    async def _connection(self) -> None:
        """Live through one connection.

        Raises:
            Retryable, SessionLostError: why it ended.
            Fatal: the bus has stopped.
        """
        self._failed = asyncio.get_running_loop().create_future()
        line = Line(self._settings, self._on_update)
        tasks: set[asyncio.Future[Any]] = {self._failed}
        try:
            await line.open()
            for follower in self._followers.values():
                follower.watch.opened()
                tasks.add(asyncio.ensure_future(follower.run(line)))
            tasks.add(asyncio.ensure_future(line.ended()))
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await line.close()

    def _lost(self, why: str) -> None:
        for follower in self._followers.values():
            follower.watch.lost(why)

    def _on_update(self, update: Any) -> None:  # noqa: ANN401 - any of telethon's updates
        """Give an update to the channel it belongs to."""
        received_ns = self._clock.now_ns()
        try:
            follower = self._followers.get(_peer_of(update))
            if follower is not None:
                follower.hear(update, getattr(update, "_entities", {}), received_ns)
            elif isinstance(update, types.UpdateDeleteMessages):
                self._without_a_channel(update)
        except Exception as error:
            self.fail(error)  # telethon would log it and go on
            raise

    def _without_a_channel(self, update: Any) -> None:  # noqa: ANN401
        """Count deletions that do not say where: of private chats, or of any small group."""
        for (is_small_group, _), follower in self._followers.items():
            if is_small_group:
                follower.watch.intake.counts.ignored += len(update.messages)


def _peer_of(update: Any) -> PeerKey:  # noqa: ANN401 - any of telethon's updates
    """Tell which channel or group an update is about; (False, 0) for none."""
    channel_id = getattr(update, "channel_id", None)
    if channel_id is None:
        peer = getattr(getattr(update, "message", None), "peer_id", None)
        chat_id = getattr(peer, "chat_id", None)
        if chat_id is not None:
            return True, int(chat_id)
        channel_id = getattr(peer, "channel_id", None)
    return False, int(channel_id or 0)
