"""What the simulated exchange can be told to do wrong, to which orders and requests."""

import random
from collections import Counter
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from core.contracts.errors import Rejected
from trader.simulator.orders import MESSAGES


class FaultKind(StrEnum):
    """Each kind, by what a client sees."""

    TIMEOUT = "timeout"  # placed, never answered; its reports are withheld (hold_ms)
    LOST = "lost"  # never placed, never answered
    DROP_BEFORE = "drop_before"  # the socket is dropped, nothing was placed
    DROP_AFTER = "drop_after"  # placed, and the socket is dropped without an answer
    ERROR_IN_SUCCESS = "error_in_success"  # a result that holds an error (code, placed)
    SERVER_ERROR = "server_error"  # error 500, though it was placed, or not (placed)
    REJECT = "reject"  # refused with a code
    FILL_LATE = "fill_late"  # acknowledged now, matched after delay_ms
    PARTIAL = "partial"  # only a fraction of it meets the book
    DUPLICATE_REPORTS = "duplicate_reports"  # each report comes twice
    SLOW = "slow"  # placed at once, answer and reports come after delay_ms
    REST_503 = "rest_503"  # the next REST requests are answered 503
    REST_429 = "rest_429"  # ... or 429 with Retry-After
    REST_ERROR_IN_SUCCESS = "rest_error_in_success"  # ... or 200 with an error inside
    STALE_BOOK = "stale_book"  # changes of books are not published
    CLOCK_SKEW = "clock_skew"  # the exchange's clock is off by skew_ms until reset


ORDER_FAULTS: Final = frozenset(
    {
        FaultKind.TIMEOUT,
        FaultKind.LOST,
        FaultKind.DROP_BEFORE,
        FaultKind.DROP_AFTER,
        FaultKind.ERROR_IN_SUCCESS,
        FaultKind.SERVER_ERROR,
        FaultKind.REJECT,
        FaultKind.FILL_LATE,
        FaultKind.PARTIAL,
        FaultKind.DUPLICATE_REPORTS,
        FaultKind.SLOW,
    }
)
REST_FAULTS: Final = frozenset(
    {FaultKind.REST_503, FaultKind.REST_429, FaultKind.REST_ERROR_IN_SUCCESS}
)
BOOK_FAULTS: Final = frozenset({FaultKind.STALE_BOOK})

_Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=86_400_000)]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One instruction; it holds for the next order (request, book) unless it says otherwise.

    Attributes:
        kind: what to do.
        count: to how many orders, requests or books.
        always: to all, until reset.
        probability: to each with this chance, drawn from the seeded generator; without `count`
            it holds until reset.
        delay_ms: for `fill_late` and `slow`.
        hold_ms: for `timeout`: reports come after so long; without it they come only once
            somebody asks for the order.
        code: for `reject`, `error_in_success` and `rest_error_in_success`.
        placed: for `server_error` (placed all the same, unless false) and `error_in_success`
            (not placed, unless true).
        fraction: for `partial`, between 0 and 1, as a string.
        skew_ms: for `clock_skew`; negative lags behind.
    """

    kind: FaultKind
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    always: bool = False
    probability: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    delay_ms: _Milliseconds = 50
    hold_ms: _Milliseconds | None = None
    code: int = 20001
    placed: bool | None = None
    fraction: Decimal = Decimal("0.5")
    skew_ms: int = 0

    def __post_init__(self) -> None:
        if self.always and self.count is not None:
            raise ValueError("give count or always, not both")
        if self.code not in MESSAGES:
            raise ValueError(f"code {self.code} is none of {sorted(MESSAGES)}")
        if not (self.fraction.is_finite() and 0 <= self.fraction <= 1):
            raise ValueError(f"fraction {self.fraction} is not between 0 and 1")


class Faults:
    """The instructions that still hold; the oldest that fits and fires is taken.

    Attributes:
        fired: how often each kind was carried out.
        skew_ns: how far the exchange's clock is off.
    """

    def __init__(self, seed: int) -> None:
        self.fired: Counter[str] = Counter()
        self.skew_ns = 0
        self._draw = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._armed: list[tuple[Fault, int | None]] = []  # with how many are left; None: no end

    def arm(self, fault: Fault) -> None:
        """Add an instruction."""
        if fault.kind is FaultKind.CLOCK_SKEW:
            self.skew_ns = fault.skew_ms * 1_000_000
            self.fired[fault.kind] += 1
            return
        endless = fault.always or (fault.count is None and fault.probability is not None)
        self._armed.append((fault, None if endless else fault.count or 1))

    def reset(self) -> None:
        """Forget every instruction; what was carried out stays counted."""
        self._armed.clear()
        self.skew_ns = 0

    def armed(self) -> list[tuple[Fault, int | None]]:
        """List what still holds, with how many times it is left (None: until reset)."""
        return list(self._armed)

    def take(self, kinds: frozenset[FaultKind]) -> Fault | None:
        """Give the instruction for one order (request, book), using it up."""
        for index, (fault, left) in enumerate(self._armed):
            if fault.kind not in kinds:
                continue
            if fault.probability is not None and self._draw.random() >= fault.probability:
                continue
            if left == 1:
                del self._armed[index]
            elif left is not None:
                self._armed[index] = (fault, left - 1)
            self.fired[fault.kind] += 1
            return fault
        return None


_DECODER: Final = msgspec.json.Decoder(Fault)


def parse_fault(raw: bytes) -> Fault:
    """Read an instruction: {"kind":"timeout","count":3,"hold_ms":500}.

    Raises:
        Rejected: it is none; the message says why.
    """
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Rejected(f"not a fault: {error}") from error
