"""What exchanges say of their maintenance: an item's typed part as a record, told once a change."""

from typing import Final

from msgspec.structs import replace

from core.contracts.event import Event
from core.contracts.identity import notice_id
from core.contracts.notice import NoticeState, VenueNotice
from crawlers.item import ItemNotice

_KEEP_SAYING_NS: Final = 60_000_000_000


def notice_of(found: ItemNotice, event: Event) -> VenueNotice:
    """Give an item's typed part the identity, words and time of its event."""
    return VenueNotice(
        id=notice_id(event.source, event.channel, event.native_id),
        venue=found.venue,
        kind=found.kind,
        state=found.state,
        impact=found.impact,
        starts_ns=found.starts_ns,
        ends_ns=found.ends_ns,
        affects=found.affects,
        pairs=found.pairs,
        components=found.components,
        title=event.title or "",
        url=event.url,
        event_id=event.id,
        revision=found.revision,
        received_ns=event.received_ns,
    )


class NoticeBoard:
    """Which of a channel's notices were told by this process, and how.

    What is not over is told at the first sight, however old: whoever listens may have missed it.
    What is over is told when its event is new, or when it was not over before.
    """

    def __init__(self) -> None:
        self._open: dict[str, VenueNotice] = {}

    def is_news(self, notice: VenueNotice, *, is_new_event: bool) -> bool:
        """Say whether a notice is to be told."""
        told = self._open.get(notice.id)
        if told is None:
            return is_new_event or not notice.is_over
        return notice.revision >= told.revision and notice != replace(
            told, received_ns=notice.received_ns, event_id=notice.event_id
        )

    def told(self, notice: VenueNotice) -> None:
        """Hear that a notice was published."""
        if notice.is_over:
            self._open.pop(notice.id, None)
        else:
            self._open[notice.id] = notice

    def overrunning(self, now_ns: int) -> list[VenueNotice]:
        """Give what should have ended and has not, as to be told again: once a minute.

        Without it nobody could tell a maintenance that takes longer from a page that is away.
        """
        return [
            replace(notice, received_ns=now_ns)
            for notice in self._open.values()
            if notice.state is NoticeState.IN_PROGRESS
            and notice.ends_ns is not None
            and now_ns > notice.ends_ns
            and now_ns - notice.received_ns >= _KEEP_SAYING_NS
        ]
