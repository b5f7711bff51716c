"""Finds a channel or group by its number, so that messages can be asked for."""

from typing import Any, Final

from telethon import errors, functions, types, utils

from core.contracts.errors import Rejected
from crawlers.sources.telegram.line import Line
from crawlers.sources.telegram.settings import ChannelSettings

Peer = Any  # telethon's InputPeer

NEVER_KNOWN: Final = 0

_NO_SUCH_NAME: Final = (errors.UsernameNotOccupiedError, errors.UsernameInvalidError)


async def find(line: Line, channel: ChannelSettings, access_hash: int = NEVER_KNOWN) -> Peer:
    """Give what names the channel in requests.

    Telegram wants the account's own access hash with a channel's number. It comes from last time,
    from the public name (whose number must be the configured one), or from the list of what the
    account has joined.

    Raises:
        Rejected: it can't be found, or the name belongs to another one; says what to do.
        Retryable: as `Line.ask`.
    """
    if channel.is_small_group:
        return types.InputPeerChat(channel.bare_id)
    if access_hash != NEVER_KNOWN:
        return types.InputPeerChannel(channel.bare_id, access_hash)
    if channel.username is not None:
        return await _by_name(line, channel, channel.username)
    peer = (await line.joined()).get(channel.marked_id)
    if peer is None:
        raise Rejected(
            f"the account is in no channel or group {channel.id}: join it with the account, or "
            "give its username"
        )
    return peer


async def _by_name(line: Line, channel: ChannelSettings, username: str) -> Peer:
    try:
        found = await line.ask(functions.contacts.ResolveUsernameRequest(username))
    except Rejected as error:
        if isinstance(error.__cause__, _NO_SUCH_NAME):
            raise Rejected(
                f"nobody is called @{username} any more: correct or remove the username of "
                f"{channel.id}"
            ) from error
        raise
    number = utils.get_peer_id(found.peer)
    if number != channel.marked_id:
        raise Rejected(
            f"@{username} is {number} and not {channel.id}: the name was taken over, or one of "
            "the two is wrong in the configuration"
        )
    for chat in found.chats:
        if utils.get_peer_id(chat) == number:
            return utils.get_input_peer(chat)
    raise Rejected(f"Telegram does not say how to reach @{username}: join it with the account")


def names_in(answer: Any) -> dict[int, Any]:  # noqa: ANN401 - any answer with users and chats
    """Give the users and chats that came with an answer, by marked id."""
    return {utils.get_peer_id(one): one for one in (*answer.users, *answer.chats)}
