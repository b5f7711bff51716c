"""Sizing and limit prices: on their steps, within every cap, whatever the book."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.contracts.money import Amount
from core.contracts.orders import RefuseReason, Side
from tests.unit.trader.worlds import INSTRUMENT, VENUE
from trader.settings import SizingSettings
from trader.sizing import limit_price, size, within
from trader.venues.port import Depth, Level

ticks = st.integers(min_value=1, max_value=10_000_000)
lots = st.integers(min_value=1, max_value=10_000_000)


@st.composite
def books(draw: st.DrawFn) -> Depth:
    touch = draw(st.integers(min_value=20, max_value=10_000_000))
    steps = draw(st.lists(st.integers(min_value=1, max_value=50), min_size=1, max_size=10))

    def levels(sign: int) -> tuple[Level, ...]:
        price, made = touch, []
        for step in steps:
            price += sign * step
            if price > 0:
                quantity = draw(lots) * INSTRUMENT.lot_size
                made.append((Amount(price * INSTRUMENT.tick_size), Amount(quantity)))
        return tuple(made)

    return Depth(
        venue=VENUE,
        symbol="IOTAUSDT",
        bids=levels(-1),
        asks=levels(1),
        venue_ns=0,
        received_ns=0,
    )


@given(
    books(),
    st.sampled_from(list(Side)),
    st.decimals(min_value=0, max_value=1_000_000, places=6),
    st.floats(min_value=0.01, max_value=1),
)
def test_size_keeps_every_cap(book: Depth, side: Side, free: Decimal, confidence: float) -> None:
    settings = SizingSettings()
    first, second = size(
        side, confidence, instrument=INSTRUMENT, depth=book, free=free, settings=settings
    )
    if isinstance(first, RefuseReason):
        return
    limit = Decimal(str(second))
    assert first % INSTRUMENT.lot_size == 0
    assert limit % INSTRUMENT.tick_size == 0
    assert first >= INSTRUMENT.min_quantity
    assert settings.min_notional <= first * limit <= settings.max_notional
    assert first <= within(side, book, limit) * settings.depth_share
    assert (first * limit if side is Side.BUY else first) <= free


@given(books(), st.sampled_from(list(Side)), st.decimals(min_value=0, max_value=500, places=1))
def test_limit_reaches_the_touch_and_never_passes_the_cap(
    book: Depth, side: Side, slippage_bps: Decimal
) -> None:
    if not book.bids:
        return
    limit = limit_price(side, book, INSTRUMENT, slippage_bps)
    share = slippage_bps / 10_000
    if side is Side.BUY:
        assert book.asks[0][0] <= limit <= book.asks[0][0] * (1 + share)
    else:
        assert book.bids[0][0] * (1 - share) <= limit <= book.bids[0][0]


def test_empty_side_is_no_book() -> None:
    book = Depth(venue=VENUE, symbol="IOTAUSDT", bids=(), asks=(), venue_ns=0, received_ns=0)
    sized = size(
        Side.BUY,
        1.0,
        instrument=INSTRUMENT,
        depth=book,
        free=Decimal(100),
        settings=SizingSettings(),
    )
    assert sized[0] is RefuseReason.NO_BOOK


def test_book_too_thin_for_the_smallest_order_is_named_so() -> None:
    level = ((Amount("1.0000"), Amount("0.2")),)
    book = Depth(venue=VENUE, symbol="IOTAUSDT", bids=level, asks=level, venue_ns=0, received_ns=0)
    sized = size(
        Side.BUY,
        1.0,
        instrument=INSTRUMENT,
        depth=book,
        free=Decimal(10_000),
        settings=SizingSettings(),
    )
    assert sized[0] is RefuseReason.THIN_BOOK
