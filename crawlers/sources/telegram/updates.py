"""Telegram's updates, and what each means for a channel's posts."""

from typing import Any, Final, NamedTuple

from telethon import types

from crawlers.sources.telegram.parse import Names
from crawlers.sources.telegram.posts import Posts

_NEW: Final = (types.UpdateNewChannelMessage, types.UpdateNewMessage)
_EDIT: Final = (types.UpdateEditChannelMessage, types.UpdateEditMessage)


class Heard(NamedTuple):
    """An update, who is who in it, and when it came; a number is an album that waited enough."""

    update: Any
    names: Names
    received_ns: int

    @property
    def pts(self) -> int:
        """The channel's count of changes with this one; 0 where it does not count."""
        return getattr(self.update, "pts", None) or 0

    @property
    def pts_before(self) -> int:
        """The count of changes that must have been taken before."""
        return self.pts - (getattr(self.update, "pts_count", None) or 0)


def new(message: Any, names: Names, received_ns: int) -> Heard:  # noqa: ANN401 - telethon's Message
    """Give a message that was asked for the form of one that was sent."""
    return Heard(types.UpdateNewChannelMessage(message, 0, 0), names, received_ns)


def take(heard: Heard, posts: Posts) -> None:
    """Take an update over. One that was taken before gives the same events, and does no harm.

    Raises:
        Retryable: the bus is full; call again.
        Fatal: the bus has stopped.
    """
    update, names, received_ns = heard
    if isinstance(update, int):
        posts.close_album(update)
    elif isinstance(update, _NEW):
        posts.new(update.message, names, received_ns)
    elif isinstance(update, _EDIT):
        posts.edited(update.message, names, received_ns)
    elif isinstance(update, types.UpdateDeleteChannelMessages):
        posts.deleted(update.messages, received_ns)


def needs_album(heard: Heard, posts: Posts) -> bool:
    """Say whether the other parts of an edited message must be asked for first."""
    return isinstance(heard.update, _EDIT) and posts.needs_album(heard.update.message)
