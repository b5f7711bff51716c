"""Takes one channel's messages, edits and deletions to its events, in order, albums as one."""

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from core.contracts.event import EventKind
from crawlers.item import Item
from crawlers.sources.telegram.albums import OpenAlbum, RecentAlbums
from crawlers.sources.telegram.parse import (
    Message,
    Names,
    deletion,
    edit_time,
    is_post,
    read,
    sent_time,
)
from crawlers.sources.telegram.settings import ChannelSettings
from crawlers.watch import Watch

_REMEMBERED: Final = 2_000


class Posts:
    """One channel's way from messages to events.

    Every method may raise `Retryable` when the bus is full: nothing more was taken then, and the
    same call may be made again. An album waits for its next part for `window_ms`, and for no
    longer than until another message comes.

    Args:
        channel: which one.
        watch: where events go.
        newest: see the attribute.
        window_ms: see `TelegramSettings.album_window_ms`.
        on_window: hears which album has waited long enough, to call `close_album` with it.

    Attributes:
        newest: id of the newest message that was taken; -1 before the first. Never within an album
            that is still open.
        recent: the last albums.
    """

    def __init__(
        self,
        channel: ChannelSettings,
        watch: Watch,
        *,
        newest: int,
        window_ms: int,
        on_window: Callable[[int], None],
    ) -> None:
        self.newest = newest
        self.recent: Final = RecentAlbums()
        self._channel = channel
        self._watch = watch
        self._window_s = window_ms / 1000
        self._on_window = on_window
        self._album: OpenAlbum | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sent: dict[int, int] = {}  # when a post was published, for its deletion

    def new(self, message: Message, names: Names, received_ns: int) -> None:
        """Take a message, new or seen for the first time."""
        grouped = message.grouped_id if is_post(message) else None
        album = self._album
        if album is not None and album.grouped_id != grouped:
            self.close_album()
        if not is_post(message):
            self._watch.intake.counts.ignored += 1
            self._passed(message.id)
        elif grouped is None:
            self._watch.accept(read((message,), names, self._channel), received_ns)
            self._remember(message)
            self._passed(message.id)
        elif grouped in self.recent:
            self._late_part(message, names, received_ns)
            self._passed(message.id)
        else:
            self._part(grouped, message, names, received_ns)

    def edited(self, message: Message, names: Names, received_ns: int) -> None:
        """Take an edit; for an album's part, the album must be open or among `recent`."""
        grouped = message.grouped_id if is_post(message) else None
        album = self._album
        if album is not None and album.grouped_id == grouped and message.id in album.parts:
            album.add(message)
            return
        if not is_post(message) or not edit_time(message):
            self._watch.intake.counts.ignored += 1
            return
        self.close_album()
        if grouped is None:
            parts = {message.id: message}
        else:
            parts = self.recent.parts(grouped)
            parts[message.id] = message
        self._watch.accept(read(tuple(parts.values()), names, self._channel), received_ns)
        self._remember(message)

    def deleted(self, message_ids: list[int], received_ns: int) -> None:
        """Take deletions; an album is gone with its first part."""
        self.close_album()
        for message_id in message_ids:
            if self.recent.is_later_part(message_id):
                self._watch.intake.counts.ignored += 1
            else:
                self._watch.accept(deletion(message_id, self._sent.get(message_id)), received_ns)

    def needs_album(self, message: Message) -> bool:
        """Say whether the other parts of an edited message must be asked for first."""
        return (
            is_post(message)
            and message.grouped_id is not None
            and edit_time(message) > 0
            and message.grouped_id not in self.recent
            and not self.is_open(message.grouped_id)
        )

    def close_album(self, grouped_id: int | None = None) -> None:
        """Publish the open album, if there is one, or only if it is the given one."""
        album = self._album
        if album is None or grouped_id not in (None, album.grouped_id):
            return
        parts = tuple(album.parts.values())
        self._watch.accept(read(parts, album.names, self._channel), album.received_ns)
        for part in parts:
            self._remember(part)
        self.recent.keep(album.grouped_id, album.parts)
        self.drop_album()
        self._passed(max(album.parts))

    def is_open(self, grouped_id: int) -> bool:
        """Say whether this is the album whose parts are still coming."""
        return self._album is not None and self._album.grouped_id == grouped_id

    def taken_to(self, message_id: int) -> int:
        """Give the id up to which all is taken, where a message is: not into an open album."""
        return message_id if self._album is None else min(message_id, min(self._album.parts) - 1)

    def drop_album(self) -> None:
        """Forget the open album: its parts will be read again."""
        self._album = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _part(self, grouped: int, message: Message, names: Names, received_ns: int) -> None:
        album = self._album
        if album is None:
            album = self._album = OpenAlbum(grouped, names, received_ns)
        album.add(message)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(
            self._window_s, self._on_window, grouped
        )
        if album.is_full:
            self.close_album()

    def _late_part(self, message: Message, names: Names, received_ns: int) -> None:
        """Take a part of an album that was published without it: a text of it is an edit."""
        parts = self.recent.parts(message.grouped_id)
        known = message.id in parts
        together = {**parts, message.id: message}
        if known or not message.message:
            self._watch.intake.counts.ignored += 1
        else:
            item = read(tuple(together.values()), names, self._channel)
            if isinstance(item, Item):
                revision = max(item.revision, sent_time(message) or 0)
                item = replace(item, kind=EventKind.EDITED, revision=revision)
            self._watch.accept(item, received_ns)
        parts[message.id] = message

    def _passed(self, message_id: int) -> None:
        self.newest = max(self.newest, message_id)

    def _remember(self, message: Message) -> None:
        sent = sent_time(message)
        if sent is not None:
            self._sent[message.id] = sent
            if len(self._sent) > _REMEMBERED:
                del self._sent[next(iter(self._sent))]
