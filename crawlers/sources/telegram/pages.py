"""Asks for a channel's messages: those after an id or a time, oldest first, and single ones."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from telethon import functions, types

from crawlers.sources.telegram.line import Line
from crawlers.sources.telegram.parse import ALBUM_PARTS, Message, Names
from crawlers.sources.telegram.peers import Peer, names_in

PAGE: Final = 100  # Telegram's limit

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Messages(NamedTuple):
    """Part of a channel's messages.

    Attributes:
        messages: oldest first, with service messages and the empty places of deleted ones.
        names: who is who.
        pts: the channel's state when it was asked; 0 where there is none.
    """

    messages: list[Message]
    names: Names
    pts: int


async def after(
    line: Line, peer: Peer, message_id: int | None, since_s: int | None = None
) -> Messages:
    """Ask for the oldest hundred after a message, or else sent at or after a time.

    Raises:
        Retryable, Rejected: as `Line.ask`.
    """
    request = _history(
        peer,
        offset_id=0 if message_id is None else message_id + 1,
        offset_date=None if since_s is None or message_id is not None else _date(since_s),
        add_offset=-PAGE,  # the page ends at the offset, newer ones before it
        limit=PAGE,
    )
    return _read(await line.ask(request), message_id)


async def newest(line: Line, peer: Peer, limit: int, before_s: int | None = None) -> Messages:
    """Ask for the newest messages, or the newest sent before a time.

    Raises:
        Retryable, Rejected: as `Line.ask`.
    """
    before = None if before_s is None else _date(before_s)
    return _read(await line.ask(_history(peer, offset_date=before, limit=limit)), None)


async def album_of(line: Line, peer: Peer, part: Message) -> list[Message]:
    """Ask for all parts of the album that a message belongs to, oldest first.

    Raises:
        Retryable, Rejected: as `Line.ask`.
    """
    span = ALBUM_PARTS - 1
    ids = [
        types.InputMessageID(number) for number in range(max(1, part.id - span), part.id + span + 1)
    ]
    if isinstance(peer, types.InputPeerChat):
        request = functions.messages.GetMessagesRequest(ids)
    else:
        channel = types.InputChannel(peer.channel_id, peer.access_hash)
        request = functions.channels.GetMessagesRequest(channel, ids)
    near = _read(await line.ask(request), None).messages
    return [one for one in near if getattr(one, "grouped_id", None) == part.grouped_id]


def _history(
    peer: Peer,
    *,
    offset_id: int = 0,
    offset_date: datetime | None = None,
    add_offset: int = 0,
    limit: int,
) -> Any:  # noqa: ANN401 - telethon's request
    """Build a request (https://core.telegram.org/api/offsets)."""
    return functions.messages.GetHistoryRequest(
        peer=peer,
        offset_id=offset_id,
        offset_date=offset_date,
        add_offset=add_offset,
        limit=limit,
        max_id=0,
        min_id=0,
        hash=0,
    )


def _read(answer: Any, message_id: int | None) -> Messages:  # noqa: ANN401 - messages.Messages
    messages = [
        one for one in getattr(answer, "messages", ()) if message_id is None or one.id > message_id
    ]
    messages.sort(key=lambda one: one.id)
    return Messages(messages, names_in(answer), getattr(answer, "pts", 0))


def _date(epoch_s: int) -> datetime:
    return _EPOCH + timedelta(seconds=epoch_s)
