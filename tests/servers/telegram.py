"""A small Telegram: channels with messages, edits and deletions, over real sockets and MTProto."""

import asyncio
import os
from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from telethon import functions, types
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession, StringSession
from telethon.tl.core import TLMessage

from tests.servers.telegram_answers import Answers, ServedChannel
from tests.servers.telegram_wire import Wire

CHANNEL_ID: Final = 1_234_567_890


class TelegramServer(Answers):
    """Serves channels to one account whose key it shares; the key exchange is left out.

    Attributes:
        settings: for `[crawl.telegram]`, with the channel named `channel`.
        requests: the names of all requests so far.
        floods: seconds to wait, by request name, for its next requests.
        failures: `(code, message)` for the next requests, by request name.
        silent: change without telling the clients.
        before: what to do before answering the next requests, by request name.
        mute: answer nothing.
        broken_session: `(code, message)` for every request, such as a revoked session's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.auth_key: Final = AuthKey(os.urandom(256))
        self.requests: Counter[str] = Counter()
        self.floods: dict[str, deque[int]] = {}
        self.failures: dict[str, deque[tuple[int, str]]] = {}
        self.before: dict[str, deque[Callable[[], None]]] = {}
        self.silent = False
        self.mute = False
        self.broken_session: tuple[int, str] | None = None
        self.settings: dict[str, Any] = {}
        self.wires: set[Wire] = set()
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Event()
        self.channel = self.add_channel(CHANNEL_ID)

    def add_channel(
        self,
        number: int,
        *,
        username: str | None = None,
        is_group: bool = False,
        joined: bool = True,
    ) -> ServedChannel:
        """Open a channel."""
        channel = ServedChannel(number, username, is_group=is_group, joined=joined)
        self.channels[number] = channel
        return channel

    async def start(self, port: int = 0) -> None:
        """Listen on loopback and fill `settings`."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        port = self._server.sockets[0].getsockname()[1]
        self.settings = {
            "api_id": 1,
            "api_hash": "hash",
            "session_string": self.session_string(),
            "connect_to": f"127.0.0.1:{port}",
            "channels": [{"channel": "channel", "id": self.channel.marked_id}],
            "album_window_ms": 50,
        }

    async def stop(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def session_string(self) -> str:
        """Give a session that this server knows."""
        session = StringSession()
        session.set_dc(2, "127.0.0.1", 443)
        session.auth_key = self.auth_key
        return str(session.save())

    def write_session(self, path: Path) -> None:
        """Write a session file that this server knows."""
        session = SQLiteSession(str(path))
        session.set_dc(2, "127.0.0.1", 443)
        session.auth_key = self.auth_key
        session.save()
        session.close()

    # what happens in the channels

    def message(self, message_id: int, text: str, **fields: Any) -> Any:  # noqa: ANN401
        """Make a message of the first channel, with any of telethon's fields."""
        fields.setdefault("date", datetime.now(UTC).replace(microsecond=0))
        fields.setdefault("peer_id", self.channel.peer)
        return types.Message(id=message_id, message=text, **fields)

    async def serve(self, *messages: Any, together: bool = False) -> None:  # noqa: ANN401
        """Post messages in their channels and tell the clients; each by itself, or in one go."""
        self.post(*messages, together=together)

    def post(self, *messages: Any, together: bool = False) -> None:  # noqa: ANN401
        """Do as `serve`, from where nothing can be awaited."""
        updates = []
        for message in messages:
            channel = self.channel_of(message.peer_id)
            channel.messages[message.id] = message
            updates.append(self._change(channel, "New", message))
        self._tell([updates] if together else [[one] for one in updates])

    def edit(self, message_id: int, at: datetime, **fields: Any) -> None:  # noqa: ANN401
        """Change fields of a message of the first channel and tell the clients."""
        message = self.channel.messages[message_id]
        for name, value in fields.items():
            setattr(message, name, value)
        message.edit_date = at
        self._tell([[self._change(self.channel, "Edit", message)]])

    def delete(self, *message_ids: int) -> None:
        """Delete messages of the first channel and tell the clients."""
        channel = self.channel
        for message_id in message_ids:
            channel.messages.pop(message_id, None)
        channel.pts += len(message_ids)
        update = types.UpdateDeleteChannelMessages(
            channel.number, list(message_ids), channel.pts, len(message_ids)
        )
        channel.changes.append(update)
        self._tell([[update]])

    def push(self, *updates: Any) -> None:  # noqa: ANN401
        """Send updates as they are."""
        self._tell([list(updates)])

    def cut(self) -> None:
        """Cut all connections."""
        for wire in self.wires:
            wire.writer.transport.abort()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a request or connection has made the condition true."""
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_following(self) -> None:
        """Wait until a client hears updates and has read what there was."""
        await self.until(
            lambda: any(wire.wants_updates and wire.has_read_all for wire in self.wires)
        )

    def _change(self, channel: ServedChannel, what: str, message: Any) -> Any:  # noqa: ANN401
        if channel.is_group:
            self.account_pts += 1
            return getattr(types, f"Update{what}Message")(message, self.account_pts, 1)
        channel.pts += 1
        update = getattr(types, f"Update{what}ChannelMessage")(message, channel.pts, 1)
        channel.changes.append(update)
        return update

    def _tell(self, batches: Sequence[list[Any]]) -> None:
        if self.silent:
            return
        chats = [channel.entity() for channel in self.channels.values()]
        for batch in batches:
            update = types.Updates(batch, [], chats, datetime.now(UTC), 0)
            for wire in self.wires:
                if wire.wants_updates:
                    wire.send(update)

    # the protocol

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._talk(Wire(reader, writer, self.auth_key)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, wire: Wire) -> None:
        self.wires.add(wire)
        self.connections += 1
        try:
            while True:
                for message in await wire.receive():
                    self._handle(wire, message)
                self._changed.set()
                await wire.writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.wires.discard(wire)
            wire.writer.close()

    def _handle(self, wire: Wire, message: TLMessage) -> None:
        request, quiet = message.obj, False
        while hasattr(request, "query"):  # InvokeWithLayer, InitConnection, InvokeWithoutUpdates
            quiet = quiet or isinstance(request, functions.InvokeWithoutUpdatesRequest)
            request = request.query
        name = type(request).__name__.removesuffix("Request")
        if name == "MsgsAck":
            return
        if name == "Ping":
            wire.send(types.Pong(message.msg_id, request.ping_id))
            return
        self.requests[name] += 1
        if self.mute:
            return
        if self.before.get(name):
            self.before[name].popleft()()
        answer = self._refusal(name) or getattr(self, f"on_{name}")(request)
        if name == "GetState":
            wire.wants_updates = not quiet
        if name == "GetHistory" and not getattr(answer, "messages", True):
            wire.has_read_all = True
        wire.answer(message.msg_id, answer)

    def _refusal(self, name: str) -> Any:  # noqa: ANN401 - RpcError or None
        if self.broken_session is not None:
            return types.RpcError(*self.broken_session)
        if self.floods.get(name):
            return types.RpcError(420, f"FLOOD_WAIT_{self.floods[name].popleft()}")
        if self.failures.get(name):
            return types.RpcError(*self.failures[name].popleft())
        return None
