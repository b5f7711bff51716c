"""The gate: ACTIVE, REDUCING or HALTED; every change is recorded and outlives the process."""

from collections.abc import Callable
from typing import Final

from core.contracts.gate import GateChange, GateState

_STRICTNESS: Final = {GateState.ACTIVE: 0, GateState.REDUCING: 1, GateState.HALTED: 2}


class Gate:
    """What may be sent now.

    Tidings itself only ever tightens it (`trip`); loosening is an operator's act (`move`).
    """

    def __init__(self, *, on_change: Callable[[GateChange], None]) -> None:
        """Start ACTIVE; `on_change` must have made the change durable when it returns."""
        self._on_change = on_change
        self._change = GateChange(state=GateState.ACTIVE, reason="first start", by="", changed_ns=0)
        self.state = GateState.ACTIVE

    @property
    def last_change(self) -> GateChange:
        """How the gate came to stand where it stands."""
        return self._change

    def restore(self, change: GateChange | None) -> None:
        """Take up the state that the journal kept."""
        if change is not None:
            self._change = change
            self.state = change.state

    def move(self, state: GateState, *, reason: str, by: str, now_ns: int) -> None:
        """Put the gate where an operator wants it; takes effect before it is recorded."""
        self.state = state
        self._change = GateChange(state=state, reason=reason, by=by, changed_ns=now_ns)
        self._on_change(self._change)

    def trip(self, state: GateState, *, reason: str, now_ns: int) -> bool:
        """Tighten the gate because something is not sure; never loosens it.

        Returns:
            Whether the gate moved.
        """
        if _STRICTNESS[state] <= _STRICTNESS[self.state]:
            return False
        self.move(state, reason=reason, by="tidings", now_ns=now_ns)
        return True
