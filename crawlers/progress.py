"""Moves the cursors after the bus has confirmed: publish, flush, then save."""

from typing import Final

from core.contracts.clock import Clock
from core.contracts.errors import Retryable
from core.runtime.bus.port import Bus
from core.runtime.cursors import CursorStore

DAY_NS: Final = 86_400_000_000_000


class Channel:
    """How far one channel of one source has been read, and which of its events are not yet saved.

    Attributes:
        source: kind of source.
        name: the channel within it.
        client: which of several clients of this channel; each has a cursor of its own.
        cursor: where to go on from; None at the first start. Moved in memory at once, so a
            reconnect uses it; kept by `Progress.save`.
        unsaved: ids of events published since the last save, oldest first.
    """

    __slots__ = ("_saved_cursor", "client", "cursor", "name", "source", "unsaved")

    def __init__(self, source: str, name: str, cursor: str | None, *, client: str = "") -> None:
        self.source = source
        self.name = name
        self.client = client
        self.cursor = cursor
        self.unsaved: list[str] = []
        self._saved_cursor = cursor

    @property
    def label(self) -> str:
        """The channel and its client in health, metrics and the cursor store."""
        return f"{self.name}#{self.client}" if self.client else self.name

    @property
    def is_dirty(self) -> bool:
        """Whether there is something to save."""
        return bool(self.unsaved) or self.cursor != self._saved_cursor

    def saved(self, cursor: str | None, count: int) -> None:
        """Hear that the store holds this cursor and the oldest `count` unsaved ids."""
        self._saved_cursor = cursor
        del self.unsaved[:count]


class Progress:
    """All channels' progress, saved together.

    A `kill -9` between publishing and saving makes the same posts come again, under the same
    event ids: they are published twice, which everything downstream is made for.
    """

    def __init__(self, bus: Bus, store: CursorStore, clock: Clock) -> None:
        self._bus = bus
        self._store = store
        self._clock = clock
        self._channels: dict[tuple[str, str], Channel] = {}
        self.failure: str | None = None

    async def open(self, source: str, name: str, client: str = "") -> Channel:
        """Give a channel as the store remembers it; the same object each time.

        Raises:
            Retryable: the store can't be reached.
        """
        channel = Channel(source, name, None, client=client)
        key = (source, channel.label)
        if key not in self._channels:
            cursor = await self._store.load_cursor(source, channel.label)
            self._channels.setdefault(key, Channel(source, name, cursor, client=client))
        return self._channels[key]

    async def load_seen(self, source: str, days: int) -> list[str]:
        """Give the ids of a source's events of the last `days`, oldest first.

        Raises:
            Retryable: the store can't be reached.
        """
        return await self._store.load_seen(source, self._clock.now_ns() - days * DAY_NS)

    async def save(self) -> None:
        """Have the bus confirm what was published, then keep cursors and ids.

        What comes in meanwhile is left for the next call.

        Raises:
            Retryable: the bus or the store could not take it; nothing is lost, call again.
        """
        pending = [
            (channel, channel.cursor, tuple(channel.unsaved))
            for channel in self._channels.values()
            if channel.is_dirty
        ]
        if not pending:
            return
        try:
            await self._bus.flush()
            for channel, cursor, ids in pending:
                await self._store.save(
                    channel.source,
                    channel.label,
                    cursor=cursor,
                    seen=ids,
                    at_ns=self._clock.now_ns(),
                )
                channel.saved(cursor, len(ids))
        except Retryable as error:
            self.failure = str(error)
            raise
        self.failure = None
