"""An order's life as one table: which report leads from which state to which."""

from enum import StrEnum
from typing import Final

from core.contracts.errors import Rejected
from core.contracts.orders import Report


class OrderState(StrEnum):
    """Where an order stands, as far as we can prove."""

    APPROVED = "approved"  # journaled; its bytes may or may not have left
    SENT = "sent"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"  # its fate is being asked for; its worst case counts as exposure
    ABSENT = "absent"  # proved never to have reached the venue


TERMINAL: Final = frozenset(
    {
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
        OrderState.ABSENT,
    }
)

S, R = OrderState, Report

TRANSITIONS: Final[dict[tuple[OrderState, Report], OrderState]] = {
    (S.APPROVED, R.SENT): S.SENT,
    (S.APPROVED, R.ACKNOWLEDGED): S.OPEN,  # after a restart: the venue knows it
    (S.APPROVED, R.PARTIALLY_FILLED): S.PARTIALLY_FILLED,
    (S.APPROVED, R.FILLED): S.FILLED,
    (S.APPROVED, R.CANCELLED): S.CANCELLED,
    (S.APPROVED, R.EXPIRED): S.EXPIRED,
    (S.APPROVED, R.REJECTED): S.REJECTED,
    (S.APPROVED, R.DISCONNECTED): S.UNKNOWN,
    (S.APPROVED, R.FAILED): S.UNKNOWN,
    (S.APPROVED, R.ABSENT): S.ABSENT,
    (S.SENT, R.SENT): S.SENT,
    (S.SENT, R.ACKNOWLEDGED): S.OPEN,
    (S.SENT, R.PARTIALLY_FILLED): S.PARTIALLY_FILLED,  # the fill overtook the acknowledgement
    (S.SENT, R.FILLED): S.FILLED,
    (S.SENT, R.CANCELLED): S.CANCELLED,
    (S.SENT, R.EXPIRED): S.EXPIRED,
    (S.SENT, R.REJECTED): S.REJECTED,
    (S.SENT, R.TIMED_OUT): S.UNKNOWN,  # not rejected: nobody knows yet
    (S.SENT, R.DISCONNECTED): S.UNKNOWN,
    (S.SENT, R.FAILED): S.UNKNOWN,  # a 5xx may well have placed it
    (S.SENT, R.ABSENT): S.ABSENT,
    (S.OPEN, R.SENT): S.OPEN,  # our own stamp was written behind the venue's answer
    (S.OPEN, R.ACKNOWLEDGED): S.OPEN,
    (S.OPEN, R.PARTIALLY_FILLED): S.PARTIALLY_FILLED,
    (S.OPEN, R.FILLED): S.FILLED,
    (S.OPEN, R.CANCELLED): S.CANCELLED,
    (S.OPEN, R.EXPIRED): S.EXPIRED,
    (S.OPEN, R.REJECTED): S.UNKNOWN,  # acknowledged and refused can't both be true: ask
    (S.OPEN, R.TIMED_OUT): S.UNKNOWN,  # a cancel's answer is missing
    (S.OPEN, R.DISCONNECTED): S.UNKNOWN,
    (S.OPEN, R.FAILED): S.UNKNOWN,
    (S.OPEN, R.ABSENT): S.UNKNOWN,  # the venue had it and now denies it: keep asking
    (S.PARTIALLY_FILLED, R.SENT): S.PARTIALLY_FILLED,
    (S.PARTIALLY_FILLED, R.ACKNOWLEDGED): S.PARTIALLY_FILLED,  # late acknowledgement
    (S.PARTIALLY_FILLED, R.PARTIALLY_FILLED): S.PARTIALLY_FILLED,
    (S.PARTIALLY_FILLED, R.FILLED): S.FILLED,
    (S.PARTIALLY_FILLED, R.CANCELLED): S.CANCELLED,
    (S.PARTIALLY_FILLED, R.EXPIRED): S.EXPIRED,
    (S.PARTIALLY_FILLED, R.REJECTED): S.UNKNOWN,  # what was filled can't be refused: ask
    (S.PARTIALLY_FILLED, R.TIMED_OUT): S.UNKNOWN,
    (S.PARTIALLY_FILLED, R.DISCONNECTED): S.UNKNOWN,
    (S.PARTIALLY_FILLED, R.FAILED): S.UNKNOWN,
    (S.PARTIALLY_FILLED, R.ABSENT): S.UNKNOWN,
    (S.UNKNOWN, R.SENT): S.UNKNOWN,
    (S.UNKNOWN, R.ACKNOWLEDGED): S.OPEN,
    (S.UNKNOWN, R.PARTIALLY_FILLED): S.PARTIALLY_FILLED,
    (S.UNKNOWN, R.FILLED): S.FILLED,
    (S.UNKNOWN, R.CANCELLED): S.CANCELLED,
    (S.UNKNOWN, R.EXPIRED): S.EXPIRED,
    (S.UNKNOWN, R.REJECTED): S.REJECTED,  # the definite answer came late
    (S.UNKNOWN, R.TIMED_OUT): S.UNKNOWN,
    (S.UNKNOWN, R.DISCONNECTED): S.UNKNOWN,
    (S.UNKNOWN, R.FAILED): S.UNKNOWN,
    (S.UNKNOWN, R.ABSENT): S.ABSENT,
    (S.FILLED, R.SENT): S.FILLED,
    (S.FILLED, R.ACKNOWLEDGED): S.FILLED,
    (S.FILLED, R.PARTIALLY_FILLED): S.FILLED,  # reports in the wrong order
    (S.FILLED, R.FILLED): S.FILLED,
    (S.FILLED, R.CANCELLED): S.FILLED,  # our cancel came too late
    (S.FILLED, R.EXPIRED): S.FILLED,
    (S.FILLED, R.TIMED_OUT): S.FILLED,
    (S.FILLED, R.DISCONNECTED): S.FILLED,
    (S.FILLED, R.FAILED): S.FILLED,
    (S.CANCELLED, R.SENT): S.CANCELLED,
    (S.CANCELLED, R.ACKNOWLEDGED): S.CANCELLED,
    (S.CANCELLED, R.PARTIALLY_FILLED): S.CANCELLED,  # a fill was on its way when we cancelled
    (S.CANCELLED, R.FILLED): S.FILLED,  # so was the last one
    (S.CANCELLED, R.CANCELLED): S.CANCELLED,
    (S.CANCELLED, R.EXPIRED): S.CANCELLED,
    (S.CANCELLED, R.TIMED_OUT): S.CANCELLED,
    (S.CANCELLED, R.DISCONNECTED): S.CANCELLED,
    (S.CANCELLED, R.FAILED): S.CANCELLED,
    (S.EXPIRED, R.SENT): S.EXPIRED,
    (S.EXPIRED, R.ACKNOWLEDGED): S.EXPIRED,
    (S.EXPIRED, R.PARTIALLY_FILLED): S.EXPIRED,  # an IOC's fill told after its end
    (S.EXPIRED, R.FILLED): S.FILLED,
    (S.EXPIRED, R.CANCELLED): S.EXPIRED,
    (S.EXPIRED, R.EXPIRED): S.EXPIRED,
    (S.EXPIRED, R.TIMED_OUT): S.EXPIRED,
    (S.EXPIRED, R.DISCONNECTED): S.EXPIRED,
    (S.EXPIRED, R.FAILED): S.EXPIRED,
    (S.REJECTED, R.SENT): S.REJECTED,
    (S.REJECTED, R.REJECTED): S.REJECTED,
    (S.REJECTED, R.ACKNOWLEDGED): S.UNKNOWN,  # refused, and there all the same: ask
    (S.REJECTED, R.PARTIALLY_FILLED): S.UNKNOWN,
    (S.REJECTED, R.FILLED): S.FILLED,  # a fill is a fill, whatever was said before
    (S.REJECTED, R.TIMED_OUT): S.REJECTED,
    (S.REJECTED, R.DISCONNECTED): S.REJECTED,
    (S.ABSENT, R.SENT): S.SENT,  # sent again under the same id, which can only exist once
    (S.ABSENT, R.ABSENT): S.ABSENT,
    (S.ABSENT, R.ACKNOWLEDGED): S.OPEN,  # it had arrived after all
    (S.ABSENT, R.PARTIALLY_FILLED): S.PARTIALLY_FILLED,
    (S.ABSENT, R.FILLED): S.FILLED,
    (S.ABSENT, R.CANCELLED): S.CANCELLED,
    (S.ABSENT, R.EXPIRED): S.EXPIRED,
    (S.ABSENT, R.REJECTED): S.REJECTED,
    (S.ABSENT, R.TIMED_OUT): S.UNKNOWN,
    (S.ABSENT, R.DISCONNECTED): S.UNKNOWN,
    (S.ABSENT, R.FAILED): S.UNKNOWN,
}


def next_state(state: OrderState, report: Report) -> OrderState:
    """Look the report up in the table.

    Raises:
        Rejected: the table has no such row: the venue tells what can't be. The caller keeps the
            order UNKNOWN and asks.
    """
    try:
        return TRANSITIONS[state, report]
    except KeyError:
        raise Rejected(f"a {state} order can't be reported {report}") from None
