"""Recordings: what is read, what is skipped and why, and what is refused."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.simulator.captures import BookUpdate, CaptureError, read_capture

BOOKS = Path(__file__).resolve().parents[3].parent / "shared/data/books"
needs_books = pytest.mark.skipif(
    not BOOKS.is_dir(), reason="the recorded books (shared/data/books) are not here"
)


def hitbtc(
    method: str, sequence: int, bid: dict[str, str], ask: dict[str, str], symbol: str = "AAABTC"
) -> str:
    params = {
        "symbol": symbol,
        "sequence": sequence,
        "bid": [{"price": p, "size": s} for p, s in bid.items()],
        "ask": [{"price": p, "size": s} for p, s in ask.items()],
    }
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params})


def depth(first: int, last: int, bids: list[list[str]], asks: list[list[str]]) -> str:
    data = {"e": "depthUpdate", "s": "AAAUSDT", "U": first, "u": last, "b": bids, "a": asks}
    return json.dumps({"stream": "aaausdt@depth@100ms", "data": data})


def ticker(update: int, bid: str, ask: str) -> str:
    data = {"u": update, "s": "AAAUSDT", "b": bid, "B": "1", "a": ask, "A": "1"}
    return json.dumps({"stream": "aaausdt@bookTicker", "data": data})


def write(folder: Path, *lines: str, name: str = "VENUE.ws.1.0") -> Path:
    path = folder / name
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def touch(update: BookUpdate) -> tuple[str, str]:
    return str(update.bids[0][0]), str(update.asks[0][0])


SNAPSHOT = "snapshotOrderbook"
UPDATE = "updateOrderbook"


def test_hitbtc_updates_change_the_snapshot_and_size_zero_deletes(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f"10.0: {hitbtc(SNAPSHOT, 1, {'0.10': '5', '0.09': '1'}, {'0.12': '3'})}",
        f"10.5: {hitbtc(UPDATE, 2, {'0.10': '0'}, {'0.11': '2.5'})}",
    )
    first, second = read_capture(path).updates
    assert (first.offset_ns, touch(first)) == (0, ("0.10", "0.12"))
    assert (second.offset_ns, touch(second)) == (500_000_000, ("0.09", "0.11"))
    assert second.asks == (
        (Decimal("0.11"), Decimal("2.5")),
        (Decimal("0.12"), Decimal(3)),
    )


def test_rules_are_derived_from_digits_and_the_symbols_ending(tmp_path: Path) -> None:
    path = write(tmp_path, f"1: {hitbtc(SNAPSHOT, 1, {'0.1000': '5.50'}, {'0.125': '3'}, 'XUSDT')}")
    (instrument,) = read_capture(path).instruments
    assert (instrument.asset, instrument.quote_asset) == ("X", "USDT")
    assert (str(instrument.tick_size), str(instrument.lot_size)) == ("0.001", "0.1")


def test_rules_beside_the_capture_win(tmp_path: Path) -> None:
    rules = [
        {
            "id": "AAABTC",
            "baseCurrency": "AA",
            "quoteCurrency": "ABTC",
            "quantityIncrement": "0.01",
            "tickSize": "0.0001",
            "takeLiquidityRate": "0.005",
            "provideLiquidityRate": "-0.0001",
            "feeCurrency": "ABTC",
        }
    ]
    write(
        tmp_path,
        f"https://venue.example/api/2/public/symbol -> 1.0: {json.dumps(rules)}",
        name="VENUE.0",
    )
    path = write(tmp_path, f"1: {hitbtc(SNAPSHOT, 1, {'0.1': '5'}, {'0.2': '3'})}")
    (instrument,) = read_capture(path).instruments
    assert (instrument.asset, instrument.quote_asset) == ("AA", "ABTC")
    assert instrument.taker_fee == Decimal("0.005")
    assert instrument.maker_fee == Decimal("-0.0001")
    assert instrument.lot_size == Decimal("0.01")


def test_gap_silences_a_book_until_its_next_snapshot(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f"1: {hitbtc(SNAPSHOT, 1, {'0.1': '5'}, {'0.2': '3'})}",
        f"2: {hitbtc(UPDATE, 3, {'0.11': '5'}, {})}",
        f"3: {hitbtc(UPDATE, 4, {'0.12': '5'}, {})}",
        f"4: {hitbtc(SNAPSHOT, 9, {'0.13': '5'}, {'0.2': '3'})}",
    )
    capture = read_capture(path)
    assert [touch(update) for update in capture.updates] == [("0.1", "0.2"), ("0.13", "0.2")]
    assert capture.skipped == {"gap in the sequence": 1, "change before its whole book": 1}


def test_binance_changes_that_came_before_the_snapshot_are_not_lost(tmp_path: Path) -> None:
    snapshot = {"lastUpdateId": 10, "bids": [["1.0", "1"]], "asks": [["2.0", "1"]]}
    write(
        tmp_path,
        f"https://api.example/depth?symbol=AAAUSDT&limit=9 -> 2.0: {json.dumps(snapshot)}",
        name="VENUE.http.0.0",
    )
    path = write(
        tmp_path,
        f"1.0: {depth(8, 9, [['0.5', '9']], [])}",
        f"1.5: {depth(10, 12, [['1.5', '4']], [])}",
        f"3.0: {depth(13, 13, [], [['1.9', '2']])}",
    )
    capture = read_capture(path)
    assert [touch(update) for update in capture.updates] == [("1.5", "2.0"), ("1.5", "1.9")]
    assert capture.skipped == {"change before its whole book": 2}


def test_book_ticker_cuts_what_was_better_and_holds_against_older_changes(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f"1: {depth(1, 2, [['1.0', '1'], ['1.1', '1']], [['1.3', '1']])}",
        f"2: {ticker(9, '1.05', '1.2')}",
        f"3: {depth(3, 5, [['1.15', '7']], [])}",
        f"4: {depth(6, 12, [['1.15', '7']], [])}",
    )
    assert [touch(update) for update in read_capture(path).updates] == [
        ("1.1", "1.3"),
        ("1.05", "1.2"),
        ("1.05", "1.2"),
        ("1.15", "1.2"),
    ]


def test_what_can_not_be_read_is_counted_with_its_reason(tmp_path: Path) -> None:
    whole = hitbtc(SNAPSHOT, 1, {"0.1": "5"}, {"0.2": "3"})
    path = write(
        tmp_path,
        "wss://venue.example <-> 1.0",
        'wss://venue.example <- 1.1: {"method":"subscribe"}',
        f"2: {whole}",
        f"3: {whole[:-9]}",
        f"4: {hitbtc(UPDATE, 2, {'0.1e5': '5'}, {})}",
        f"5: {hitbtc(UPDATE, 2, {'0': '5'}, {})}",
        f"6: {hitbtc(UPDATE, 2, {'0.3': '5'}, {})}",
        '7: {"method":"ticker"}',
        "8: " + "[" * 100_000,
        f"9: {hitbtc(SNAPSHOT, 1, {'1': '5'}, {'2': '3'}, 'WHAT')}",
        "",
        "nonsense",
    )
    capture = read_capture(path)
    assert len(capture.updates) == 1
    assert capture.skipped == {
        "blank line": 1,
        "connected or sent": 2,
        "crossed book": 1,
        "malformed message about a book": 2,
        "no message about a book": 1,
        "truncated or not JSON": 2,
        "unknown line": 1,
        "unknown quote currency": 1,
    }


def test_capture_without_a_book_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, '1: {"method":"ticker"}')
    with pytest.raises(CaptureError, match=r"VENUE\.ws\.1\.0: no book"):
        read_capture(path)


def test_missing_capture_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"absent\.ws: .*No such file"):
        read_capture(tmp_path / "absent.ws")


@given(noise=st.binary(max_size=400), cut=st.integers(0, 200))
def test_no_bytes_crash_the_reader(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, cut: int
) -> None:
    path = tmp_path_factory.mktemp("noise") / "VENUE.ws"
    whole = f"1: {hitbtc(SNAPSHOT, 1, {'0.1': '5'}, {'0.2': '3'})}\n".encode()
    path.write_bytes(whole + whole[:cut] + noise)
    assert len(read_capture(path).updates) >= 1


@needs_books
@pytest.mark.parametrize(
    ("name", "symbols", "at_least"),
    [("HITBTC.ws.1.0", 10, 500), ("BINANCE.ws.1.0", 4, 200), ("BINANCE.http.0.0", 4, 4)],
)
def test_real_recording_gives_whole_uncrossed_books(name: str, symbols: int, at_least: int) -> None:
    capture = read_capture(BOOKS / name)
    assert len(capture.instruments) == symbols
    assert len(capture.updates) >= at_least
    rules = {instrument.symbol: instrument for instrument in capture.instruments}
    for update in capture.updates:
        assert update.bids[0][0] < update.asks[0][0]
        assert list(update.bids) == sorted(update.bids, reverse=True)
        assert list(update.asks) == sorted(update.asks)
        for price, quantity in (*update.bids, *update.asks):
            assert price % rules[update.symbol].tick_size == 0
            assert quantity % rules[update.symbol].lot_size == 0


@needs_books
def test_real_recording_of_diffs_agrees_with_the_best_prices_the_venue_named() -> None:
    capture = read_capture(BOOKS / "BINANCE.ws.1.0")
    last = [update for update in capture.updates if update.symbol == "NKNUSDT"][-1]
    named = [
        json.loads(line.split(": ", 1)[1])["data"]
        for line in (BOOKS / "BINANCE.ws.1.0").read_text().splitlines()
        if "nknusdt@bookTicker" in line and not line.startswith("wss")
    ][-1]
    assert (last.bids[0][0], last.asks[0][0]) == (Decimal(named["b"]), Decimal(named["a"]))


@needs_books
def test_every_line_of_a_real_recording_is_a_book_or_a_counted_reason() -> None:
    path = BOOKS / "HITBTC.ws.1.0"
    capture = read_capture(path)
    lines = len(path.read_text().splitlines())
    assert len(capture.updates) + sum(capture.skipped.values()) == lines


@needs_books
def test_real_recording_of_a_venue_it_does_not_know_is_an_error() -> None:
    with pytest.raises(CaptureError, match="no book"):
        read_capture(BOOKS / "KRAKEN.ws.48.0")
