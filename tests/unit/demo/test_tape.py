"""The bundled tape is what it says: enough stories of every kind, and each item's truth holds."""

from collections import Counter
from pathlib import Path

import pytest

from console.demo.posts import DateStyle, Form
from console.demo.tape import Item, Tape, load_tape
from core.contracts.errors import ConfigurationError
from core.contracts.signal import EventType, SkipReason
from crawlers.item import Item as Entry
from tests.unit.demo.tape_reading import TapeReader

# Names that readers of crypto news know; ours must not be taken for them.
REAL_OUTLETS = (
    *("coindesk", "cointelegraph", "the block", "decrypt", "bloomberg", "reuters", "blockworks"),
    *("cryptoslate", "bitcoin magazine", "the defiant", "cryptopanic", "beincrypto", "u.today"),
    *("newsbtc", "bitcoinist", "ambcrypto", "coinpost", "btc-echo", "cryptonews", "protos"),
    *("coingape", "cryptopotato", "dl news", "associated press", "cnbc", "wall street journal"),
    *("financial times", "forbes", "fortune", "tree news", "unchained", "the information"),
)


@pytest.fixture(scope="module")
def tape() -> Tape:
    return load_tape()


def test_every_item_has_the_outcome_that_it_says(tape: Tape) -> None:
    reader = TapeReader(tape)
    wrong = []
    for item in tape.items:
        outcome = reader.read(item)
        signals = {(s.asset, s.direction, s.event_type) for s in outcome.signals}
        expected = {(s.asset, s.direction, s.event_type) for s in item.signals}
        if outcome.silent != item.silent or signals != expected:
            wrong.append((item.id, item.title, item.silent, outcome.silent, signals ^ expected))
    assert wrong == []


def test_feeds_give_back_title_and_id_of_what_was_released(tape: Tape) -> None:
    reader = TapeReader(tape)
    for item in tape.items:
        newest = reader.read(item).entries[0]
        if item.raw is None:
            assert isinstance(newest, Entry)
            assert (newest.native_id, newest.title) == (item.id, item.title)


def test_tape_is_large_enough(tape: Tape) -> None:
    assert len(tape.stories) >= 44
    assert len(tape.items) >= 170
    assert len(tape.outlets) >= 12
    assert len(tape.symbols) >= 25
    assert [step.step for step in tape.steps] == list(range(1, len(tape.steps) + 1))


def test_all_kinds_of_news_and_of_silence_are_on_it(tape: Tape) -> None:
    kinds = {signal.event_type for item in tape.items for signal in item.signals}
    assert kinds >= {
        *(EventType.LISTING, EventType.DELISTING, EventType.HACK, EventType.PARTNERSHIP),
        *(EventType.ETF_APPROVED, EventType.ETF_REFUSED),
        *(EventType.REGULATION_FOR, EventType.REGULATION_AGAINST),
    }
    silent = {item.silent for item in tape.items}
    assert silent >= {
        *(SkipReason.STALE, SkipReason.FUTURE, SkipReason.UNDATED, SkipReason.NO_ASSET),
        *(SkipReason.AMBIGUOUS_ASSET, SkipReason.NOT_NEWS, SkipReason.RUMOUR),
        *(SkipReason.KNOWN_STORY, "refused: future", "refused: bad_json"),
    }
    assert {outlet.form for outlet in tape.outlets} == set(Form)
    dates = {outlet.dates for outlet in tape.outlets} | {i.dates for i in tape.items if i.dates}
    assert dates == set(DateStyle)
    assert any(len(item.body) > 50_000 for item in tape.items)
    assert any("<p>" in item.body and "&mdash;" in item.body for item in tape.items)


def test_ids_are_unique_but_for_the_one_doubled_on_purpose(tape: Tape) -> None:
    twice = [
        key for key, count in Counter((i.outlet, i.id) for i in tape.items).items() if count > 1
    ]
    assert twice == [("coin-lantern", "coin-lantern-morning")]


def test_outlets_are_invented(tape: Tape) -> None:
    for outlet in tape.outlets:
        assert outlet.name.lower() not in REAL_OUTLETS
    told = " ".join(f"{item.title} {item.body}" for item in tape.items).lower()
    assert [name for name in REAL_OUTLETS if f" {name} " in told and " " in name] == []
    assert "invented" in tape.note


def test_most_stories_that_trade_are_told_again_by_others(tape: Tape) -> None:
    outlets: dict[str, set[str]] = {}
    for item in tape.items:
        outlets.setdefault(item.story, set()).add(item.outlet)
    leading = {item.story for item in tape.items if item.signals}
    assert len(leading) >= 30
    assert sum(len(outlets[story]) >= 2 for story in leading) >= 30
    wires = {outlet.slug for outlet in tape.outlets if outlet.form is Form.WIRE}
    first_told = {i.story: i.outlet for i in reversed(tape.items) if i.signals}
    on_wire = sum(outlet in wires for outlet in first_told.values())
    assert len(first_told) // 2 < on_wire < len(first_told)


def test_books_move_on_the_tick_around_the_stories_that_trade(tape: Tape) -> None:
    specs = {spec.symbol: spec for spec in tape.symbols}
    moved = set()
    for step in tape.steps:
        assert (step.item is None) != (step.book is None)
        if step.book is not None:
            spec = specs[step.book.symbol]
            assert step.book.mid % spec.tick_size == 0
            assert abs(step.book.mid / spec.mid - 1) < 0.2
            moved.add(step.book.symbol)
    traded = {f"{s.asset}USDT" for item in tape.items for s in item.signals}
    assert traded & set(specs) <= moved
    assert traded - set(specs)  # some news is about coins that are not traded here


def test_account_holds_coins_to_sell_on_bad_news_but_not_all_of_them(tape: Tape) -> None:
    sold = {s.asset for item in tape.items for s in item.signals if s.direction == "sell"}
    assets = {spec.asset for spec in tape.symbols}
    assert tape.balances["USDT"] == 50_000
    assert len(sold & set(tape.balances)) >= 7
    assert sold & assets - set(tape.balances) == {"ZEC"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('outlet = "o"', 'outlet = "nobody"'), "no outlet 'nobody'"),
        (('symbol = "AUSDT"\nmoves', 'symbol = "BUSDT"\nmoves'), "not in the table"),
        (('expect = "not_news"', 'expect = "signal"'), "expects a signal, but none is given"),
        (('mid = "1"', "mid = 1.5"), "Expected `str`|amounts as strings"),
        (("title", "headline"), "unknown field `headline`"),
        (("note", "= note"), "is no tape"),
    ],
)
def test_malformed_tape_is_refused_with_the_reason(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    path = tmp_path / "tape.toml"
    path.write_text(_SMALL.replace(*change))
    with pytest.raises(ConfigurationError, match=message):
        load_tape(path)


def test_steps_come_in_the_order_of_time_and_then_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tape.toml"
    path.write_text(_SMALL)
    steps = load_tape(path).steps
    assert [_what(step.item or step.book) for step in steps] == ["k-1", "1.01", "k-2", "0.99"]


def _what(happening: object) -> str:
    return happening.id if isinstance(happening, Item) else str(getattr(happening, "mid", ""))


_SMALL = """
note = "invented"
balances = { USDT = "1" }

[[outlets]]
slug = "o"
name = "O"
form = "wire"
dates = "gmt"

[[symbols]]
symbol = "AUSDT"
asset = "A"
tick_size = "0.01"
lot_size = "1"
mid = "1"

[[stories]]
key = "k"
at = 5
symbol = "AUSDT"
moves = [[1, 100], [3, -150]]
items = [
  { at = 0, outlet = "o", expect = "not_news", title = "first" },
  { at = 2, outlet = "o", expect = "not_news", title = "second" },
]
"""
