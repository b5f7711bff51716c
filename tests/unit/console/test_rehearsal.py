"""The rehearsal goes the whole way to an approved order, and touches nothing on it."""

from console.lanes.rehearsal import Rehearsal
from core.contracts.clock import ManualClock
from signals.pipeline import Limits
from signals.reader import Reader
from trader.settings import TraderSettings


def test_nearly_every_rehearsal_comes_to_an_order() -> None:
    rehearsal = Rehearsal(
        reader=Reader(),
        signal_limits=Limits(),
        trader=TraderSettings(),
        clock=ManualClock(),
    )
    runs = 400
    for _ in range(runs):
        for _ in rehearsal.steps():
            pass
    assert rehearsal.orders > 0.9 * runs


def test_rehearsal_stops_after_each_stage() -> None:
    rehearsal = Rehearsal(
        reader=Reader(),
        signal_limits=Limits(),
        trader=TraderSettings(),
        clock=ManualClock(),
    )
    assert sum(1 for _ in rehearsal.steps()) == 3
