"""HitBTC's messages as typed structs, and how its numbers and times are read."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final, TypeVar

import msgspec

from core.contracts.errors import DecodeError
from core.contracts.money import Amount
from core.contracts.orders import Side

T = TypeVar("T")

Number = Annotated[str, msgspec.Meta(max_length=64)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]  # up to the year 9999
Time = Annotated[datetime, msgspec.Meta(tz=True)]

NOTHING: Final = msgspec.Raw(b"")


def one_line(words: str, limit: int) -> str:
    """Make a stranger's words fit for a log or a terminal: printable, one line, cut at `limit`."""
    shown = "".join(c if c.isprintable() else " " for c in words[: 10 * limit])
    return " ".join(shown.split())[:limit]


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One message of the trading socket: an answer (`id`) or a notification (`method`).

    Its parts stay undecoded until it is known what they should be, so that an answer of the wrong
    shape still tells which request it answers.
    """

    method: str | None = None
    params: msgspec.Raw = NOTHING
    result: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING
    id: int | None = None


class Fault(msgspec.Struct, frozen=True, gc=False):
    """An error as the venue writes it, on either socket or in a REST body."""

    code: int
    message: str = ""
    description: str | None = None

    def text(self) -> str:
        """Put the venue's words in one line of at most 200 characters."""
        return one_line(
            f"{self.message}: {self.description}" if self.description else self.message, 200
        )


class Order(msgspec.Struct, frozen=True, gc=False):
    """An order, or one report about it; `trade_*` stand on reports of trades only."""

    id: Id
    client_order_id: Code
    symbol: Code
    side: Side
    status: str
    quantity: Number
    quantity_cumulative: Number
    updated_at: Time
    report_type: str = "status"
    trade_id: Id | None = None
    trade_quantity: Number = ""
    trade_price: Number = ""
    trade_fee: Number = "0"
    trade_taker: bool = True


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One execution, from the REST history."""

    id: Id
    client_order_id: Code
    symbol: Code
    side: Side
    quantity: Number
    price: Number
    fee: Number
    timestamp: Time
    fee_currency: Code | None = None
    taker: bool = True


class Holding(msgspec.Struct, frozen=True, gc=False):
    """The balance of one currency."""

    currency: Code
    available: Number
    reserved: Number


class Pair(msgspec.Struct, frozen=True, gc=False):
    """A symbol of the listing; futures have no base currency."""

    type: str
    status: str
    quote_currency: Code
    quantity_increment: Number
    tick_size: Number
    take_rate: Number
    make_rate: Number
    fee_currency: Code
    base_currency: Code | None = None


class Levels(msgspec.Struct, frozen=True, gc=False):
    """One book of a market data message: `t` in ms UTC, prices and quantities best first."""

    t: Millis
    a: list[tuple[Number, Number]]
    b: list[tuple[Number, Number]]


class MarketFrame(msgspec.Struct, frozen=True, gc=False):
    """One message of the public socket."""

    ch: str | None = None
    data: dict[str, Levels] | None = None
    result: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING
    id: int | None = None


def reader(kind: type[T], name: str) -> Callable[[bytes | msgspec.Raw], T]:
    """Make the decoder of one message type.

    Returns:
        A function from bytes to `kind`, raising `DecodeError` that names the field and keeps the
        bytes.
    """
    decode = msgspec.json.Decoder(kind).decode

    def read(raw: bytes | msgspec.Raw) -> T:
        try:
            return decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DecodeError(f"not {name}: {error}", bytes(raw)) from error

    return read


_plain = re.compile(r"\d{1,24}(?:\.\d{1,24})?(?:[eE][+-]?\d{1,2})?", re.ASCII).fullmatch


@lru_cache(maxsize=1 << 14)  # a book tells most of its levels again and again
def quantity(text: str) -> Amount:
    """Read an exact amount that is not negative.

    Raises:
        ValueError: no number of a sane length (NaN, infinite, signed, 1e999999).
    """
    if _plain(text) is None:
        raise ValueError(f"not a plain amount: {text!r}")
    return Amount(text)


@lru_cache(maxsize=1 << 14)
def price(text: str) -> Amount:
    """Read an exact amount above zero.

    Raises:
        ValueError: as `quantity`, or it is zero.
    """
    value = quantity(text)
    if not value:
        raise ValueError(f"zero where more is needed: {text!r}")
    return value


def fee(text: str) -> Amount:
    """Read an exact amount that may be negative (a rebate).

    Raises:
        ValueError: as `quantity`.
    """
    quantity(text.removeprefix("-"))
    return Amount(text)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def ns(time: datetime) -> int:
    """Turn a time with its zone into UTC nanoseconds, exact to the microsecond."""
    return (time - _EPOCH) // _MICROSECOND * 1000
