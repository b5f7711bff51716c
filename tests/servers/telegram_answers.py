"""What a small Telegram answers to each request, from the channels it keeps."""

from datetime import UTC, datetime
from typing import Any, Final

from telethon import types

SELF_ID: Final = 777
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_HASH: Final = 99


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
            return types.Chat(self.number, "A group", types.ChatPhotoEmpty(), 2, START, 1)
        return types.Channel(
            id=self.number,
            title="Not a name to trust",
            photo=types.ChatPhotoEmpty(),
            date=START,
            broadcast=True,
            access_hash=_HASH,
            username=self.username,
        )


class Answers:
    """Answers requests; each method is named for the request it answers.

    Attributes:
        channels: by number.
        account_pts: the account's count of changes.
    """

    def __init__(self) -> None:
        self.channels: dict[int, ServedChannel] = {}
        self.account_pts = 1

    def channel_of(self, peer: Any) -> ServedChannel:  # noqa: ANN401 - telethon's (Input)Peer
        number = getattr(peer, "channel_id", None) or peer.chat_id
        return self.channels[number]

    def on_GetConfig(self, request: Any) -> Any:  # noqa: ANN401, N802
        counts = dict.fromkeys(_CONFIG_NUMBERS, 1)
        now = datetime.now(UTC)
        return types.Config(
            date=now, expires=now, test_mode=True, this_dc=2, dc_options=[],
            dc_txt_domain_name="", me_url_prefix="https://t.me/", **counts,
        )  # fmt: skip

    def on_GetUsers(self, request: Any) -> Any:  # noqa: ANN401, N802
        return [types.User(SELF_ID, is_self=True, access_hash=1, first_name="Reader")]

    def on_GetState(self, request: Any) -> Any:  # noqa: ANN401, N802
        return types.updates.State(self.account_pts, 0, datetime.now(UTC), 1, 0)

    def on_GetDifference(self, request: Any) -> Any:  # noqa: ANN401, N802
        return types.updates.DifferenceEmpty(datetime.now(UTC), 1)

    def on_SendCode(self, request: Any) -> Any:  # noqa: ANN401, N802
        return types.auth.SentCode(types.auth.SentCodeTypeApp(5), "code hash")

    def on_SignIn(self, request: Any) -> Any:  # noqa: ANN401, N802
        return types.auth.Authorization(self.on_GetUsers(request)[0])

    def on_ResolveUsername(self, request: Any) -> Any:  # noqa: ANN401, N802
        for channel in self.channels.values():
            if channel.username == request.username:
                return types.contacts.ResolvedPeer(channel.peer, [channel.entity()], [])
        return types.RpcError(400, "USERNAME_NOT_OCCUPIED")

    def on_GetDialogs(self, request: Any) -> Any:  # noqa: ANN401, N802
        joined = [channel for channel in self.channels.values() if channel.joined]
        tops = [types.Message(1, one.peer, date=START, message="top") for one in joined]
        dialogs = [
            types.Dialog(one.peer, 1, 0, 0, 0, 0, 0, 0, types.PeerNotifySettings(), pts=one.pts)
            for one in joined
        ]
        return types.messages.Dialogs(dialogs, tops, [one.entity() for one in joined], [])

    def on_GetHistory(self, request: Any) -> Any:  # noqa: ANN401, N802
        channel = self.channel_of(request.peer)
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

    def on_GetMessages(self, request: Any) -> Any:  # noqa: ANN401, N802
        asked = getattr(request, "channel", None)  # a small group's are asked for without it
        channel = self.channel_of(asked) if asked else next(iter(self.channels.values()))
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

    def on_GetChannelDifference(self, request: Any) -> Any:  # noqa: ANN401, N802
        channel = self.channel_of(request.channel)
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
