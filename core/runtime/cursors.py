"""Where each source has read to, and what it has already published: the port of that store."""

from collections.abc import Sequence
from typing import Protocol


class CursorStore(Protocol):
    """Durable memory of a crawler, so that a restart neither repeats nor misses a post."""

    async def load_cursor(self, source: str, channel: str) -> str | None:
        """Give what `save` last kept for the channel; None at the first start."""

    async def load_seen(self, source: str, since_ns: int) -> list[str]:
        """Give the event ids of a source published at or after `since_ns`, oldest first."""

    async def save(
        self, source: str, channel: str, *, cursor: str | None, seen: Sequence[str], at_ns: int
    ) -> None:
        """Keep a cursor and the event ids published since the last call, in one transaction.

        Call it only after the bus has confirmed those events. Ids older than the store's
        retention are dropped.

        Raises:
            Retryable: the store can't be reached.
        """
