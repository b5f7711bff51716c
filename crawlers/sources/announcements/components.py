"""What the parts of an exchange are needed for, told from the names its status page gives them."""

import re
from collections.abc import Sequence
from typing import Final

from core.contracts.notice import Affected

# A pair is only known by what it is quoted in: `REST/FIX` is none.
_QUOTES: Final = "USDT|USDC|USD|EUR|GBP|JPY|CAD|AUD|CHF|TRY|BRL|KRW|BTC|XBT|ETH|BNB|DAI|FDUSD|TUSD"
_PAIR: Final = re.compile(rf"(?:.* )?\(?([A-Z0-9]{{2,10}})[/_-]({_QUOTES})\)?")
_NAMES: Final = {"XBT": "BTC", "XDG": "DOGE"}  # Kraken's spellings
_SPOT: Final = "spot"
_FUNDS: Final = "funding"


def affects_of(
    names: Sequence[str], trading_words: Sequence[str], other_words: Sequence[str]
) -> tuple[Affected, ...]:
    """Say what the named components are needed for; nothing where none is named."""
    found: set[Affected] = set()
    for name in names:
        text = name.lower()
        needed_for = {
            Affected.DEPOSITS: "deposit" in text or _FUNDS in text,
            Affected.WITHDRAWALS: "withdraw" in text or _FUNDS in text,
            Affected.TRADING: _trades(name, trading_words, other_words),
        }
        found |= {what for what, is_so in needed_for.items() if is_so} or {Affected.OTHER}
    return tuple(one for one in Affected if one in found)


def pairs_of(
    names: Sequence[str], trading_words: Sequence[str], other_words: Sequence[str]
) -> tuple[str, ...]:
    """Give the pairs, as `BASE/QUOTE`, where no other part that trading needs is named."""
    pairs: list[str] = []
    for name in names:
        if _trades(name, trading_words, other_words):
            pair = _pair(name)
            if pair is None:
                return ()
            pairs.append(pair)
    return tuple(pairs)


def _trades(name: str, trading_words: Sequence[str], other_words: Sequence[str]) -> bool:
    text = name.lower()
    if _SPOT in text:
        return True
    if any(word in text for word in other_words):
        return False
    return any(word in text for word in trading_words) or _pair(name) is not None


def _pair(name: str) -> str | None:
    """Read a name that ends with a pair."""
    match = _PAIR.fullmatch(name)
    if match is None:
        return None
    base, quote = match.groups()
    return f"{_NAMES.get(base, base)}/{_NAMES.get(quote, quote)}"
