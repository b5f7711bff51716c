"""The notice: what an exchange says of its own maintenance and incidents, in terms to act on."""

from enum import StrEnum
from typing import Final

import msgspec


class NoticeKind(StrEnum):
    """Planned or not."""

    MAINTENANCE = "maintenance"
    INCIDENT = "incident"


class NoticeState(StrEnum):
    """How far it has come."""

    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"  # begun, and not said to be over: being watched counts as begun
    RESOLVED = "resolved"
    CANCELLED = "cancelled"  # withdrawn: the exchange's page no longer knows of it


OVER: Final = (NoticeState.RESOLVED, NoticeState.CANCELLED)
"""Nothing more will come of it."""


class Impact(StrEnum):
    """How bad the exchange says it is."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"
    MAINTENANCE = "maintenance"  # planned work, which is all that the page says


class Affected(StrEnum):
    """What of the exchange it is about."""

    TRADING = "trading"
    DEPOSITS = "deposits"
    WITHDRAWALS = "withdrawals"
    OTHER = "other"


class VenueNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A maintenance window or an incident of one exchange, as it stands now.

    Of two with the same id, that of the higher revision counts, and of two with the same revision
    that which was received later: it says that the same still holds, or that it is withdrawn.

    Attributes:
        id: `notice_id(source, channel, native id)`; the same for all its revisions.
        venue: the exchange's name, as orders have it.
        kind: maintenance or incident.
        state: scheduled, in progress, resolved or cancelled.
        impact: how bad the exchange says it is.
        starts_ns: when it begins or began, UTC ns.
        ends_ns: when it is to end, or ended, UTC ns; None where the exchange does not say.
        affects: what it is about; empty where the exchange does not say.
        pairs: `BASE/QUOTE`, where it is about these pairs only; empty for all.
        components: what the exchange itself calls the affected parts.
        title: the exchange's headline.
        url: of the notice for people.
        event_id: the event that tells it in words.
        revision: seconds since 1970 of the exchange's last change.
        received_ns: when the exchange last said so, UTC ns.
    """

    id: str
    venue: str
    kind: NoticeKind
    state: NoticeState
    impact: Impact
    starts_ns: int
    ends_ns: int | None = None
    affects: tuple[Affected, ...] = ()
    pairs: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    title: str = ""
    url: str | None = None
    event_id: str
    revision: int
    received_ns: int

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in OVER
