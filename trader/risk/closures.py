"""When an exchange's own notices keep us from entering there. Pure."""

from typing import Final

import msgspec

from core.contracts.notice import (
    OVER,
    Affected,
    Impact,
    NoticeKind,
    NoticeState,
    VenueNotice,
)
from core.contracts.orders import Intent
from trader.settings import TraderSettings

MS: Final = 1_000_000
_GRAVE: Final = (Impact.MAJOR, Impact.CRITICAL)
_LONGEST_TITLE: Final = 80


class Closure(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which one venue, or some pairs of it, are not to be entered.

    Attributes:
        notice: why.
        from_ns: UTC ns, inclusive.
        until_ns: UTC ns, exclusive; None until the venue says that it is over.
    """

    notice: VenueNotice
    from_ns: int
    until_ns: int | None

    def holds(self, now_ns: int) -> bool:
        """Whether it is that time."""
        return self.from_ns <= now_ns and (self.until_ns is None or now_ns < self.until_ns)

    def refuses(self, intent: Intent, now_ns: int) -> bool:
        """Whether it keeps an order back; one that reduces exposure never."""
        notice = self.notice
        return (
            not intent.reduces
            and intent.venue == notice.venue
            and self.holds(now_ns)
            and (not notice.pairs or f"{intent.asset}/{intent.quote_asset}" in notice.pairs)
        )

    def describe(self) -> str:
        """Say in words what is the matter."""
        notice = self.notice
        pairs = f" of {', '.join(notice.pairs)}" if notice.pairs else ""
        return f"{notice.kind} {notice.state}{pairs}: {notice.title[:_LONGEST_TITLE]}"


def closure_of(notice: VenueNotice, settings: TraderSettings) -> Closure | None:
    """Say when a notice keeps us from entering, if it does at all.

    Work on trading does, from `maintenance_lead_ms` before it begins, and so does an incident
    that is major or critical. A notice that names nothing it is about is taken to be about
    trading. Both last until the venue says that they are over. Where an end was announced and
    the venue is silent after it, they are over `maintenance_grace_ms` later; as long as the venue
    says that they go on, they do.
    """
    if notice.state in OVER or notice.id in settings.ignored_notices:
        return None
    if notice.affects and Affected.TRADING not in notice.affects:
        return None
    if notice.kind is NoticeKind.INCIDENT and notice.impact not in _GRAVE:
        return None
    from_ns, last_word_ns = notice.starts_ns - settings.maintenance_lead_ms * MS, notice.ends_ns
    if notice.state is NoticeState.IN_PROGRESS:
        from_ns = min(from_ns, notice.received_ns)  # it may have begun early
        if last_word_ns is not None:
            last_word_ns = max(last_word_ns, notice.received_ns)
    until_ns = None if last_word_ns is None else last_word_ns + settings.maintenance_grace_ms * MS
    return Closure(notice=notice, from_ns=from_ns, until_ns=until_ns)


class Closures:
    """What a trader knows of its venue's notices: the newest word of each.

    Attributes:
        pending: those that keep us from entering, now or later; empty on most days.
    """

    def __init__(self, settings: TraderSettings) -> None:
        self._settings = settings
        self._notices: dict[str, VenueNotice] = {}
        self.pending: tuple[Closure, ...] = ()

    def take(self, notice: VenueNotice) -> bool:
        """Take a notice; says whether it told anything new."""
        known = self._notices.get(notice.id)
        if known is not None and (
            known.revision > notice.revision
            or (known.revision == notice.revision and known.received_ns >= notice.received_ns)
        ):
            return False
        self._notices[notice.id] = notice
        found = [closure_of(one, self._settings) for one in self._notices.values()]
        self.pending = tuple(one for one in found if one is not None)
        return True

    def now(self, now_ns: int) -> tuple[Closure, ...]:
        """Give what keeps us from entering at a time."""
        return tuple(one for one in self.pending if one.holds(now_ns))
