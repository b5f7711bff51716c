"""The one handler behind every source: items in, each event published once."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from core.contracts.clock import Clock
from core.contracts.event import Event
from core.contracts.notice import VenueNotice
from core.contracts.topics import EVENTS, VENUE_NOTICES
from core.contracts.trace import Trace
from core.runtime.bus.port import Bus
from crawlers.item import Item, Refusal
from crawlers.normalise import Limits, normalise
from crawlers.notices import NoticeBoard
from crawlers.progress import Channel
from crawlers.seen import Seen

Keyer = Callable[[Event], Sequence[str]]
"""Gives the keys an event is published under: its assets' codes, or its id where it has none."""


class Counts:
    """What came in and what became of it, of one channel or of several together.

    Attributes:
        items: entries read, whole documents refused included.
        events: published.
        duplicates: already published before.
        beaten: of those, what another client of the same channel brought first.
        refusals: by reason.
        ignored: messages that carry no item by their nature, such as heartbeats.
        documents: read to their end, where items come in documents.
        notices: of exchanges' maintenance and incidents, published.
    """

    __slots__ = (
        "beaten",
        "documents",
        "duplicates",
        "events",
        "ignored",
        "items",
        "notices",
        "refusals",
    )

    def __init__(self) -> None:
        self.items = 0
        self.events = 0
        self.duplicates = 0
        self.beaten = 0
        self.ignored = 0
        self.documents = 0
        self.notices = 0
        self.refusals: Counter[str] = Counter()

    def __add__(self, other: "Counts") -> "Counts":
        both = Counts()
        both.items = self.items + other.items
        both.events = self.events + other.events
        both.duplicates = self.duplicates + other.duplicates
        both.beaten = self.beaten + other.beaten
        both.ignored = self.ignored + other.ignored
        both.documents = self.documents + other.documents
        both.notices = self.notices + other.notices
        both.refusals = self.refusals + other.refusals
        return both


class Intake:
    """Takes one channel's items to the bus: normalise, seen before?, stamp, publish.

    Synchronous: on the fast lane the trade has been sent when `take` returns.

    Args:
        channel: whose items these are.
        seen: the source's memory, shared by its channels.
        bus: where events go.
        keyer: see `Keyer`.
        clock: for the trace's `parsed` stamp.
        limits: for `normalise`.
        on_event: hears of each published event, after the trade; must not block.
    """

    def __init__(
        self,
        channel: Channel,
        seen: Seen,
        *,
        bus: Bus,
        keyer: Keyer,
        clock: Clock,
        limits: Limits,
        on_event: Callable[[Event, Channel], None] | None = None,
    ) -> None:
        self.channel: Final = channel
        self.limits: Final = limits
        self.counts: Final = Counts()
        self.notices: Final = NoticeBoard()
        self._seen = seen
        self._publish = bus.publish
        self._keyer = keyer
        self._now_ns = clock.now_ns
        self._on_event = on_event

    def normalise(self, item: Item, received_ns: int) -> Event | Refusal:
        """Turn an item into this channel's event; pure, so it may run in another thread."""
        channel = self.channel
        return normalise(
            item,
            source=channel.source,
            channel=channel.name,
            received_ns=received_ns,
            limits=self.limits,
        )

    def take(self, event: Event | Refusal) -> str | None:
        """Publish an event unless it was before, or count a refusal; gives the event's id.

        Raises:
            Retryable: the bus is full. Nothing was taken or counted: offer the same event again
                before any later one.
            Fatal: the bus has stopped.
        """
        counts = self.counts
        if isinstance(event, Refusal):
            counts.items += 1
            counts.refusals[event.reason] += 1
            return None
        event_id = event.id
        if event_id in self._seen:
            counts.items += 1
            counts.duplicates += 1
            counts.beaten += self._seen.brought_by(event_id) not in (None, self.channel.client)
            return event_id
        trace = Trace(event.received_ns)
        trace.parsed = self._now_ns()
        self._publish(EVENTS, event, record_id=event_id, keys=self._keyer(event), trace=trace)
        channel = self.channel
        self._seen.add(event_id, channel.client)
        channel.unsaved.append(event_id)
        counts.items += 1
        counts.events += 1
        if self._on_event is not None:
            self._on_event(event, channel)
        return event_id

    def tell(self, notice: VenueNotice) -> None:
        """Publish an exchange's notice where it says something new; see `NoticeBoard`.

        Raises:
            Retryable, Fatal: as `take`.
        """
        if self.notices.is_news(notice, is_new_event=notice.event_id not in self._seen):
            self.publish(notice)

    def publish(self, notice: VenueNotice) -> None:
        """Publish an exchange's notice; raises as `take`."""
        trace = Trace(notice.received_ns)
        trace.parsed = self._now_ns()
        record_id = f"{notice.id}-{notice.revision}-{notice.received_ns}"
        self._publish(VENUE_NOTICES, notice, record_id=record_id, keys=(notice.venue,), trace=trace)
        self.notices.told(notice)
        self.counts.notices += 1
