"""Words around a coin's name or code that tell what it is there for."""

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PAIR_QUOTES: Final = _words(
    "USDT USDC USD EUR BTC ETH BNB FDUSD TRY KRW GBP BRL DAI JPY BUSD TUSD AUD"
)
"""What pairs are quoted in."""

NAME_NOUNS: Final = _words(
    "protocol network token tokens coin coins blockchain foundation mainnet labs dao finance "
    "bridge dex"
)
"""Words that make an everyday name a coin's."""

CODE_NOUNS: Final = _words("token tokens coin coins")
"""Words that make an everyday code a coin's."""

PLACES: Final = _words(
    "on onto atop against vs versus than over like via using staking per non unlike"
)
"""After these a coin is where, or what with, something happens to another."""

AIMED: Final = _words(
    "attack attacks exploit hack ban crackdown lawsuit case charges suit appeal complaint action "
    "actions probe investigation claims drops ruling restrictions"
)
"""After these and one of `PLACES` it is the coin that it happens to."""

SUMS: Final = _words("million billion worth")
"""Words that end an amount of money; the coin after `of` or `in` is what it was paid in."""

FOLLOWERS: Final = _words(
    "ecosystem based powered native dex dapp miner miners mining treasury memecoin meme layer l2 "
    "sidechain wallet wallets killer denominated backed compatible whale whales trader traders "
    "maximalist mixer rollup"
)
"""Before these a coin only says what kind of thing another one is."""

JOINTS: Final = frozenset((" and ", ", ", " & ", ", and ", "/", " + ", " or "))
"""What joins coins that have the same role."""

HYPHENS: Final = frozenset(("-", "\u2011"))
APOSTROPHES: Final = frozenset(("'", "\u2019"))
NAME_GAPS: Final = frozenset((" ", "  ", ".", "&")) | HYPHENS | APOSTROPHES
"""What may stand between the words of one name."""
