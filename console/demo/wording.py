"""How the report words things: times, money, reasons, so that page and terminal say the same."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

_MINUS: Final = "\u2212"
_MILLI_US: Final = 1_000
_SECOND_US: Final = 1_000_000
_TEN: Final = 10
_MOST_DECIMALS: Final = 8

_REASONS: Final = {
    # why an item gave no signal
    "stale": "old news: published too long before it was received",
    "future": "claims to be published later than it was received",
    "undated": "gives no time, so nobody knows how old it is",
    "no_text": "says nothing",
    "no_asset": "names no coin that the news is about",
    "ambiguous_asset": "the name or ticker may mean several coins",
    "not_news": "about a coin, but nothing that moves it has happened",
    "rumour": "hearsay, question or denial",
    "low_confidence": "too unsure",
    "known_story": "another outlet told it first",
    "deleted": "taken back by its outlet",
    "other_partition": "belongs to another asset's partition",
    "duplicate": "the same post a second time",
    "refused: future": "dated in the future: refused by the crawler",
    "refused: bad_json": "a broken message: refused by the crawler",
    # why a signal became no order
    "no_symbol": "not traded here",
    "no_book": "no order book",
    "no_balance": "nothing of it to sell",
    "thin_book": "too little on offer",
    "too_small": "smaller than the smallest order",
    "expired": "too late",
    # how a position was closed
    "take_profit": "took profit",
    "stop": "stopped out",
    "time_limit": "time was up",
    "flatten": "closed at the end",
    # kinds of news
    "etf_approved": "ETF approved",
    "etf_refused": "ETF refused",
    "regulation_for": "regulation in favour",
    "regulation_against": "regulation against",
}
_STAGES: Final = " \u2192 "


def words(code: str) -> str:
    """Put a reason, an end of a trade or a kind of news into words."""
    return _REASONS.get(code) or code.replace("_", " ")


def hop(name: str) -> str:
    """Name a hop: `received_sent` is `received → sent`."""
    return name.replace("_", _STAGES)


def duration(us: float) -> str:
    """Write microseconds to three digits, in the unit that suits them."""
    if us < _MILLI_US:
        return f"{us:.2g} µs" if us < _TEN else f"{us:.0f} µs"
    if us < _SECOND_US:
        return f"{us / _MILLI_US:.3g} ms" if us < 100 * _MILLI_US else f"{us / _MILLI_US:.0f} ms"
    return f"{us / _SECOND_US:.3g} s"


def signed(amount: Decimal) -> str:
    """Write a gain or loss to the cent, with its sign."""
    rounded = round(amount, 2)
    sign = "+" if rounded > 0 else _MINUS if rounded < 0 else ""
    return f"{sign}{abs(rounded):,.2f}"


def money(amount: Decimal) -> str:
    """Write an amount to the cent."""
    return f"{amount:,.2f}"


def price(amount: Decimal | None) -> str:
    """Write a price with its digits, at most eight decimals; a dash where there is none."""
    if amount is None:
        return "\u2013"
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_MOST_DECIMALS:
        amount = round(amount, _MOST_DECIMALS).normalize()
    return format(amount, "f")


def percent(share: float) -> str:
    """Write a share of one as per cent."""
    return f"{share * 100:.0f}%"


def clock_time(at_ns: int) -> str:
    """Write the time of day, UTC, to the millisecond."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}.{rest // 1_000_000:03}"


def day(at_ns: int) -> str:
    """Write day and minute, UTC."""
    moment = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
