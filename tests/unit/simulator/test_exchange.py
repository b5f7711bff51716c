"""The matching engine: fills, rests, funds, refusals."""

from decimal import Decimal

import pytest

from core.contracts.errors import ConfigurationError, Rejected
from core.contracts.orders import Side, TimeInForce
from tests.unit.simulator.examples import NOW, exchange_with_book, instrument, levels, order
from trader.simulator.exchange import Exchange
from trader.simulator.orders import ExecutionReport, Refusal, ReportType, Status


def kinds(reports: list[ExecutionReport]) -> list[str]:
    return [told.report_type.value for told in reports]


def test_order_within_the_touch_fills_whole_and_pays_price_and_taker_fee() -> None:
    exchange = exchange_with_book()
    reports = exchange.place(order(quantity="0.5"), NOW)
    assert kinds(reports) == ["new", "trade"]
    assert reports[-1].status is Status.FILLED
    ledger = exchange.ledger
    assert ledger.available == {
        "USDT": Decimal(1000) - Decimal("50.5") - Decimal("0.12625"),
        "BTC": Decimal("10.5"),
    }
    assert ledger.reserved == {"USDT": 0, "BTC": 0}
    assert ledger.fees_paid == {"USDT": Decimal("0.12625")}


def test_taker_walks_the_levels_at_the_books_prices_and_its_rest_expires() -> None:
    exchange = exchange_with_book()
    reports = exchange.place(order(quantity="4", price="102"), NOW)
    assert kinds(reports) == ["new", "trade", "trade", "expired"]
    assert [(t.trade.price, t.trade.quantity) for t in reports if t.trade] == [
        (Decimal(101), Decimal(1)),
        (Decimal(102), Decimal(2)),
    ]
    assert reports[-1].status is Status.EXPIRED
    assert reports[-1].filled == 3
    assert exchange.ledger.reserved["USDT"] == 0


def test_order_beyond_the_touch_expires_untouched() -> None:
    exchange = exchange_with_book()
    assert kinds(exchange.place(order(price="100.99"), NOW)) == ["new", "expired"]
    assert exchange.ledger.available == {"USDT": 1000, "BTC": 10}


def test_taken_quantity_is_gone_until_the_next_book() -> None:
    exchange = exchange_with_book()
    exchange.place(order("a", quantity="0.4"), NOW)
    assert exchange.books["BTCUSDT"].asks[0] == (Decimal(101), Decimal("0.6"))
    assert exchange.place(order("b"), NOW)[-1].filled == Decimal("0.6")
    assert exchange.place(order("c"), NOW)[-1].filled == 0
    exchange.set_book("BTCUSDT", [], levels(("101", "1")), NOW, NOW)
    assert exchange.place(order("d"), NOW)[-1].filled == 1


def test_fill_or_kill_fills_whole_or_not_at_all() -> None:
    exchange = exchange_with_book()
    killed = order("a", quantity="3.001", price="102", time_in_force=TimeInForce.FOK)
    assert kinds(exchange.place(killed, NOW)) == ["new", "expired"]
    whole = order("b", quantity="3", price="102", time_in_force=TimeInForce.FOK)
    assert exchange.place(whole, NOW)[-1].status is Status.FILLED


def test_resting_order_reserves_its_funds_and_fills_as_maker_when_crossed() -> None:
    exchange = exchange_with_book()
    resting = order(quantity="2", price="100", time_in_force=TimeInForce.GTC)
    assert kinds(exchange.place(resting, NOW)) == ["new"]
    assert exchange.ledger.reserved["USDT"] == Decimal("200.5")
    reports = exchange.set_book("BTCUSDT", [], levels(("99.5", "1.5")), NOW, NOW + 1)
    assert kinds(reports) == ["trade"]
    trade = reports[0].trade
    assert trade is not None
    assert (trade.price, trade.quantity, trade.fee) == (
        Decimal(100),
        Decimal("1.5"),
        Decimal("0.15"),
    )
    assert not trade.taker
    assert exchange.books["BTCUSDT"].asks == []
    assert exchange.ledger.reserved["USDT"] == Decimal("50.125")


def test_better_priced_resting_order_fills_first() -> None:
    exchange = exchange_with_book()
    gtc = TimeInForce.GTC
    exchange.place(order("low", price="99.5", time_in_force=gtc), NOW)
    exchange.place(order("high", price="100", time_in_force=gtc), NOW)
    reports = exchange.set_book("BTCUSDT", [], levels(("99", "1")), NOW, NOW)
    assert [told.order.asked.client_order_id for told in reports] == ["high"]


def test_rest_of_a_partly_filled_gtc_order_stays() -> None:
    exchange = exchange_with_book()
    reports = exchange.place(order(quantity="1.5", time_in_force=TimeInForce.GTC), NOW)
    assert kinds(reports) == ["new", "trade"]
    assert exchange.active["a"].status is Status.PARTIALLY_FILLED


def test_cancel_frees_the_funds_once() -> None:
    exchange = exchange_with_book()
    exchange.place(order(price="50", time_in_force=TimeInForce.GTC), NOW)
    assert exchange.cancel("a", NOW).report_type is ReportType.CANCELED
    assert exchange.ledger.available == {"USDT": 1000, "BTC": 10}
    with pytest.raises(Refusal) as refused:
        exchange.cancel("a", NOW)
    assert refused.value.code == 20002


def test_sale_reserves_base_and_brings_quote_less_fee() -> None:
    exchange = exchange_with_book()
    exchange.place(order(side=Side.SELL, quantity="2", price="98"), NOW)
    assert exchange.ledger.available == {
        "USDT": Decimal(1000) + 197 * (1 - Decimal("0.0025")),
        "BTC": Decimal(8),
    }


def test_fee_in_base_currency_is_taken_from_what_a_purchase_brings() -> None:
    exchange = exchange_with_book(fee_asset="BTC")
    exchange.place(order(), NOW)
    assert exchange.ledger.available == {"USDT": 899, "BTC": Decimal("10.9975")}
    exchange.place(order("b", side=Side.SELL, price="99"), NOW)
    assert exchange.ledger.available["BTC"] == Decimal("9.995")
    assert exchange.ledger.reserved == {"USDT": 0, "BTC": 0}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (order(symbol="ETHUSDT"), 2001),
        (order(quantity="0.0005"), 10001),
        (order(price="101.001"), 10001),
        (order(price="0"), 10001),
        (order(quantity="0"), 2011),
        (order(quantity="9.9", price="101"), 20001),
        (order(side=Side.SELL, quantity="10.001", price="99"), 20001),
    ],
)
def test_refused_order_changes_nothing(asked: object, code: int) -> None:
    exchange = exchange_with_book()
    with pytest.raises(Refusal) as refused:
        exchange.place(asked, NOW)  # type: ignore[arg-type]
    assert refused.value.code == code
    assert exchange.orders == {}
    assert exchange.ledger.available == {"USDT": 1000, "BTC": 10}


def test_reserved_funds_are_not_free() -> None:
    exchange = exchange_with_book()
    exchange.place(order("a", quantity="9", price="100", time_in_force=TimeInForce.GTC), NOW)
    with pytest.raises(Refusal) as refused:
        exchange.place(order("b", quantity="1", price="101"), NOW)
    assert refused.value.code == 20001


def test_client_order_id_can_never_be_used_again_not_even_after_its_end() -> None:
    exchange = exchange_with_book()
    exchange.place(order(quantity="0.1"), NOW)
    with pytest.raises(Refusal) as refused:
        exchange.place(order(quantity="0.1"), NOW)
    assert refused.value.code == 20008


def test_history_forgets_the_oldest_closed_order_and_no_open_one() -> None:
    exchange = exchange_with_book(history_limit=2)
    exchange.place(order("open", price="1", time_in_force=TimeInForce.GTC), NOW)
    for name in ("a", "b"):
        exchange.place(order(name, price="1"), NOW)
    assert list(exchange.orders) == ["open", "b"]


def test_held_back_order_cancelled_before_its_match_never_fills() -> None:
    exchange = exchange_with_book()
    held = exchange.accept(order(), NOW)
    exchange.cancel("a", NOW)
    assert exchange.match(held, NOW) == []
    assert exchange.ledger.available == {"USDT": 1000, "BTC": 10}


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([("101", "1")], [("101", "1")]),
        ([("-1", "1")], []),
        ([], [("NaN", "1")]),
        ([], [("1", "Infinity")]),
        ([], [("1", "-1")]),
    ],
)
def test_senseless_book_is_refused_and_the_old_one_stays(
    bids: list[tuple[str, str]], asks: list[tuple[str, str]]
) -> None:
    exchange = exchange_with_book()
    with pytest.raises(Rejected):
        exchange.set_book("BTCUSDT", levels(*bids), levels(*asks), NOW, NOW)
    assert exchange.books["BTCUSDT"].asks[0][0] == 101


def test_book_of_an_unlisted_symbol_is_refused() -> None:
    with pytest.raises(Rejected, match="not listed"):
        exchange_with_book().set_book("ETHUSDT", [], [], NOW, NOW)


@pytest.mark.parametrize(
    "changes", [{"fee_asset": "HIT"}, {"taker": "1"}, {"maker": "-1"}, {"lot": "0"}]
)
def test_senseless_instrument_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="BTCUSDT"):
        Exchange([instrument(**changes)], {})


def test_pair_listed_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="twice"):
        Exchange([instrument(), instrument()], {})


def test_negative_balance_is_refused() -> None:
    with pytest.raises(ValueError, match="USDT"):
        Exchange([], {"USDT": Decimal(-1)})
