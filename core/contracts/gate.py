"""The gate's three states and the record of each change."""

from enum import StrEnum

import msgspec


class GateState(StrEnum):
    """What the trader may send."""

    ACTIVE = "active"
    REDUCING = "reducing"  # only orders that reduce exposure
    HALTED = "halted"  # only cancels


class GateChange(msgspec.Struct, frozen=True, kw_only=True):
    """Who moved the gate where, why and when (UTC ns)."""

    state: GateState
    reason: str
    by: str
    changed_ns: int
