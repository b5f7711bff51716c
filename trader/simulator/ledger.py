"""The money of the simulated account: what is free, what is reserved, what went into fees."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from core.contracts.orders import Side
from trader.simulator.orders import Order, Refusal
from trader.venues.port import Instrument

ZERO: Final = Decimal(0)


def spent_currency(instrument: Instrument, side: Side) -> str:
    """Name what an order pays with."""
    return instrument.quote_asset if side is Side.BUY else instrument.asset


def unit_reserve(instrument: Instrument, side: Side, limit: Decimal) -> Decimal:
    """Give what each base unit may cost at worst, fee included, in the spent currency."""
    unit = limit if side is Side.BUY else Decimal(1)
    if instrument.fee_asset != spent_currency(instrument, side):
        return unit
    return unit + unit * max(instrument.taker_fee, instrument.maker_fee, ZERO)


class Ledger:
    """Balances of one account, exact; neither part of a balance ever goes below zero.

    Attributes:
        available: free funds by currency.
        reserved: funds in open orders by currency.
        fees_paid: fees charged so far by currency; negative where rebates prevail.
        changed: currencies whose balance moved since somebody last emptied the set.
    """

    def __init__(self, balances: Mapping[str, Decimal]) -> None:
        self.available = dict(balances)
        self.reserved = dict.fromkeys(balances, ZERO)
        self.fees_paid: dict[str, Decimal] = {}
        self.changed: set[str] = set()
        if wrong := [c for c, v in balances.items() if not v.is_finite() or v < ZERO]:
            raise ValueError(f"a balance can't be negative or not a number: {', '.join(wrong)}")

    def reserve(self, currency: str, amount: Decimal) -> None:
        """Move free funds into an order.

        Raises:
            Refusal: 20001, not enough is available; what other orders hold is not.
        """
        available = self.available.get(currency, ZERO)
        if available < amount:
            raise Refusal(20001, f"{amount:f} {currency} needed, {available:f} available")
        self.available[currency] = available - amount
        self.reserved[currency] = self.reserved.get(currency, ZERO) + amount
        self.changed.add(currency)

    def release(self, instrument: Instrument, order: Order) -> None:
        """Free what an order holds for the part that is still open."""
        currency = spent_currency(instrument, order.asked.side)
        self._spend(currency, order.unit_reserve * order.open_quantity, ZERO)

    def settle(
        self, instrument: Instrument, order: Order, price: Decimal, quantity: Decimal, rate: Decimal
    ) -> Decimal:
        """Move the money of one execution.

        Args:
            instrument: the pair.
            order: whose reserved funds pay.
            price: quote per base unit, not worse than the order's limit.
            quantity: base units.
            rate: the fee, a fraction of the notional.

        Returns:
            The fee charged, in the pair's fee asset.
        """
        base, quote = instrument.asset, instrument.quote_asset
        notional = price * quantity
        fee = (notional if instrument.fee_asset == quote else quantity) * rate
        if order.asked.side is Side.BUY:
            spent, cost, received, proceeds = quote, notional, base, quantity
        else:
            spent, cost, received, proceeds = base, quantity, quote, notional
        if instrument.fee_asset == spent:
            cost += fee
        else:
            proceeds -= fee
        self._spend(spent, order.unit_reserve * quantity, cost)
        self.available[received] = self.available.get(received, ZERO) + proceeds
        self.reserved.setdefault(received, ZERO)
        self.changed.add(received)
        fees = self.fees_paid
        fees[instrument.fee_asset] = fees.get(instrument.fee_asset, ZERO) + fee
        return fee

    def _spend(self, currency: str, reserved: Decimal, cost: Decimal) -> None:
        """Take `reserved` out of an order's funds, pay `cost` of it and free the rest."""
        self.reserved[currency] -= reserved
        self.available[currency] += reserved - cost
        self.changed.add(currency)
