"""Which events a source has already published, so that the same post goes out once."""

from typing import Final

DEFAULT_CAPACITY: Final = 200_000


class Seen:
    """A bounded set of event ids, forgetting the oldest first.

    An id that comes up again counts as new again, so what a feed keeps listing is kept.
    """

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        if capacity < 1:
            raise ValueError(f"a set of seen events needs room for one, not {capacity}")
        self._capacity = capacity
        self._ids: dict[str, str | None] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._ids

    def brought_by(self, event_id: str) -> str | None:
        """Name the client that brought an event first; None where that is not remembered."""
        return self._ids.get(event_id)

    def add(self, event_id: str, client: str | None = None) -> None:
        """Remember an id as the newest, and which of a channel's clients brought it if known."""
        ids = self._ids
        if event_id in ids:
            del ids[event_id]
        ids[event_id] = client
        if len(ids) > self._capacity:
            del ids[next(iter(ids))]
