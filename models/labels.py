"""Names the classes that models tell apart: a kind of news and its direction, or a kind of none."""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from core.contracts.errors import ConfigurationError
from core.contracts.event_types import MEANINGS, NotNews
from core.contracts.signal import Direction, EventType

DIRECTIONS: Final = (Direction.BUY, Direction.SELL, Direction.NEUTRAL)

_NOT_NEWS: Final = frozenset(NotNews)


class Label(NamedTuple):
    """One class.

    Attributes:
        event_type: `NOT_NEWS` for every kind that is none.
        direction: neutral exactly where it is not news.
        detail: the kind of `NotNews`; empty for news.
    """

    event_type: EventType
    direction: Direction
    detail: str


def label_name(kind: str, direction: Direction) -> str:
    """Write a class as manifests and weights do: `listing/buy`, `price_talk/neutral`."""
    return f"{kind}/{direction.value}"


@cache
def read_label(name: str) -> Label:
    """Read a class's name.

    Raises:
        ConfigurationError: there is no such class.
    """
    kind, _, way = name.partition("/")
    direction = next((known for known in DIRECTIONS if known.value == way), None)
    if kind in _NOT_NEWS and direction is Direction.NEUTRAL:
        return Label(EventType.NOT_NEWS, direction, kind)
    if kind in MEANINGS and direction in (Direction.BUY, Direction.SELL):
        return Label(EventType(kind), direction, "")
    raise ConfigurationError(
        f"there is no class {name!r}: write a kind of news with /buy or /sell, or a kind of no news"
        " with /neutral"
    )


class Ways(NamedTuple):
    """A label set, by direction.

    Attributes:
        labels: all, in the model's order.
        columns: for buy, sell and neutral, the places of their classes.
    """

    labels: tuple[Label, ...]
    columns: tuple[tuple[int, ...], ...]


def ways_of(names: Sequence[str]) -> Ways:
    """Read a label set.

    Raises:
        ConfigurationError: a name is no class, or stands there twice.
    """
    if len(set(names)) != len(names):
        raise ConfigurationError("a class stands twice in the label set")
    labels = tuple(read_label(name) for name in names)
    return Ways(
        labels,
        tuple(
            tuple(at for at, label in enumerate(labels) if label.direction is direction)
            for direction in DIRECTIONS
        ),
    )
