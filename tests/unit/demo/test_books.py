"""Invented books: on the tick and lot, never crossed, the same every time."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from console.demo.books import LEVELS, levels
from console.demo.tape import SymbolSpec, load_tape
from core.contracts.money import Amount

SPECS = load_tape().symbols


@given(st.sampled_from(SPECS), st.integers(1, 500), st.integers(-3_000, 3_000))
def test_book_is_on_its_steps_and_never_crossed(spec: SymbolSpec, step: int, bps: int) -> None:
    mid = spec.mid * (1 + Decimal(bps) / 10_000)
    bids, asks = levels(spec, mid, step)
    assert len(bids) == len(asks) == LEVELS
    assert bids[0][0] < asks[0][0]
    for price, quantity in (*bids, *asks):
        assert price > 0
        assert quantity > 0
        assert price % spec.tick_size == 0
        assert quantity % spec.lot_size == 0
    assert [p for p, _ in bids] == sorted({p for p, _ in bids}, reverse=True)
    assert [p for p, _ in asks] == sorted({p for p, _ in asks})


def test_same_step_gives_same_book_and_another_step_another() -> None:
    spec = SPECS[0]
    assert levels(spec, spec.mid, 7) == levels(spec, spec.mid, 7)
    assert levels(spec, spec.mid, 7) != levels(spec, spec.mid, 8)


def test_spread_is_about_what_the_spec_asks_for() -> None:
    spec = next(spec for spec in SPECS if spec.symbol == "SOLUSDT")
    bids, asks = levels(spec, spec.mid, 1)
    spread_bps = (asks[0][0] - bids[0][0]) / spec.mid * 10_000
    assert abs(spread_bps - spec.spread_bps) < 1


def test_book_near_zero_has_fewer_bids() -> None:
    spec = SymbolSpec(
        symbol="TINY", asset="T", tick_size=Amount("1"), lot_size=Amount("1"), mid=Amount("3")
    )
    bids, asks = levels(spec, spec.mid, 1)
    assert [price for price, _ in bids] == [2, 1]
    assert len(asks) == LEVELS
