"""The outside book of one symbol: what is displayed, and what is left once somebody took."""

from collections.abc import Sequence
from decimal import Decimal

from core.contracts.errors import Rejected
from core.contracts.orders import Side
from trader.simulator.ledger import ZERO

Levels = Sequence[tuple[Decimal, Decimal]]  # (price, quantity)


class OutsideBook:
    """One whole book, best first; levels without quantity are left out.

    Attributes:
        bids: (price, quantity still displayed).
        asks: the same.
        venue_ns: when the venue published it, UTC ns.
        sequence: grows with each change of the symbol's book.

    Raises:
        Rejected: a number that is none or negative, or a crossed book.
    """

    def __init__(
        self, symbol: str, bids: Levels, asks: Levels, *, venue_ns: int, sequence: int
    ) -> None:
        for price, quantity in (*bids, *asks):
            if not (price.is_finite() and quantity.is_finite() and price > 0 and quantity >= 0):
                raise Rejected(f"{symbol}: {price} x {quantity} is no level of a book")
        self.bids = sorted((level for level in bids if level[1]), reverse=True)
        self.asks = sorted(level for level in asks if level[1])
        self.venue_ns = venue_ns
        self.sequence = sequence
        if self.bids and self.asks and self.bids[0][0] >= self.asks[0][0]:
            raise Rejected(f"{symbol}: bid {self.bids[0][0]} crosses ask {self.asks[0][0]}")

    def displayed_within(self, side: Side, limit: Decimal) -> Decimal:
        """Sum what an order of `side` could take at `limit` or better."""
        if side is Side.BUY:
            return sum((q for p, q in self.asks if p <= limit), ZERO)
        return sum((q for p, q in self.bids if p >= limit), ZERO)

    def take(self, side: Side, limit: Decimal, wanted: Decimal) -> list[tuple[Decimal, Decimal]]:
        """Remove up to `wanted` at `limit` or better, best level first.

        Returns:
            (price, quantity) taken from each level; what is taken stays gone.
        """
        buys = side is Side.BUY
        levels = self.asks if buys else self.bids
        taken: list[tuple[Decimal, Decimal]] = []
        while levels and wanted > 0:
            price, displayed = levels[0]
            if price > limit if buys else price < limit:
                break
            if displayed <= wanted:
                taken.append(levels.pop(0))
            else:
                taken.append((price, wanted))
                levels[0] = (price, displayed - wanted)
            wanted -= displayed
        if taken:
            self.sequence += 1
        return taken
