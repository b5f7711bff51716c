"""How far a consumer group may commit: what is handled, with all that its handlers published."""

from collections import deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

P = TypeVar("P")


class Progress(Generic[P]):
    """Remembers handled records until their offsets are committed; `P` names a partition."""

    def __init__(self) -> None:
        self._handled: deque[tuple[int, P, int]] = deque()
        self._ready: dict[P, int] = {}

    def handled(self, partition: P, offset: int, published: int) -> None:
        """Note that the record at `offset` is handled.

        Args:
            partition: where it was read.
            offset: in that partition.
            published: the number of the newest record published by then.
        """
        self._handled.append((published, partition, offset + 1))

    def committable(self, confirmed_through: int, assigned: AbstractSet[P]) -> dict[P, int]:
        """Give the offset to commit for each assigned partition that has a new one."""
        while self._handled and self._handled[0][0] <= confirmed_through:
            _, partition, following = self._handled.popleft()
            self._ready[partition] = following
        return {p: following for p, following in self._ready.items() if p in assigned}

    def committed(self, offsets: Mapping[P, int]) -> None:
        """Forget offsets that the broker now has."""
        for partition, following in offsets.items():
            if self._ready.get(partition) == following:
                del self._ready[partition]

    def clear(self) -> None:
        """Forget everything: the partitions are dealt out anew, from their committed offsets."""
        self._handled.clear()
        self._ready.clear()
