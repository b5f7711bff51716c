"""Finds the value that a dotted path names in a decoded JSON object."""

from collections.abc import Callable
from typing import Any

Json = Any
Pick = Callable[[dict[str, Json]], Json]


def pick_from(path: str | None) -> Pick:
    """Compile a path to a look-up that gives None where the path leads nowhere, or is None."""
    if path is None:
        return _nothing
    *way, last = path.split(".")

    def pick(found: dict[str, Json]) -> Json:
        return found.get(last)

    def pick_nested(found: dict[str, Json]) -> Json:
        for step in way:
            inner = found.get(step)
            if not isinstance(inner, dict):
                return None
            found = inner
        return found.get(last)

    return pick_nested if way else pick


def _nothing(found: dict[str, Json]) -> None:
    """Pick a field that is not configured."""
