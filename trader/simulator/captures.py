"""Reads a raw recording of an exchange's public market data and gives whole books."""

import heapq
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from core.contracts.errors import ConfigurationError, DecodeError
from core.contracts.money import Amount, floor_to_step
from trader.simulator.capture_formats import (
    BookMessage,
    Levels,
    Rules,
    Unreadable,
    read_message,
    read_rules,
)
from trader.venues.port import Instrument

# Longest first, so that a pair in USDT is not taken for one in USD.
_QUOTES: Final = (
    *("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "EURS"),
    *("USD", "EUR", "GBP", "TRY", "BRL", "DAI", "BTC", "ETH", "BNB"),
)
_REQUEST: Final = re.compile(r"(\w+://\S+) (<->|<-|->) ([0-9]{1,12}(?:\.[0-9]{1,12})?)(?:: (.*))?")
_RECEIVED: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?): (.*)")
_DEFAULT_TAKER_FEE: Final = Decimal("0.0025")
_DEFAULT_MAKER_FEE: Final = Decimal("0.001")


class CaptureError(ConfigurationError):
    """A capture that can't be used; the message names the file and why."""


class BookUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A whole book as it became known `offset_ns` after the first one of its source."""

    offset_ns: int
    symbol: str
    bids: Levels
    asks: Levels


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording holds.

    Attributes:
        updates: whole books in the order of receipt.
        instruments: one for each symbol that has a book.
        skipped: how many lines of the file gave no book of their own, by reason.
    """

    updates: tuple[BookUpdate, ...]
    instruments: tuple[Instrument, ...]
    skipped: dict[str, int]


class _Line(msgspec.Struct, frozen=True):
    """One received message, not read yet; `url` is empty for what a websocket pushed."""

    at_ns: int
    url: str
    body: str


class _Building:
    """One symbol's book while its recording is read.

    A symbol that the recording gives no whole book of starts empty: it shows those levels that
    changed, which is less than the venue had but nothing that it had not.
    """

    def __init__(self, *, awaits_whole: bool) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.price_digits = self.quantity_digits = 0
        self._sequence = None if awaits_whole else -1
        self._early: list[BookMessage] = []
        self._touch: BookMessage | None = None

    def apply(self, message: BookMessage) -> None:
        """Take a message in.

        Raises:
            Unreadable: it can't be used, or the book can't be shown after it.
        """
        if message.whole:
            self.bids, self.asks, self._touch = {}, {}, None
            self._merge(message)
            early, self._early = self._early, []
            for waiting in early:
                if waiting.last > message.last:
                    self._merge(waiting)
        elif self._sequence is None:
            self._early.append(message)
            raise Unreadable("change before its whole book")
        elif message.last <= self._sequence:
            raise Unreadable("change older than its book")
        elif not message.touch and 0 <= self._sequence < message.first - 1:
            self._sequence = None
            raise Unreadable("gap in the sequence")
        else:
            self._merge(message)
        if not self.bids or not self.asks:
            raise Unreadable("book with one side only")
        if max(self.bids) >= min(self.asks):
            raise Unreadable("crossed book")

    def _merge(self, message: BookMessage) -> None:
        if message.touch:
            self._touch = message
        else:
            self._sequence = message.last
            self._set_levels(message)
        if self._touch and (self._sequence is None or self._touch.last > self._sequence):
            bid, ask = self._touch.bids[0][0], self._touch.asks[0][0]
            self.bids = {price: size for price, size in self.bids.items() if price < bid}
            self.asks = {price: size for price, size in self.asks.items() if price > ask}
            self._set_levels(self._touch)

    def _set_levels(self, message: BookMessage) -> None:
        for side, levels in ((self.bids, message.bids), (self.asks, message.asks)):
            for price, quantity in levels:
                self.price_digits = max(self.price_digits, _digits(price))
                self.quantity_digits = max(self.quantity_digits, _digits(quantity))
                if quantity:
                    side[price] = quantity
                else:
                    side.pop(price, None)


def read_capture(path: Path, *, depth: int = 20) -> Capture:
    """Read a recording, one message a line, and the files beside it that complete it.

    Lines are `<seconds>: <message>` (received), `<url> -> <seconds>: <answer>` (REST),
    `<url> <-> <seconds>` (connected) and `<url> <- <seconds>: <message>` (sent). For a file
    `VENUE.ws.1.0`, trading rules are taken from `VENUE.0` and whole books from `VENUE.http.*` in
    the same folder, where they exist. Without rules they are derived: the tick and lot size from
    the digits seen, the currencies from the symbol's ending. With them, quantities are shown in
    whole lots.

    Args:
        path: the file.
        depth: how many levels of each side to give.

    Raises:
        CaptureError: the file can't be opened or holds no book that can be shown.
    """
    skipped: Counter[str] = Counter()
    rules: dict[str, Rules] = {}
    messages: list[tuple[int, bool, BookMessage]] = []  # (received, from this very file, message)
    venue = path.name.split(".")[0]
    beside = [path.with_name(f"{venue}.0"), *sorted(path.parent.glob(f"{venue}.http.*"))]
    for file in (path, *(other for other in beside if other != path and other.is_file())):
        own = file == path
        for line in _read_lines(file, skipped if own else Counter()):
            try:
                if found := read_rules(line.url, line.body):
                    rules |= found
                    skipped["trading rules"] += own
                else:
                    messages.append((line.at_ns, own, read_message(line.url, line.body)))
            except (Unreadable, DecodeError) as error:
                reason = str(error) if isinstance(error, Unreadable) else "malformed trading rules"
                skipped[reason] += own
    messages.sort(key=lambda entry: entry[0])
    awaited = {message.symbol for _, _, message in messages if message.whole}
    books: dict[str, _Building] = {}
    names: dict[str, tuple[str, str]] = {}
    for symbol in {message.symbol for _, own, message in messages if own}:
        if split := _split(symbol, rules.get(symbol)):
            names[symbol] = split
            books[symbol] = _Building(awaits_whole=symbol in awaited)
    updates: list[BookUpdate] = []
    start_ns: int | None = None
    for at_ns, own, message in messages:
        book = books.get(message.symbol)
        if book is None:
            skipped["unknown quote currency"] += own
            continue
        try:
            book.apply(message)
        except Unreadable as error:
            skipped[str(error)] += own
            continue
        start_ns = at_ns if start_ns is None else start_ns
        lot = rules[message.symbol].lot_size if message.symbol in rules else None
        updates.append(
            BookUpdate(
                offset_ns=at_ns - start_ns,
                symbol=message.symbol,
                bids=_in_lots(heapq.nlargest(depth, book.bids.items()), lot),
                asks=_in_lots(heapq.nsmallest(depth, book.asks.items()), lot),
            )
        )
    if not updates:
        reasons = ", ".join(f"{reason}: {n}" for reason, n in sorted(skipped.items())) or "empty"
        raise CaptureError(
            f"{path}: no book in this capture (lines by reason: {reasons}); give a recording of "
            "HitBTC's API 2 websocket or of Binance's depth streams or snapshots"
        )
    shown = dict.fromkeys(update.symbol for update in updates)
    instruments = tuple(
        _instrument(symbol, names[symbol], rules.get(symbol), books[symbol]) for symbol in shown
    )
    return Capture(
        updates=tuple(updates),
        instruments=instruments,
        skipped={reason: n for reason, n in sorted(skipped.items()) if n},
    )


def _read_lines(path: Path, skipped: Counter[str]) -> Iterator[_Line]:
    """Give what was received, and count what is no such line."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for text in file:
                line = text.strip()
                if match := _RECEIVED.fullmatch(line):
                    yield _Line(_nanoseconds(match[1]), "", match[2])
                elif (match := _REQUEST.fullmatch(line)) and match[2] == "->" and match[4]:
                    yield _Line(_nanoseconds(match[3]), match[1], match[4])
                elif match:
                    skipped["connected or sent"] += 1
                else:
                    skipped["unknown line" if line else "blank line"] += 1
    except OSError as error:
        raise CaptureError(f"{path}: the capture can't be read ({error.strerror})") from error


def _nanoseconds(seconds: str) -> int:
    return int(Decimal(seconds) * 1_000_000_000)


def _digits(value: Decimal) -> int:
    """Count the decimal places that matter: 0.3500 has two."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _split(symbol: str, rules: Rules | None) -> tuple[str, str] | None:
    """Tell base and quote currency apart, by the venue's own word or the usual endings."""
    if rules is not None:
        return rules.base, rules.quote
    for quote in _QUOTES:
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol.removesuffix(quote), quote
    return None


def _in_lots(levels: list[tuple[Decimal, Decimal]], lot: Decimal | None) -> Levels:
    """Leave out what nobody may order: parts of a lot, older than the venue's present rules."""
    if lot is None:
        return tuple(levels)
    return tuple((price, whole) for price, q in levels if (whole := floor_to_step(q, lot)))


def _instrument(
    symbol: str, names: tuple[str, str], rules: Rules | None, book: _Building
) -> Instrument:
    """Make the pair's rules so that every level shown can be ordered at and taken whole."""
    base, quote = names
    tick = Decimal(1).scaleb(-book.price_digits)
    lot = Decimal(1).scaleb(-book.quantity_digits)
    taker, maker, fee_asset = _DEFAULT_TAKER_FEE, _DEFAULT_MAKER_FEE, quote
    if rules is not None:
        tick, lot = min(tick, rules.tick_size), rules.lot_size
        taker = rules.taker_fee if rules.taker_fee is not None else taker
        maker = rules.maker_fee if rules.maker_fee is not None else maker
        fee_asset = rules.fee_asset if rules.fee_asset in {base, quote} else quote
    return Instrument(
        venue="hitbtc",
        symbol=symbol,
        asset=base,
        quote_asset=quote,
        lot_size=Amount(lot),
        tick_size=Amount(tick),
        min_quantity=Amount(lot),
        taker_fee=Amount(taker),
        maker_fee=Amount(maker),
        fee_asset=fee_asset,
    )
