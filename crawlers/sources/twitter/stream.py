"""Follows the filtered stream: rules, keep-alives, reconnects, and the gaps these leave."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp
from aiohttp.http_exceptions import LineTooLong
from tweepy.asynchronous import AsyncStreamingClient  # type: ignore[import-untyped]

from core.contracts.errors import Fatal, Rejected, Retryable
from crawlers.http import USER_AGENT
from crawlers.item import Refusal, RefusalReason
from crawlers.newsroom import Newsroom
from crawlers.server_waits import spent_wait_ns
from crawlers.sources.twitter.api import FIELDS, RULES, STREAM, AnswerError, Api
from crawlers.sources.twitter.gaps import Gap
from crawlers.sources.twitter.keys import SECOND_NS, Failure
from crawlers.sources.twitter.parse import parse
from crawlers.sources.twitter.reading import Reader, move, position
from crawlers.sources.twitter.routes import Query, Routes
from crawlers.sources.twitter.rules import synchronise
from crawlers.sources.twitter.settings import TwitterSettings

_LOOK_AGAIN_S: Final = 1.0
_SILENCE_SPACING_NS: Final = 900 * SECOND_NS  # X counts connections by quarters of an hour
_QUICK_RECONNECT_S: Final = 0.25


class _EndedError(Exception):
    """Ends tweepy's own loop, which would connect again without rules, keys and gaps in mind."""


class _Connection(AsyncStreamingClient):  # type: ignore[misc]
    """One connection; what tweepy hears goes to the stream.

    Attributes:
        failure: why it ended.
    """

    def __init__(self, token: str, stream: "Stream") -> None:
        super().__init__(token, return_type=aiohttp.ClientResponse)
        self.user_agent = USER_AGENT
        self.failure: Exception | None = None
        self._stream = stream

    async def on_connect(self) -> None:
        self._stream.on_connected()

    async def on_data(self, raw_data: bytes) -> None:
        await self._stream.on_line(raw_data)

    async def on_keep_alive(self) -> None:
        self._stream.on_keep_alive()

    async def on_closed(self, resp: aiohttp.ClientResponse) -> None:  # noqa: ARG002 - tweepy's
        raise _EndedError("X closed the stream")

    async def on_connection_error(self) -> None:
        raise _EndedError("the stream broke off or fell silent")

    async def on_exception(self, exception: Exception) -> None:
        self.failure = exception

    async def on_disconnect(self) -> None:
        """Nothing to tell: `failure` does."""


class Stream:
    """The filtered stream of all channels.

    Args:
        settings: as configured.
        api: for keys, sessions, and the searches that fill gaps.
        room: see `Newsroom`.
        routes: which post belongs where.
        reader: holds this way's watches.
    """

    def __init__(
        self,
        settings: TwitterSettings,
        api: Api,
        room: Newsroom,
        routes: Routes,
        reader: Reader,
    ) -> None:
        self._settings = settings
        self._api = api
        self._room = room
        self._routes = routes
        self._reader = reader
        self._watches = tuple(reader.watches.values())
        self._now_ns: Callable[[], int] = room.clock.now_ns
        self._gap = Gap(settings, api, room, routes, reader)
        self._queries: dict[str, Query] = {}  # by rule id
        self._label = ""  # of the key in use
        self._spent_ns: int | None = None  # how long X wants no more connections with it
        self._newest = 0  # of what the stream brought
        self._heard = False  # anything on this connection
        self._reconnected_ns = room.clock.now_ns()
        for watch in self._watches:
            watch.connected = False

    async def run(self) -> None:
        """Follow the stream until cancelled, connecting again after every loss.

        Raises:
            Fatal: the bus has stopped.
        """
        async with self._api:
            try:
                while True:
                    await self._follow()
            finally:
                await self._gap.stop()

    async def _follow(self) -> None:
        """Connect with a key that is free, and live through the connection."""
        api, endpoints = self._api, (STREAM, RULES)
        now_ns = self._now_ns()
        label = api.pool.pick(endpoints, now_ns)
        if label is None:
            self._lost(str(api.pool.spent(endpoints, now_ns)))
            wait_ns = api.pool.free_ns(endpoints) - now_ns
            await self._room.sleep(max(0, wait_ns) / SECOND_NS)
            return
        self._heard, self._label, self._spent_ns = False, label, None
        try:
            await self._connection(label)
        except Rejected as error:  # the same again gets the same, so not at once
            self._lost(str(error))
            api.pool.failed(label, STREAM, Failure.SERVER, str(error), self._now_ns())
        if self._heard:  # at once, but for a moment that keeps clients from coming all together
            await self._room.sleep(_QUICK_RECONNECT_S * self._room.jitter.random())

    async def _connection(self, label: str) -> None:
        """Live through one connection, and tell the pool how it ended.

        Raises:
            Rejected: X finds the request itself wrong.
            Fatal: the bus has stopped.
        """
        api, settings = self._api, self._settings
        keep_alive_s = settings.keep_alive_timeout_ms / 1000
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=settings.timeout_ms / 2000, sock_read=keep_alive_s
        )
        client = _Connection(api.token(label), self)
        client.session = api.session(timeout, self._on_headers)
        try:
            if not await self._synchronise(client, label):
                return
            task = client.filter(backfill_minutes=settings.backfill_minutes or None, **FIELDS)
            try:
                await self._mind(task)
            finally:
                client.disconnect()
                await asyncio.wait((task,))
        finally:
            await client.session.close()
        failure = client.failure
        if isinstance(failure, Fatal):
            raise failure
        self._ended(label, failure)

    async def _synchronise(self, client: Any, label: str) -> bool:  # noqa: ANN401 - untyped
        """Bring the rules up to date; False where this key can't."""
        wanted = self._routes.queries(self._settings.rule_chars)
        try:
            synced = await synchronise(client, wanted, self._settings.rule_tag)
        except AnswerError as error:
            self._api.refused(label, RULES, error)
            self._lost(f"the rules could not be read or changed: key {label}: {error}")
            return False
        except (aiohttp.ClientError, OSError, json.JSONDecodeError) as error:
            self._api.lost(label, RULES, error)
            self._lost(f"the rules could not be read or changed: {error!r}")
            return False
        self._api.pool.answered(label, RULES, self._now_ns())
        self._queries = synced.queries
        refused = {
            channel: f"X refused the rule {query.text[:100]!r}: {why}"
            for query, why in synced.refused.items()
            for channel in query.channels
        }
        note = self._api.pool.note(self._now_ns())
        for channel, watch in self._reader.watches.items():
            watch.note = refused.get(channel) or self._gap.missing.get(channel) or note
        return True

    async def _mind(self, task: "asyncio.Task[None]") -> None:
        """Wait for the connection's end; end it where a channel is silent beyond its habit."""
        while not task.done():
            await asyncio.wait((task,), timeout=_LOOK_AGAIN_S)
            self._gap.check()
            now_ns = self._now_ns()
            silent = [watch for watch in self._watches if watch.should_reconnect(now_ns)]
            if silent and now_ns - self._reconnected_ns > _SILENCE_SPACING_NS:
                self._reconnected_ns = now_ns
                self._lost(f"{silent[0].name} is silent for longer than is usual: reconnecting")
                return

    def _ended(self, label: str, failure: Exception | None) -> None:
        """Say why a connection ended, and leave its key alone where it never worked."""
        if isinstance(failure, AnswerError):
            self._lost(f"key {label}: {failure}")
            self._api.refused(label, STREAM, failure)
            return
        if failure is None:
            return  # ended by `_mind`
        if isinstance(failure, LineTooLong):
            limit = self._settings.max_message_bytes
            refusal = Refusal(RefusalReason.TOO_LARGE, f"a line of more than {limit} bytes")
            self._watches[0].take(refusal)
        cause = failure.__context__ if isinstance(failure, _EndedError) else None
        why = f"{failure} ({cause!r})" if cause else str(failure) or repr(failure)
        self._lost(why)
        if not self._heard:
            self._api.lost(label, STREAM, failure)

    def _lost(self, why: str) -> None:
        for watch in self._watches:
            watch.lost(why)

    def _on_headers(self, headers: Mapping[str, str]) -> None:
        self._spent_ns = spent_wait_ns(headers, self._now_ns())

    def on_connected(self) -> None:
        """Hear that the stream is up: fill the gap since the last one."""
        for watch in self._watches:
            watch.opened()
        self._open_gap()

    def on_keep_alive(self) -> None:
        """Hear that the stream is up although there is nothing to say."""
        self._hear()
        if not self._gap.is_open:
            move(self._watches, self._newest)

    async def on_line(self, line: bytes) -> None:
        """Take a line's post over; waits, and so reads no further, while the bus is full.

        Raises:
            _EndedError: X is about to end the stream.
            Fatal: the bus has stopped.
        """
        received_ns = self._now_ns()
        answer = parse(line)
        if answer.broken is not None:
            await self._room.accept(self._watches[0], answer.broken, received_ns)
            self._open_gap()  # whatever it was is looked for
        tags = [self._queries[id_].tag for id_, _ in answer.rules if id_ in self._queries]
        for one in answer.found:
            for watch, entry in self._reader.places(one, tags):
                try:
                    watch.accept(entry, received_ns)
                except Retryable:
                    await self._room.accept(watch, entry, received_ns)
                if not self._gap.is_open:
                    move((watch,), one.id)
            self._newest = max(self._newest, one.id)
            self._gap.took(one.id)
        self._hear()
        if answer.disconnects:
            raise _EndedError("; ".join(answer.problems))

    def _open_gap(self) -> None:
        since = position(self._watches)
        if since is not None:
            self._gap.open(since)

    def _hear(self) -> None:
        """Note that the connection works, and with it its key."""
        now_ns = self._now_ns()
        for watch in self._watches:
            watch.answered(now_ns)
        if not self._heard:
            self._heard = True
            self._api.pool.answered(self._label, STREAM, now_ns, self._spent_ns)
