"""How far a channel was read: kept in its cursor."""

from typing import Final

import msgspec

from crawlers.progress import Channel


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept, as JSON in the cursor.

    Attributes:
        id: of the newest message that was taken; -1 before the first.
        pts: the channel's count of changes (https://core.telegram.org/api/updates) up to which
            edits and deletions were taken; 0 for none.
        hash: what this account needs to name the channel; 0 for none.
    """

    id: int = -1
    pts: int = 0
    hash: int = 0


def read_cursor(cursor: str | None) -> Cursor:
    """Read a kept cursor; one that can't be read is as good as none."""
    if cursor is None:
        return Cursor()
    try:
        return msgspec.json.decode(cursor, type=Cursor)
    except msgspec.DecodeError:
        return Cursor()


class Place:
    """How far a channel was read.

    Attributes:
        taken, pts, hash: see `Cursor`.
    """

    def __init__(self, channel: Channel) -> None:
        kept = read_cursor(channel.cursor)
        self.taken = kept.id
        self.pts = kept.pts
        self.hash = kept.hash
        self._channel: Final = channel

    def move(self, taken: int) -> None:
        """Say that all messages up to this one were taken, and all changes up to `pts`."""
        self.taken = max(self.taken, taken)
        cursor = Cursor(id=self.taken, pts=self.pts, hash=self.hash)
        self._channel.cursor = msgspec.json.encode(cursor).decode()
