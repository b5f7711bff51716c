"""The messages of recorded market data that hold a book or trading rules: HitBTC 2 and Binance."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from core.contracts.errors import DecodeError, Rejected
from trader.simulator.orders import plain_decimal

Levels = tuple[tuple[Decimal, Decimal], ...]


class Unreadable(Rejected):
    """A message that gives no book; its text is the reason that is counted."""


class BookMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message about one book; a quantity of zero removes its level.

    Attributes:
        symbol: the pair.
        bids: (price, quantity) that changed, or all of them.
        asks: the same.
        first: sequence number of the first change in it.
        last: sequence number of the last.
        whole: it replaces the book.
        touch: it names the best level of each side; whatever was better is gone.
    """

    symbol: str
    bids: Levels
    asks: Levels
    first: int
    last: int
    whole: bool = False
    touch: bool = False


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue says about a pair; None where it does not say."""

    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal  # the smallest order as well
    taker_fee: Decimal | None = None
    maker_fee: Decimal | None = None
    fee_asset: str | None = None


class _PriceSize(msgspec.Struct):
    price: str
    size: str


class _HitbtcBook(msgspec.Struct):
    symbol: str
    sequence: int
    ask: list[_PriceSize]
    bid: list[_PriceSize]


class _HitbtcMessage(msgspec.Struct):
    method: str
    params: _HitbtcBook


class _HitbtcSymbol(msgspec.Struct, rename="camel"):
    id: str
    base_currency: str
    quote_currency: str
    quantity_increment: str
    tick_size: str
    take_liquidity_rate: str
    provide_liquidity_rate: str
    fee_currency: str


class _BinanceDepth(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    first: int = msgspec.field(name="U")
    last: int = msgspec.field(name="u")
    bids: list[tuple[str, str]] = msgspec.field(name="b")
    asks: list[tuple[str, str]] = msgspec.field(name="a")


class _BinanceTicker(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    update: int = msgspec.field(name="u")
    bid: str = msgspec.field(name="b")
    bid_quantity: str = msgspec.field(name="B")
    ask: str = msgspec.field(name="a")
    ask_quantity: str = msgspec.field(name="A")


class _BinanceSnapshot(msgspec.Struct, rename="camel"):
    last_update_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class _BinanceSymbol(msgspec.Struct, rename="camel"):
    symbol: str
    base_asset: str
    quote_asset: str
    filters: list[dict[str, Any]]


def _levels(pairs: list[tuple[str, str]]) -> Levels:
    levels = tuple((plain_decimal(price), plain_decimal(size)) for price, size in pairs)
    if not all(price for price, _ in levels):
        raise ValueError("a level at price zero")
    return levels


def read_message(url: str, body: str) -> BookMessage:
    """Read one received message.

    Samples:
        {"jsonrpc":"2.0","method":"updateOrderbook","params":{"symbol":"ETHBTC","sequence":8,
        "ask":[{"price":"0.05","size":"0"}],"bid":[]}}
        {"stream":"ethbtc@depth@100ms","data":{"s":"ETHBTC","U":7,"u":9,"b":[["0.04","1"]],"a":[]}}
        {"stream":"ethbtc@bookTicker","data":{"u":9,"s":"ETHBTC","b":"0.04","B":"1","a":"0.05",
        "A":"2"}}
        {"lastUpdateId":6,"bids":[["0.04","1"]],"asks":[]}, asked for with `symbol=ETHBTC`

    Args:
        url: what was asked, for an answer to a REST request; else empty.
        body: the message.

    Raises:
        Unreadable: it holds no book; the text is one of a few reasons.
    """
    try:
        message = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unreadable("truncated or not JSON") from error
    if not isinstance(message, dict):
        raise Unreadable("no message about a book")
    try:
        return _read_book(url, message)
    except (msgspec.ValidationError, ValueError, KeyError) as error:
        raise Unreadable("malformed message about a book") from error


def _read_book(url: str, message: Mapping[str, Any]) -> BookMessage:
    method, stream = message.get("method"), str(message.get("stream", ""))
    if method in {"snapshotOrderbook", "updateOrderbook"}:
        book = msgspec.convert(message, _HitbtcMessage).params
        return BookMessage(
            symbol=book.symbol,
            bids=_levels([(level.price, level.size) for level in book.bid]),
            asks=_levels([(level.price, level.size) for level in book.ask]),
            first=book.sequence,
            last=book.sequence,
            whole=method == "snapshotOrderbook",
        )
    if "@depth" in stream:
        depth = msgspec.convert(message["data"], _BinanceDepth)
        return BookMessage(
            symbol=depth.symbol,
            bids=_levels(depth.bids),
            asks=_levels(depth.asks),
            first=depth.first,
            last=depth.last,
        )
    if stream.endswith("@bookTicker"):
        ticker = msgspec.convert(message["data"], _BinanceTicker)
        return BookMessage(
            symbol=ticker.symbol,
            bids=_levels([(ticker.bid, ticker.bid_quantity)]),
            asks=_levels([(ticker.ask, ticker.ask_quantity)]),
            first=ticker.update,
            last=ticker.update,
            touch=True,
        )
    asked = parse_qs(urlsplit(url).query).get("symbol")
    if "lastUpdateId" in message and asked:
        snapshot = msgspec.convert(message, _BinanceSnapshot)
        return BookMessage(
            symbol=asked[0],
            bids=_levels(snapshot.bids),
            asks=_levels(snapshot.asks),
            first=snapshot.last_update_id,
            last=snapshot.last_update_id,
            whole=True,
        )
    raise Unreadable("no message about a book")


def read_rules(url: str, body: str) -> dict[str, Rules]:
    """Read the answer to a request for all symbols; empty when `url` asked for something else.

    Raises:
        DecodeError: it should hold rules and can't be read.
    """
    try:
        if url.endswith("/public/symbol"):
            symbols = msgspec.json.decode(body, type=list[_HitbtcSymbol])
            found = {symbol.id: _hitbtc_rules(symbol) for symbol in symbols}
        elif url.endswith("/exchangeInfo"):
            listed = msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get("symbols", b"[]")
            found = {
                symbol.symbol: _binance_rules(symbol)
                for symbol in msgspec.json.decode(listed, type=list[_BinanceSymbol])
            }
        else:
            return {}
    except (msgspec.DecodeError, ValueError, KeyError, RecursionError) as error:
        raise DecodeError(
            f"trading rules of {url} can't be read: {error}", body.encode()
        ) from error
    return {name: rules for name, rules in found.items() if rules.tick_size and rules.lot_size}


def _hitbtc_rules(symbol: _HitbtcSymbol) -> Rules:
    return Rules(
        base=symbol.base_currency,
        quote=symbol.quote_currency,
        tick_size=plain_decimal(symbol.tick_size),
        lot_size=plain_decimal(symbol.quantity_increment),
        taker_fee=plain_decimal(symbol.take_liquidity_rate),
        maker_fee=plain_decimal(symbol.provide_liquidity_rate.removeprefix("-")).copy_sign(
            Decimal(-1 if symbol.provide_liquidity_rate.startswith("-") else 1)
        ),
        fee_asset=symbol.fee_currency,
    )


def _binance_rules(symbol: _BinanceSymbol) -> Rules:
    filters = {entry["filterType"]: entry for entry in symbol.filters}
    return Rules(
        base=symbol.base_asset,
        quote=symbol.quote_asset,
        tick_size=plain_decimal(filters["PRICE_FILTER"]["tickSize"]),
        lot_size=max(
            plain_decimal(filters["LOT_SIZE"]["stepSize"]),
            plain_decimal(filters["LOT_SIZE"]["minQty"]),
        ),
    )
