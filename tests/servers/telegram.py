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

from tests.servers.telegram_wire import Wire

CHANNEL_ID: Final = 1_234_567_890
SELF_ID: Final = 777
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_HASH: Final = 99

Answer = Callable[[Any], Any]


class ServedChannel:
    """One channel or group, as the server keeps it.

    Attributes:
        messages: by id; what was deleted is gone.
        pts: its count of changes.
        changes: each change's update, `pts` rising.
        too_long: what `getChannelDifference` answers to a `pts` below this is "too long".
    """

    def __init__(self, number: int, username: str | None, *, is_group: bool, joined: bool) -> None:
        self.number = number
        self.username = username
        self.is_group = is_group
        self.joined = joined
        self.messages: dict[int, Any] = {}
        self.pts = 1
        self.changes: list[Any] = []
        self.too_long = 0

    @property
    def peer(self) -> Any:  # noqa: ANN401 - telethon's Peer
        return types.PeerChat(self.number) if self.is_group else types.PeerChannel(self.number)

    @property
    def marked_id(self) -> int:
        return -self.number if self.is_group else -1_000_000_000_000 - self.number

    def entity(self) -> Any:  # noqa: ANN401 - telethon's Chat or Channel
        if self.is_group:
            return types.Chat(self.number, "A group", types.ChatPhotoEmpty(), 2, _START, 1)
        return types.Channel(
            id=self.number,
            title="Not a name to trust",
            photo=types.ChatPhotoEmpty(),
            date=_START,
            broadcast=True,
            access_hash=_HASH,
            username=self.username,
        )


class TelegramServer:
    """Serves channels to one account whose key it shares; the key exchange is left out.

    Attributes:
        settings: for `[crawl.telegram]`, with the channel named `channel`.
        requests: the names of all requests so far.
        floods: seconds to wait, by request name, for its next requests.
        failures: `(code, message)` for the next requests, by request name.
        silent: change without telling the clients.
        broken_session: `(code, message)` for every request, such as a revoked session's.
    """

    def __init__(self) -> None:
        self.auth_key: Final = AuthKey(os.urandom(256))
        self.channels: dict[int, ServedChannel] = {}
        self.requests: Counter[str] = Counter()
        self.asked: list[Any] = []
        self.floods: dict[str, deque[int]] = {}
        self.failures: dict[str, deque[tuple[int, str]]] = {}
        self.silent = False
        self.mute = False
        self.broken_session: tuple[int, str] | None = None
        self.settings: dict[str, Any] = {}
        self.wires: set[Wire] = set()
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Event()
        self._account_pts = 1
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
        updates = []
        for message in messages:
            channel = self._channel_of(message.peer_id)
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

    def _channel_of(self, peer: Any) -> ServedChannel:  # noqa: ANN401 - telethon's (Input)Peer
        number = getattr(peer, "channel_id", None) or peer.chat_id
        return self.channels[number]

    def _change(self, channel: ServedChannel, what: str, message: Any) -> Any:  # noqa: ANN401
        if channel.is_group:
            self._account_pts += 1
            return getattr(types, f"Update{what}Message")(message, self._account_pts, 1)
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
        self.asked.append(request)
        if self.mute:
            return
        answer = self._refusal(name) or getattr(self, f"_on_{name}")(request)
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

    def _on_GetConfig(self, request: Any) -> Any:  # noqa: ANN401, N802
        counts = dict.fromkeys(_CONFIG_NUMBERS, 1)
        now = datetime.now(UTC)
        return types.Config(
            date=now, expires=now, test_mode=True, this_dc=2, dc_options=[],
            dc_txt_domain_name="", me_url_prefix="https://t.me/", **counts,
        )  # fmt: skip

    def _on_GetUsers(self, request: Any) -> Any:  # noqa: ANN401, N802
        return [types.User(SELF_ID, is_self=True, access_hash=1, first_name="Reader")]

    def _on_GetState(self, request: Any) -> Any:  # noqa: ANN401, N802
        return types.updates.State(self._account_pts, 0, datetime.now(UTC), 1, 0)

    def _on_GetDifference(self, request: Any) -> Any:  # noqa: ANN401, N802
        return types.updates.DifferenceEmpty(datetime.now(UTC), 1)

    def _on_SendCode(self, request: Any) -> Any:  # noqa: ANN401, N802
        return types.auth.SentCode(types.auth.SentCodeTypeApp(5), "code hash")

    def _on_SignIn(self, request: Any) -> Any:  # noqa: ANN401, N802
        return types.auth.Authorization(self._on_GetUsers(request)[0])

    def _on_ResolveUsername(self, request: Any) -> Any:  # noqa: ANN401, N802
        for channel in self.channels.values():
            if channel.username == request.username:
                return types.contacts.ResolvedPeer(channel.peer, [channel.entity()], [])
        return types.RpcError(400, "USERNAME_NOT_OCCUPIED")

    def _on_GetDialogs(self, request: Any) -> Any:  # noqa: ANN401, N802
        joined = [channel for channel in self.channels.values() if channel.joined]
        tops = [types.Message(1, one.peer, date=_START, message="top") for one in joined]
        dialogs = [
            types.Dialog(one.peer, 1, 0, 0, 0, 0, 0, 0, types.PeerNotifySettings(), pts=one.pts)
            for one in joined
        ]
        return types.messages.Dialogs(dialogs, tops, [one.entity() for one in joined], [])

    def _on_GetHistory(self, request: Any) -> Any:  # noqa: ANN401, N802
        channel = self._channel_of(request.peer)
        if (refusal := _wrong_hash(request.peer)) is not None:
            return refusal
        descending = sorted(channel.messages.values(), key=lambda one: -one.id)
        start = 0
        if request.offset_id:
            start = sum(one.id >= request.offset_id for one in descending)
        elif request.offset_date and request.offset_date.timestamp() > 0:
            start = sum(one.date >= request.offset_date for one in descending)
        start += request.add_offset
        found = descending[max(0, start) : max(0, start + request.limit)]
        return self._messages(channel, found)

    def _on_GetMessages(self, request: Any) -> Any:  # noqa: ANN401, N802
        channel = self._channel_of(getattr(request, "channel", None) or self.channel.peer)
        found = [
            channel.messages.get(one.id) or types.MessageEmpty(id=one.id, peer_id=channel.peer)
            for one in request.id
        ]
        return self._messages(channel, found)

    def _messages(self, channel: ServedChannel, found: list[Any]) -> Any:  # noqa: ANN401
        chats = [channel.entity()]
        if channel.is_group:
            return types.messages.MessagesSlice(len(channel.messages), found, [], chats, [])
        return types.messages.ChannelMessages(
            channel.pts, len(channel.messages), found, [], chats, []
        )

    def _on_GetChannelDifference(self, request: Any) -> Any:  # noqa: ANN401, N802
        channel = self._channel_of(request.channel)
        if (refusal := _wrong_hash(request.channel)) is not None:
            return refusal
        if request.pts < channel.too_long:
            dialog = types.Dialog(
                channel.peer, 1, 0, 0, 0, 0, 0, 0, types.PeerNotifySettings(), pts=channel.pts
            )
            return types.updates.ChannelDifferenceTooLong(dialog, [], [], [], final=True)
        changes = [one for one in channel.changes if one.pts > request.pts]
        page, rest = changes[: request.limit], changes[request.limit :]
        if not page:
            return types.updates.ChannelDifferenceEmpty(channel.pts, final=True)
        new = [one.message for one in page if isinstance(one, types.UpdateNewChannelMessage)]
        others = [one for one in page if not isinstance(one, types.UpdateNewChannelMessage)]
        return types.updates.ChannelDifference(
            pts=page[-1].pts,
            new_messages=new,
            other_updates=others,
            chats=[channel.entity()],
            users=[],
            final=not rest,
        )


def _wrong_hash(peer: Any) -> Any:  # noqa: ANN401 - RpcError or None
    known = getattr(peer, "access_hash", _HASH) == _HASH
    return None if known else types.RpcError(400, "CHANNEL_INVALID")


_CONFIG_NUMBERS: Final = (
    "chat_size_max", "megagroup_size_max", "forwarded_count_max", "online_update_period_ms",
    "offline_blur_timeout_ms", "offline_idle_timeout_ms", "online_cloud_timeout_ms",
    "notify_cloud_delay_ms", "notify_default_delay_ms", "push_chat_period_ms", "push_chat_limit",
    "edit_time_limit", "revoke_time_limit", "revoke_pm_time_limit", "rating_e_decay",
    "stickers_recent_limit", "channels_read_media_period", "call_receive_timeout_ms",
    "call_ring_timeout_ms", "call_connect_timeout_ms", "call_packet_timeout_ms",
    "caption_length_max", "message_length_max", "webfile_dc_id",
)  # fmt: skip
