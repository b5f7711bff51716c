"""Where the simulated exchange's books come from: a seeded walk, or a recorded capture."""

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from core.contracts.money import floor_to_step
from trader.simulator.captures import BookUpdate, Capture

SECOND_NS: Final = 1_000_000_000


class Step(msgspec.Struct, frozen=True):
    """The next move of a source: wait so long after the one before, then show these books."""

    wait_ns: int
    updates: tuple[BookUpdate, ...]


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """How one symbol's synthetic book looks and moves.

    Attributes:
        symbol: the pair.
        mid: where the walk starts, quote per base unit.
        tick_size: prices are multiples of it.
        lot_size: quantities are multiples of it.
        spread_bps: from best bid to best ask, in basis points of the mid.
        step_bps: standard deviation of one step of the mid, in basis points.
        levels: how many on each side.
        level_quantity: base units on a level; each is drawn between half and one and a half of it.
    """

    symbol: str
    mid: Decimal
    tick_size: Decimal
    lot_size: Decimal
    spread_bps: float
    step_bps: float
    levels: int
    level_quantity: Decimal


def synthetic(walks: Sequence[Walk], *, seed: int, interval_ns: int) -> Iterator[Step]:
    """Move every symbol once a step, for ever; equal seeds give equal books.

    The mid follows a random walk that is drawn back to where it began, so that a long run stays
    near it.
    """
    draws = {walk.symbol: random.Random(f"{seed}:{walk.symbol}") for walk in walks}  # noqa: S311 - a simulation, not a secret
    drifts = dict.fromkeys(draws, 0.0)
    offset_ns = 0
    while True:
        updates = []
        for walk in walks:
            draw = draws[walk.symbol]
            drifts[walk.symbol] += draw.gauss(0, walk.step_bps) - 0.001 * drifts[walk.symbol]
            updates.append(_synthetic_book(walk, drifts[walk.symbol], draw, offset_ns))
        yield Step(interval_ns if offset_ns else 0, tuple(updates))
        offset_ns += interval_ns or 1


def _synthetic_book(
    walk: Walk, drift_bps: float, draw: random.Random, offset_ns: int
) -> BookUpdate:
    tick = walk.tick_size
    mid = walk.mid * Decimal(f"{max(0.01, 1 + drift_bps / 10_000):.8f}")
    half_spread = mid * Decimal(f"{walk.spread_bps / 20_000:.10f}")
    best_bid = max(tick, floor_to_step(mid - half_spread, tick))
    best_ask = max(best_bid + tick, floor_to_step(mid + half_spread, tick))
    gap = max(tick, floor_to_step(half_spread, tick))

    def quantity() -> Decimal:
        drawn = walk.level_quantity * Decimal(f"{draw.uniform(0.5, 1.5):.4f}")
        return max(walk.lot_size, floor_to_step(drawn, walk.lot_size))

    return BookUpdate(
        offset_ns=offset_ns,
        symbol=walk.symbol,
        bids=tuple(
            (best_bid - n * gap, quantity()) for n in range(walk.levels) if best_bid - n * gap > 0
        ),
        asks=tuple((best_ask + n * gap, quantity()) for n in range(walk.levels)),
    )


def replay(capture: Capture, *, speed: float, repeat: bool) -> Iterator[Step]:
    """Play a capture, one book a step; every symbol shows its first book at once.

    Args:
        capture: what to play.
        speed: 1 is the recorded pace, 10 ten times faster.
        repeat: begin again after the end.
    """
    first: dict[str, BookUpdate] = {}
    for update in capture.updates:
        first.setdefault(update.symbol, update)
    yield Step(0, tuple(first.values()))
    while True:
        previous_ns = 0
        for update in capture.updates:
            yield Step(int((update.offset_ns - previous_ns) / speed), (update,))
            previous_ns = update.offset_ns
        if not repeat:
            return
