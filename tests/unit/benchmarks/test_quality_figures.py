import pytest

from benchmarks.quality_figures import Answer, Right, Scores
from core.contracts.signal import Direction, EventType

BUY, SELL, NEUTRAL = Direction.BUY, Direction.SELL, Direction.NEUTRAL
LISTING, HACK, NOT_NEWS = EventType.LISTING, EventType.HACK, EventType.NOT_NEWS


def right(kind: EventType, direction: Direction, coins: str, story: str = "") -> Right:
    return Right(kind, direction, frozenset(coins.split()), story or f"{kind} {coins}")


def said(
    kind: EventType, direction: Direction, coins: str, confidence: float = 0.9, *, traded: bool
) -> Answer:
    subjects = frozenset(coins.split())
    return Answer(kind, direction, confidence, subjects, subjects if traded else frozenset())


RIGHT = [
    right(LISTING, BUY, "AAA BBB"),
    right(LISTING, BUY, "CCC"),
    right(HACK, SELL, "DDD"),
    right(NOT_NEWS, NEUTRAL, "EEE"),
    right(NOT_NEWS, NEUTRAL, ""),
]
SAID = [
    said(LISTING, BUY, "AAA", traded=True),  # half of its coins
    said(LISTING, BUY, "CCC XXX", 0.5, traded=False),  # not sure enough, and a coin too many
    said(LISTING, BUY, "DDD", traded=True),  # the wrong way
    said(HACK, SELL, "EEE", traded=True),  # no news
    said(NOT_NEWS, NEUTRAL, "", 0.0, traded=False),
]


@pytest.fixture(scope="module")
def scores() -> Scores:
    return Scores(RIGHT, SAID, seed=1)


def test_coins_are_counted_over_all_texts(scores: Scores) -> None:
    assert scores.assets_f1().value == pytest.approx(2 * 4 / (5 + 5))


def test_direction_is_averaged_over_the_three_ways(scores: Scores) -> None:
    buy, sell, neutral = 2 * 2 / (2 + 3), 0.0, 2 * 1 / (2 + 1)
    assert scores.direction_macro_f1().value == pytest.approx((buy + sell + neutral) / 3)


def test_type_is_averaged_over_the_types_that_occur(scores: Scores) -> None:
    listing, hack, none = 2 * 2 / (2 + 3), 0.0, 2 * 1 / (2 + 1)
    assert scores.type_macro_f1().value == pytest.approx((listing + hack + none) / 3)


def test_precision_counts_signals_that_trade(scores: Scores) -> None:
    assert scores.precision(BUY).value == pytest.approx(1 / 2)
    assert scores.precision(SELL).value == 0.0


def test_coverage_counts_coins_that_should_trade(scores: Scores) -> None:
    assert scores.coverage(BUY).value == pytest.approx(1 / 3)
    assert scores.coverage(SELL).value == 0.0


def test_a_signal_of_one_kind_must_be_of_that_kind(scores: Scores) -> None:
    assert scores.type_precision(LISTING).value == pytest.approx(1 / 2)
    assert scores.type_signals(LISTING) == 2
    assert scores.type_precision(HACK).value == 0.0


def test_false_signals_are_a_part_of_what_is_no_news(scores: Scores) -> None:
    assert scores.false_signals().value == pytest.approx(1 / 2)


def test_calibration_compares_confidence_with_what_was_right(scores: Scores) -> None:
    # Three answers at 0.9, of which one was right; one at 0.5 that was.
    expected = (abs(3 * 0.9 - 1) + abs(0.5 - 1)) / 4
    assert scores.calibration_error().value == pytest.approx(expected)


def test_silence_is_precise_and_covers_nothing() -> None:
    silent = Scores(RIGHT, [said(NOT_NEWS, NEUTRAL, "", traded=False)] * len(RIGHT), seed=1)
    assert silent.precision(BUY).value == 1.0
    assert silent.coverage(BUY).value == 0.0
    assert silent.calibration_error().value == 0.0


def test_texts_of_one_story_are_drawn_together() -> None:
    def width(stories: list[str]) -> float:
        asked = [right(LISTING, BUY, "AAA", story) for story in stories]
        found = [
            said(LISTING, BUY, "AAA" if number % 2 else "BBB", traded=True)
            for number in range(len(stories))
        ]
        figure = Scores(asked, found, seed=3).precision(BUY)
        assert figure.low <= figure.value <= figure.high
        return figure.high - figure.low

    alone = [str(number) for number in range(40)]
    by_twenty = [str(number % 2) for number in range(40)]
    assert width(by_twenty) > 2 * width(alone)
