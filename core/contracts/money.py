"""Amounts of money, prices and quantities: exact, finite, and written without an exponent."""

from decimal import ROUND_CEILING, ROUND_DOWN, Decimal
from typing import Final


class Amount(Decimal):
    """A price, quantity, fee or balance as it stands in a record.

    A type of its own, so that the codec writes `0.000001` where `Decimal` would write `1E-6`
    (a venue once read that as 1), and so that the type checker sees every place where a computed
    `Decimal` enters a record. Arithmetic gives plain `Decimal`s: compute, then wrap once.
    """

    __slots__ = ()

    def __str__(self) -> str:
        """Write plain digits: never an exponent."""
        return format(self, "f")


ZERO: Final = Amount(0)


def parse_amount(text: str) -> Amount:
    """Read an amount from a venue or a configuration.

    Accepts an exponent, since some venues write one; never writes it back.

    Raises:
        ValueError: not a number, or not a finite one.
    """
    try:
        value = Amount(text)
    except ArithmeticError as error:
        raise ValueError(f"not a decimal number: {text!r}") from error
    if not value.is_finite():
        raise ValueError(f"not a finite number: {text!r}")
    return value


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Round a non-negative value down to a multiple of a venue's lot or tick size."""
    return (value / step).to_integral_value(ROUND_DOWN) * step


def ceil_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Round a non-negative value up to a multiple of a venue's lot or tick size."""
    return (value / step).to_integral_value(ROUND_CEILING) * step
