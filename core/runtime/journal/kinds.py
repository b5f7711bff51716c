"""Which records the journal knows, and the name each has on its lines."""

from collections.abc import Mapping
from typing import Final

import msgspec

from core.contracts.gate import GateChange
from core.contracts.notice import VenueNotice
from core.contracts.orders import Approved, ExitPlan, OrderReport, Refused
from core.contracts.signal import Signal
from core.contracts.story import AssetStories

Kinds = Mapping[str, type[msgspec.Struct]]


class ExitClosed(msgspec.Struct, frozen=True, kw_only=True):
    """An exit plan is done with: its position is closed, so a restart need not resume it.

    Attributes:
        entry_client_order_id: names the plan, as `ExitPlan.entry_client_order_id` does.
        closed_ns: UTC ns.
    """

    entry_client_order_id: str
    closed_ns: int


SIGNAL: Final = "signal"
INTENT: Final = "intent"
REPORT: Final = "report"
REFUSED: Final = "refused"
GATE: Final = "gate"
STORIES: Final = "stories"
EXIT_PLAN: Final = "exit_plan"
EXIT_CLOSED: Final = "exit_closed"
NOTICE: Final = "notice"

KINDS: Final[Kinds] = {
    SIGNAL: Signal,
    INTENT: Approved,
    REPORT: OrderReport,
    REFUSED: Refused,
    GATE: GateChange,
    STORIES: AssetStories,
    EXIT_PLAN: ExitPlan,
    EXIT_CLOSED: ExitClosed,
    NOTICE: VenueNotice,
}
"""Add to it with `{**KINDS, "name": Struct}`; a kind without an SQL table of its own is kept whole
in `other_records`. Removing or renaming one makes old logs unreadable.
"""
