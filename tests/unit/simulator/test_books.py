"""Sources of books: the seeded walk and the replay of a capture."""

from decimal import Decimal
from itertools import islice

from core.contracts.money import Amount
from tests.unit.simulator.examples import levels
from trader.simulator.books import Walk, replay, synthetic
from trader.simulator.captures import BookUpdate, Capture

WALK = Walk(
    symbol="BTCUSDT",
    mid=Decimal(100),
    tick_size=Decimal("0.01"),
    lot_size=Decimal("0.001"),
    spread_bps=10,
    step_bps=20,
    levels=5,
    level_quantity=Decimal(2),
)


def test_equal_seeds_give_equal_books_and_others_differ() -> None:
    def first(seed: int) -> list[object]:
        return list(islice(synthetic([WALK], seed=seed, interval_ns=100), 50))

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_synthetic_books_are_whole_ordered_and_on_the_grid() -> None:
    for step in islice(synthetic([WALK], seed=3, interval_ns=100), 500):
        (book,) = step.updates
        assert list(book.bids) == sorted(book.bids, reverse=True)
        assert list(book.asks) == sorted(book.asks)
        assert book.bids[0][0] < book.asks[0][0]
        for price, quantity in (*book.bids, *book.asks):
            assert price > 0
            assert price % WALK.tick_size == 0
            assert quantity > 0
            assert quantity % WALK.lot_size == 0


def test_first_synthetic_book_is_due_at_once_and_the_others_after_the_interval() -> None:
    waits = [step.wait_ns for step in islice(synthetic([WALK], seed=1, interval_ns=100), 3)]
    assert waits == [0, 100, 100]


def capture() -> Capture:
    def update(offset_ns: int, symbol: str, ask: str) -> BookUpdate:
        return BookUpdate(
            offset_ns=offset_ns,
            symbol=symbol,
            bids=tuple(levels(("1", "1"))),
            asks=tuple(levels((ask, "1"))),
        )

    updates = (update(0, "A", "2"), update(1000, "B", "3"), update(1500, "A", "4"))
    return Capture(updates=updates, instruments=(), skipped={})


def test_replay_shows_every_symbol_at_once_and_keeps_the_recorded_pace() -> None:
    first, *others = replay(capture(), speed=1, repeat=False)
    assert [update.symbol for update in first.updates] == ["A", "B"]
    assert [step.wait_ns for step in others] == [0, 1000, 500]
    assert [step.updates[0].asks[0][0] for step in others] == [2, 3, 4]


def test_replay_ten_times_faster_waits_a_tenth() -> None:
    assert [step.wait_ns for step in replay(capture(), speed=10, repeat=False)] == [0, 0, 100, 50]


def test_repeated_replay_begins_again() -> None:
    shown = list(islice(replay(capture(), speed=1, repeat=True), 7))
    assert shown[1].updates == shown[4].updates
    assert Amount(shown[6].updates[0].asks[0][0]) == 4
