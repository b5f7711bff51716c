"""HitBTC's messages become records exactly, or are refused with their bytes."""

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.errors import DecodeError
from core.contracts.money import Amount
from core.contracts.orders import Fill, Report, Side
from tests.integration.hitbtc_script import LISTING, Message, order, told, trade_report
from trader.venues.hitbtc import wire
from trader.venues.hitbtc.codes import OUTCOMES, canonical
from trader.venues.hitbtc.parse import (
    parse_ack,
    parse_balances,
    parse_cancel_ack,
    parse_frame,
    parse_order,
    parse_orders,
    parse_report,
    parse_trades,
    to_report,
    to_venue_order,
)
from trader.venues.hitbtc.parse_market import parse_depth, parse_instruments, parse_market
from trader.venues.port import Balance

FEES = {"BTCUSDT": "USDT"}


def raw(document: object) -> bytes:
    return json.dumps(document).encode()


def frame(**parts: object) -> wire.Frame:
    return parse_frame(raw({"jsonrpc": "2.0", "id": 7} | parts))


def test_trade_report_becomes_an_exact_fill() -> None:
    report = parse_report(parse_frame(raw(told("spot_order", trade_report()))).params, FEES, 5)
    assert report.report is Report.PARTIALLY_FILLED
    assert report.venue_order_id == "584244931496"
    assert report.filled_quantity == Amount("0.004")
    assert report.fill == Fill(
        trade_id="1361977606",
        client_order_id="t1",
        venue="hitbtc",
        symbol="BTCUSDT",
        side=Side.BUY,
        price=Amount("49595.04"),
        quantity=Amount("0.004"),
        fee=Amount("0.49"),
        fee_asset="USDT",
        taker=True,
        venue_ns=1767323045_679_000_000,
        received_ns=5,
    )


@pytest.mark.parametrize(
    ("changes", "report"),
    [
        ({"report_type": "new", "status": "new"}, Report.ACKNOWLEDGED),
        ({"report_type": "new", "status": "suspended"}, Report.ACKNOWLEDGED),
        ({"report_type": "suspended", "status": "suspended"}, Report.ACKNOWLEDGED),
        ({"report_type": "replaced", "status": "new"}, Report.ACKNOWLEDGED),
        ({"report_type": "status", "status": "partiallyFilled"}, Report.PARTIALLY_FILLED),
        ({"report_type": "status", "status": "filled"}, Report.FILLED),
        ({"report_type": "canceled", "status": "canceled"}, Report.CANCELLED),
        ({"report_type": "expired", "status": "expired"}, Report.EXPIRED),
        ({"report_type": "rejected", "status": "new"}, Report.REJECTED),
    ],
)
def test_report_is_told_by_its_kind_or_the_status(changes: Message, report: Report) -> None:
    assert parse_report(raw(order(**changes)), FEES, 1).report is report


@pytest.mark.parametrize(
    ("status", "report"),
    [("filled", Report.FILLED), ("partiallyFilled", Report.PARTIALLY_FILLED)],
)
def test_trade_says_whether_it_was_the_last(status: str, report: Report) -> None:
    told = parse_report(raw(trade_report(status=status)), FEES, 1)
    assert (told.report, told.fill is not None) == (report, True)


def test_trade_that_ends_an_immediate_order_keeps_its_fill() -> None:
    report = parse_report(raw(trade_report(status="expired")), FEES, 1)
    assert (report.report, report.fill is not None) == (Report.PARTIALLY_FILLED, True)


def test_rebate_is_a_negative_fee() -> None:
    report = parse_report(raw(trade_report(trade_fee="-0.05")), FEES, 1)
    assert report.fill is not None
    assert report.fill.fee == Amount("-0.05")


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "teleported"},
        {"report_type": "rumour"},
        {"quantity": "0"},
        {"quantity": "-1"},
        {"quantity": "NaN"},
        {"quantity": "1_0"},
        {"quantity": "\uff11"},
        {"quantity": " 1"},
        {"quantity": "9" * 65},
        {"quantity_cumulative": "0.010001"},
        {"updated_at": "yesterday"},
        {"updated_at": "2026-01-02T03:04:05"},
        {"client_order_id": ""},
        {"client_order_id": None},
        {"id": -1},
        {"id": 1.5},
    ],
)
def test_order_that_can_not_be_is_refused_with_its_bytes(changes: Message) -> None:
    with pytest.raises(DecodeError) as refusal:
        parse_report(raw(order(**changes)), FEES, 1)
    assert refusal.value.raw


def test_time_is_exact_to_the_microsecond_and_in_utc() -> None:
    report = to_report(parse_order(raw(order(updated_at="2026-01-02T05:04:05.000001+02:00"))), 1)
    assert report.venue_ns == 1767323045_000_001_000


@pytest.mark.parametrize("code", sorted(OUTCOMES))
def test_documented_code_leads_to_its_outcome(code: int) -> None:
    report = parse_ack(frame(error={"code": code, "message": "no"}), "t1", "BTCUSDT", 1)
    assert (report.report, report.code) == (OUTCOMES[code], str(code))


@pytest.mark.parametrize("code", [20008, 20009, 20002, 500, 503, 504, 22008, 424242, -1])
def test_code_that_settles_nothing_never_rejects(code: int) -> None:
    report = parse_ack(frame(error={"code": code}), "t1", "BTCUSDT", 1)
    assert report.report is Report.FAILED


def test_venues_words_are_one_short_line() -> None:
    error = {"code": 20001, "message": "Insufficient\nfunds", "description": "x" * 10_000}
    report = parse_ack(frame(error=error), "t1", "BTCUSDT", 1)
    assert report.detail.startswith("Insufficient funds: xxx")
    assert len(report.detail) == 200


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"result": None},
        {"result": True},
        {"result": []},
        {"result": {"error": {"code": 20001, "message": "inside"}}},
        {"result": order("another")},
        {"error": None},
        {"error": "words"},
        {"error": {"code": "20001"}},
    ],
)
def test_answer_that_is_none_is_failed_under_our_name(parts: Message) -> None:
    report = parse_ack(frame(**parts), "t1", "BTCUSDT", 1)
    assert (report.client_order_id, report.report) == ("t1", Report.FAILED)
    assert report.detail


def test_answer_with_a_trade_tells_no_fill() -> None:
    report = parse_ack(frame(result=trade_report()), "t1", "BTCUSDT", 1)
    assert (report.report, report.fill) == (Report.PARTIALLY_FILLED, None)


def test_refused_cancel_does_not_reject_the_order() -> None:
    report = parse_cancel_ack(frame(error={"code": 1003}), "t1", "BTCUSDT", 1)
    assert report.report is Report.FAILED


def test_order_asked_for_keeps_its_state_and_amounts() -> None:
    [listed] = parse_orders(raw([order(status="partiallyFilled", quantity_cumulative="0.004")]))
    found = to_venue_order(listed)
    assert found.status is Report.PARTIALLY_FILLED
    assert (found.quantity, found.filled_quantity) == (Amount("0.01"), Amount("0.004"))


TRADE = {
    "id": 1,
    "order_id": 2,
    "client_order_id": "t1",
    "symbol": "BTCUSDT",
    "side": "sell",
    "quantity": "0.004",
    "price": "49595.04",
    "fee": "0.49",
    "timestamp": "2026-01-02T03:04:05.679Z",
    "taker": False,
}


def test_history_names_the_fees_asset_or_the_listing_does() -> None:
    [named] = parse_trades(raw([TRADE | {"fee_currency": "MIOTA"}]), FEES, 1)
    [listed] = parse_trades(raw([TRADE]), FEES, 1)
    assert (named.fee_asset, listed.fee_asset) == ("IOTA", "USDT")
    assert (listed.side, listed.taker) == (Side.SELL, False)


@pytest.mark.parametrize("changes", [{"price": "0"}, {"fee": "--1"}, {"quantity": None}])
def test_trade_that_can_not_be_is_refused(changes: Message) -> None:
    with pytest.raises(DecodeError):
        parse_trades(raw([TRADE | changes]), FEES, 1)


def test_balances_are_exact_and_under_canonical_codes() -> None:
    told = [{"currency": "IOT", "available": "0.100", "reserved": "1e-8", "reserved_margin": "0"}]
    assert parse_balances(raw(told), 5) == (
        Balance(
            venue="hitbtc",
            currency="IOTA",
            available=Amount("0.100"),
            reserved=Amount("0.00000001"),
            received_ns=5,
        ),
    )


def test_code_that_means_another_coin_here_is_not_taken_for_it() -> None:
    assert canonical("GMT") != "GMT"
    assert canonical("STEPN") == "GMT"
    assert canonical("BTC") == "BTC"


def test_listing_keeps_working_spot_pairs_and_refuses_by_the_pair() -> None:
    pair = LISTING["BTCUSDT"]
    listing = parse_instruments(
        raw(
            {
                "BTCUSDT": pair,
                "BTCUSDT_PERP": pair | {"type": "futures", "base_currency": None},
                "OLDUSDT": pair | {"status": "suspended"},
                "BADUSDT": pair | {"tick_size": "0"},
                "ODDUSDT": "what?",
            }
        )
    )
    [instrument] = listing.instruments
    assert instrument.symbol == "BTCUSDT"
    assert (instrument.lot_size, instrument.min_quantity) == (Amount("0.00001"),) * 2
    assert (instrument.taker_fee, instrument.fee_asset) == (Amount("0.0025"), "USDT")
    assert set(listing.refused) == {"BADUSDT", "ODDUSDT"}


def test_book_is_whole_exact_and_best_first() -> None:
    message = raw(
        {
            "ch": "orderbook/D10/100ms",
            "data": {
                "BTCUSDT": {
                    "t": 1790511595279,
                    "s": 1520022,
                    "a": [["85025.97", "0.00732"], ["85025.98", "0"]],
                    "b": [["84995.48", "0.02769"]],
                }
            },
        }
    )
    [depth] = parse_depth(message, parse_market(message), 5)
    assert depth.asks[0] == (Amount("85025.97"), Amount("0.00732"))
    assert depth.bids == ((Amount("84995.48"), Amount("0.02769")),)
    assert (depth.venue_ns, depth.received_ns) == (1790511595279_000_000, 5)


def test_empty_side_of_a_book_is_no_error() -> None:
    message = raw({"ch": "orderbook/D10/100ms", "data": {"X": {"t": 1, "s": 1, "a": [], "b": []}}})
    [depth] = parse_depth(message, parse_market(message), 5)
    assert (depth.bids, depth.asks) == ((), ())


@given(st.decimals(min_value=0, max_value=10**15, places=12))
def test_every_plain_amount_is_read_exactly(value: Decimal) -> None:
    assert wire.quantity(format(value, "f")) == value


def refusal_of(parse: Callable[[bytes], object], message: bytes) -> DecodeError | None:
    try:
        parse(message)
    except DecodeError as refusal:
        return refusal
    return None


PARSERS: list[Callable[[bytes], object]] = [
    parse_frame,
    parse_market,
    parse_orders,
    parse_instruments,
]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_message_or_a_refusal_that_keeps_them(message: bytes) -> None:
    for parse in PARSERS:
        refusal = refusal_of(parse, message)
        assert refusal is None or refusal.raw == message


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("start", [b"[", b'{"x":', b'{"params":[', b'[{"x":', b'{"data":'])
def test_endless_nesting_is_refused(parse: Callable[[bytes], object], start: bytes) -> None:
    assert refusal_of(parse, start + b"[" * 100_000) is not None


def test_words_for_people_hold_no_control_characters() -> None:
    assert wire.one_line("a\x1b[2J\u202eb\n\x00 c", 100) == "a [2J b c"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@given(field=st.sampled_from(sorted(trade_report())), value=JSON)
def test_any_value_in_any_field_gives_a_report_or_a_refusal(field: str, value: object) -> None:
    try:
        report = parse_report(raw(trade_report() | {field: value}), FEES, 1)
    except DecodeError:
        return
    assert report.filled_quantity.is_finite()
    assert report.fill is None or report.fill.quantity > 0
