"""Makes the demonstration's order books: invented depth around a given mid price. Pure."""

from decimal import Decimal
from hashlib import blake2b
from typing import Final

from console.demo.tape import BPS, SymbolSpec
from core.contracts.money import Amount, ceil_to_step, floor_to_step

LEVELS: Final = 10
_DEEPER: Final = Decimal("0.35")  # each level further out holds so much more than the best one

Levels = tuple[tuple[Amount, Amount], ...]  # (price, quantity), best first


def levels(spec: SymbolSpec, mid: Decimal, step: int) -> tuple[Levels, Levels]:
    """Make both sides of a book.

    Equal arguments give equal books. Prices are on the tick, the best ones half the spread from
    the mid and at least one tick apart; quantities are on the lot and vary by half around what
    the spec asks for, by a hash of symbol, step, side and level.

    Args:
        spec: the pair.
        mid: quote per base unit, above zero.
        step: of the tape; another step gives other quantities.

    Returns:
        Bids and asks, ten levels each; fewer bids where prices would reach zero.
    """
    half = mid * spec.spread_bps / (2 * BPS)
    bid = max(spec.tick_size, floor_to_step(mid - half, spec.tick_size))
    ask = max(bid + spec.tick_size, ceil_to_step(mid + half, spec.tick_size))
    gap = max(spec.tick_size, floor_to_step(half, spec.tick_size))
    bids = tuple(
        (Amount(bid - level * gap), _quantity(spec, mid, step, "bid", level))
        for level in range(LEVELS)
        if bid - level * gap > 0
    )
    asks = tuple(
        (Amount(ask + level * gap), _quantity(spec, mid, step, "ask", level))
        for level in range(LEVELS)
    )
    return bids, asks


def _quantity(spec: SymbolSpec, mid: Decimal, step: int, side: str, level: int) -> Amount:
    seed = f"{spec.symbol} {step} {side} {level}".encode()
    drawn = int.from_bytes(blake2b(seed, digest_size=2).digest(), "big")  # 0 to 65535
    share = (1 + level * _DEEPER) * (Decimal("0.5") + Decimal(drawn) / 65_535)
    quantity = floor_to_step(spec.depth_notional * share / mid, spec.lot_size)
    return Amount(max(quantity, spec.lot_size))
