"""Follows a news stream: from the socket to the bus in one callback, and back after every cut."""

import asyncio
from collections import deque
from typing import Final

import msgspec
from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from yarl import URL

from core.contracts.clock import Clock
from core.contracts.errors import Retryable
from core.runtime.backoff import delays
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.newsroom import Newsroom, Task
from crawlers.normalise import is_plain_id
from crawlers.sources.newswire.parse import make_parse
from crawlers.sources.newswire.settings import NewswireSettings, ResumeIn
from crawlers.watch import Watch

SOURCE: Final = "newswire"

_CONNECT_S: Final = 10.0
_LOOK_AGAIN_S: Final = 0.1
_FIRST_WAIT_MS: Final = 200
_LONGEST_WAIT_MS: Final = 30_000
_FRAME_FACTOR: Final = 2  # a frame this many times too long is not even read: the socket is cut
_MILLI_NS: Final = 1_000_000
_DATA: Final = frozenset({WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION})


async def open_source(settings: tuple[NewswireSettings, ...], room: Newsroom) -> dict[str, Task]:
    """Build the streams' connections, each with a task and a cursor of its own.

    Raises:
        Retryable: the cursor store can't be reached.
    """
    tasks: dict[str, Task] = {}
    for stream in settings:
        for client, one in stream.each_client():
            watch = await room.watch(
                SOURCE,
                one.channel,
                client=client,
                zone=one.zone,
                answer_limit_ms=one.heartbeat_timeout_ms,
                stale_after_ms=one.stale_after_ms,
                detect_language=False,  # on the way from event to order
            )
            tasks[watch.name] = Newswire(one, watch, room).run
    return tasks


class Newswire:
    """One connection to a stream.

    Attributes:
        settings: its configuration.
        watch: where its items go, and how it is doing.
    """

    def __init__(self, settings: NewswireSettings, watch: Watch, room: Newsroom) -> None:
        self.settings: Final = settings
        self.watch: Final = watch
        watch.connected = False
        self.held: deque[tuple[Item | Refusal, int]] = deque()  # read, but the bus was full
        self.parse: Final = make_parse(settings)
        self._clock = room.clock
        self._jitter = room.jitter
        self._sleep = room.sleep

    async def run(self) -> None:
        """Follow the stream until cancelled, connecting again after every loss.

        Raises:
            Fatal: the bus has stopped.
        """
        backoff = delays(_FIRST_WAIT_MS, _LONGEST_WAIT_MS, 2.0, self._jitter)
        while True:
            before = self.watch.answered_ns
            try:
                await self._connection()
                self.watch.lost("the server closed the connection")
            except (WSError, OSError, TimeoutError) as error:
                self.watch.lost(f"{type(error).__name__}: {error}")
            if (
                self.watch.answered_ns != before
            ):  # it worked for a while: the next failure is a first one
                backoff = delays(_FIRST_WAIT_MS, _LONGEST_WAIT_MS, 2.0, self._jitter)
            await self._sleep(next(backoff) / 1000)

    async def _connection(self) -> None:
        """Live through one connection."""
        settings = self.settings
        async with asyncio.timeout(_CONNECT_S):
            transport, _ = await ws_connect(
                lambda: _Listener(self, self._clock),
                self._address(),
                extra_headers={
                    name: value.get_secret_value() for name, value in settings.headers.items()
                },
                max_frame_size=settings.max_message_bytes * _FRAME_FACTOR,
                max_redirects=0,
                use_aiofastnet=False,
            )
        closed = asyncio.ensure_future(transport.wait_disconnected())
        try:
            await self._watch(transport, closed)
        finally:
            self.watch.connected = False
            transport.disconnect(graceful=False)
            closed.cancel()

    async def _watch(self, transport: WSTransport, closed: "asyncio.Future[None]") -> None:
        """Wait for the connection's end; meanwhile offer held items again, and mind silence."""
        limit_ns = self.settings.heartbeat_timeout_ms * _MILLI_NS
        opened_ns = asked_ns = self._clock.now_ns()
        look_again_s = min(_LOOK_AGAIN_S, limit_ns / 4e9)
        while not closed.done():
            await asyncio.wait((closed,), timeout=look_again_s)
            if self.held:
                self._offer_held(transport)
                continue
            now_ns, heard_ns = self._clock.now_ns(), max(self.watch.answered_ns, opened_ns)
            silent_ns = now_ns - heard_ns
            if silent_ns >= limit_ns:
                raise TimeoutError(f"nothing came for {silent_ns // _MILLI_NS} ms")
            if self.watch.should_reconnect(now_ns):
                raise TimeoutError("no news for longer than is usual: connecting anew")
            if silent_ns >= limit_ns // 2 and asked_ns <= heard_ns and not closed.done():
                transport.send_ping()
                asked_ns = now_ns
        await closed

    def _offer_held(self, transport: WSTransport) -> None:
        """Offer what the bus had no room for, in order; read on once all of it is taken."""
        held = self.held
        while held:
            entry, received_ns = held[0]
            try:
                self.accept(entry, received_ns)
            except Retryable:
                return
            held.popleft()
        transport.underlying_transport.resume_reading()

    def accept(self, entry: Item | Refusal, received_ns: int) -> None:
        """Take one entry over and move the cursor past it.

        Raises:
            Retryable: the bus is full; nothing was taken.
            Fatal: the bus has stopped.
        """
        self.watch.accept(entry, received_ns)
        native_id = entry.native_id
        if native_id is not None and is_plain_id(native_id):
            self.watch.intake.channel.cursor = native_id

    def _address(self) -> str:
        """Give the stream's address with its query."""
        settings = self.settings
        query = {name: value.get_secret_value() for name, value in settings.query.items()}
        cursor = self.watch.intake.channel.cursor
        if settings.resume_param and settings.resume_in is ResumeIn.QUERY and cursor is not None:
            query[settings.resume_param] = cursor
        return str(URL(settings.url).update_query(query)) if query else settings.url

    def on_connected(self) -> bytes | None:
        """Hear that the socket is up, and give the message to send first."""
        self.watch.opened()
        settings = self.settings
        if settings.subscribe is None:
            return None
        message = dict(settings.subscribe)
        cursor = self.watch.intake.channel.cursor
        if settings.resume_param and settings.resume_in is ResumeIn.SUBSCRIBE and cursor:
            message[settings.resume_param] = cursor
        return msgspec.json.encode(message)


class _Listener(WSListener):
    """Hears one connection. What it raises (the bus's `Fatal`) comes out of `Newswire.run`."""

    def __init__(self, stream: Newswire, clock: Clock) -> None:
        super().__init__()
        self._stream = stream
        self._watch = stream.watch
        self._now_ns = clock.now_ns
        self._parse = stream.parse
        self._accept = stream.accept
        self._limit = stream.settings.max_message_bytes
        self._fragments = bytearray()
        self._size = 0  # of the message being put together, also where it is no longer kept

    def on_ws_connected(self, transport: WSTransport) -> None:
        greeting = self._stream.on_connected()
        if greeting is not None:
            transport.send(WSMsgType.TEXT, greeting)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        received_ns = self._now_ns()
        self._watch.answered_ns = received_ns
        kind = frame.msg_type
        if kind is WSMsgType.TEXT and frame.fin and frame.payload_size <= self._limit:
            self._on_message(transport, frame.get_payload_as_memoryview(), received_ns)
        elif kind in _DATA:
            self._on_fragment(transport, frame, received_ns)

    def _on_message(
        self, transport: WSTransport, message: memoryview | bytearray, received_ns: int
    ) -> None:
        """Take a whole message's entries over, at once."""
        entries = self._parse(message)
        if not entries:
            self._watch.intake.counts.ignored += 1
        for taken, entry in enumerate(entries):
            if self._stream.held:
                self._hold(transport, entries[taken:], received_ns)
                return
            try:
                self._accept(entry, received_ns)
            except Retryable:
                self._hold(transport, entries[taken:], received_ns)
                return

    def _on_fragment(self, transport: WSTransport, frame: WSFrame, received_ns: int) -> None:
        """Put a message together from its frames; one that grows too long is counted, not kept."""
        if frame.msg_type is not WSMsgType.CONTINUATION:
            self._fragments.clear()
            self._size = 0
        self._size += frame.payload_size
        if self._size <= self._limit:
            self._fragments += frame.get_payload_as_memoryview()
        else:
            self._fragments.clear()
        if not frame.fin:
            return
        size, self._size = self._size, 0
        message, self._fragments = self._fragments, bytearray()
        if size <= self._limit:
            self._on_message(transport, message, received_ns)
        else:
            refusal = Refusal(RefusalReason.TOO_LARGE, f"a message of {size} bytes")
            self._watch.take(refusal)

    def _hold(
        self, transport: WSTransport, entries: tuple[Item | Refusal, ...], received_ns: int
    ) -> None:
        """Keep what the bus has no room for, and read no more until it has."""
        self._stream.held.extend((entry, received_ns) for entry in entries)
        transport.underlying_transport.pause_reading()
