"""HitBTC's books and its listing of pairs to our records; pure, nothing malformed comes through."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final

import msgspec

from core.contracts.errors import DecodeError
from trader.venues.hitbtc import wire
from trader.venues.hitbtc.codes import DEPTH_CHANNEL, VENUE, canonical
from trader.venues.port import Depth, Instrument, Level


class Listing(msgspec.Struct, frozen=True):
    """The tradable spot pairs, and those that could not be understood with the reason."""

    instruments: tuple[Instrument, ...]
    refused: Mapping[str, str]


parse_market: Final[Callable[[bytes], wire.MarketFrame]] = wire.reader(
    wire.MarketFrame, "a market data message"
)
_read_pairs: Final = wire.reader(dict[str, msgspec.Raw], "a list of symbols")
_read_pair: Final = wire.reader(wire.Pair, "a symbol")


def parse_depth(raw: bytes, frame: wire.MarketFrame, received_ns: int) -> tuple[Depth, ...]:
    """Read the books of one market data message that `parse_market` decoded.

    Sample: {"ch":"orderbook/D10/100ms","data":{"BTCUSDT":{"t":1790511595279,"s":1520022,
        "a":[["85025.97","0.00732"]],"b":[["84995.48","0.02769"]]}}}

    Raises:
        DecodeError: another channel, an amount that is none, levels out of order or crossed.
    """
    if frame.ch != DEPTH_CHANNEL or frame.data is None:
        raise DecodeError(f"not depth: channel {frame.ch!r}", raw)
    depths = []
    for symbol, levels in frame.data.items():
        try:
            bids, asks = _levels(levels.b), _levels(levels.a)
        except ValueError as error:
            raise DecodeError(f"book of {symbol}: {error}", raw) from error
        if not (
            all(better[0] > worse[0] for better, worse in pairwise(bids))
            and all(better[0] < worse[0] for better, worse in pairwise(asks))
            and (not bids or not asks or bids[0][0] < asks[0][0])
        ):
            raise DecodeError(f"book of {symbol}: out of order or crossed", raw)
        depths.append(
            Depth(
                venue=VENUE,
                symbol=symbol,
                bids=bids,
                asks=asks,
                venue_ns=levels.t * 1_000_000,
                received_ns=received_ns,
            )
        )
    return tuple(depths)


def _levels(rows: list[tuple[str, str]]) -> tuple[Level, ...]:
    price, quantity = wire.price, wire.quantity
    return tuple([(price(p), quantity(q)) for p, q in rows])


def parse_instruments(raw: bytes) -> Listing:
    """Read the listing: the spot pairs that work.

    A pair that can't be understood is refused by itself, so that it can't stop all the others.

    Sample: {"BTCUSDT":{"type":"spot","base_currency":"BTC","quote_currency":"USDT",
        "status":"working","quantity_increment":"0.00001","tick_size":"0.01",
        "take_rate":"0.0025","make_rate":"0.001","fee_currency":"USDT"}}

    Raises:
        DecodeError: the bytes are not a listing; keeps them.
    """
    instruments: list[Instrument] = []
    refused: dict[str, str] = {}
    for symbol, entry in _read_pairs(raw).items():
        try:
            pair = _read_pair(entry)
            if pair.type == "spot" and pair.status == "working" and pair.base_currency:
                instruments.append(_instrument(symbol, pair))
        except (DecodeError, ValueError) as error:
            refused[symbol] = str(error)
    return Listing(tuple(instruments), refused)


def _instrument(symbol: str, pair: wire.Pair) -> Instrument:
    lot_size = wire.price(pair.quantity_increment)
    return Instrument(
        venue=VENUE,
        symbol=symbol,
        asset=canonical(pair.base_currency or ""),
        quote_asset=canonical(pair.quote_currency),
        lot_size=lot_size,
        tick_size=wire.price(pair.tick_size),
        min_quantity=lot_size,
        taker_fee=wire.fee(pair.take_rate),
        maker_fee=wire.fee(pair.make_rate),
        fee_asset=canonical(pair.fee_currency),
    )
