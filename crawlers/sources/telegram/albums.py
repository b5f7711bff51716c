"""Puts together the albums of a channel, whose parts come as messages of their own."""

from typing import Final

from crawlers.sources.telegram.parse import ALBUM_PARTS, Message, Names

_REMEMBERED: Final = 50


class OpenAlbum:
    """An album whose parts are still coming.

    Attributes:
        grouped_id: Telegram's name for it.
        parts: by message id.
        names: who is who.
        received_ns: when its first part came.
    """

    __slots__ = ("grouped_id", "names", "parts", "received_ns")

    def __init__(self, grouped_id: int, names: Names, received_ns: int) -> None:
        self.grouped_id = grouped_id
        self.names = names
        self.received_ns = received_ns
        self.parts: dict[int, Message] = {}

    def add(self, part: Message) -> None:
        """Take a part, or its newer version."""
        self.parts[part.id] = part

    @property
    def is_full(self) -> bool:
        """Whether no more parts can come."""
        return len(self.parts) >= ALBUM_PARTS


class RecentAlbums:
    """The parts of the last albums, for edits and for parts that come late."""

    def __init__(self) -> None:
        self._parts: dict[int, dict[int, Message]] = {}

    def __contains__(self, grouped_id: object) -> bool:
        return grouped_id in self._parts

    def keep(self, grouped_id: int, parts: dict[int, Message]) -> None:
        """Remember an album as the newest one."""
        self._parts.pop(grouped_id, None)
        self._parts[grouped_id] = parts
        if len(self._parts) > _REMEMBERED:
            del self._parts[next(iter(self._parts))]

    def parts(self, grouped_id: int) -> dict[int, Message]:
        """Give the parts of a remembered album, by message id."""
        return self._parts[grouped_id]

    def is_later_part(self, message_id: int) -> bool:
        """Say whether a message is known as part of an album, and not its first."""
        return any(
            message_id in parts and message_id != min(parts) for parts in self._parts.values()
        )
