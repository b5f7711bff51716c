"""Events for the tests."""

from typing import Any

import msgspec

from core.contracts.clock import ManualClock
from core.contracts.event import Event
from core.contracts.identity import event_id

NOW = ManualClock().now_ns()
SECOND = 1_000_000_000


def an_event(text: str, number: int = 0, **changes: Any) -> Event:  # noqa: ANN401 - any field
    event = Event(
        id=event_id("rss", "wire", str(number)),
        source="rss",
        channel="wire",
        native_id=str(number),
        text=text,
        published_ns=NOW,
        received_ns=NOW,
    )
    return msgspec.structs.replace(event, **changes)
