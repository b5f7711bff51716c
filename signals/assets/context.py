"""Words around a coin's name or code that tell what it is there for."""

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PAIR_QUOTES: Final = _words(
    "USDT USDC USD EUR BTC ETH BNB FDUSD TRY KRW GBP BRL DAI JPY BUSD TUSD AUD"
)
"""What pairs are quoted in."""

PAIR_GAPS: Final = frozenset("/-_")
"""What stands between the two halves of a pair."""

COMMON_FIRSTS: Final = _words(
    "the a as at in on do just new next first big all more crypto defi market volatility rally "
    "bank reserve gains launch liquidity level act strike push trust global financial digital "
    "treasury whale regulatory quantum core open time play space trade power my it i"
)
"""Words so common that a longer name beginning with one must begin with a capital."""

NAME_NOUNS: Final = _words(
    "protocol network token tokens coin coins blockchain foundation mainnet labs dao finance "
    "bridge dex"
)
"""Words that make an everyday name a coin's."""

CODE_NOUNS: Final = _words("token tokens coin coins")
"""Words that make an everyday code a coin's."""

CODE_PRICE_WORDS: Final = _words(
    "slips retreats extends eyes tests holds reclaims loses faces nears "
    "price prices surges soars jumps rallies rises gains climbs falls drops slides plunges "
    "tumbles crashes dips slumps sinks skyrockets rebounds recovers pumps dumps hits reaches "
    "breaks trades unlock unlocks burn buyback buybacks holders bulls bears whales supply "
    "staking etf etfs traders airdrop tokenomics"
)
"""Words that make a code that is an everyday word a coin's, where capitals tell something."""

NAME_PRICE_WORDS: Final = _words("price prices etf etfs holders bulls bears validators stakers")
"""Words that make a capitalised everyday name a coin's."""

DETERMINERS: Final = _words("a an the this that my your our his her their its click any some no")
"""After these an upper-case word is stressed, not a code."""

LIST_VERBS: Final = _words(
    "list lists listed listing listings delist delists delisted delisting add adds adding 상장"
)
"""Words behind which an exchange names coins."""

LIST_FOLLOWERS: Final = _words(
    "and or on for in with to at today tomorrow soon now token tokens coin coins spot trading from "
    "by as this next after starting effective"
)
"""Words that may follow a coin there; another makes it an adjective."""

PLACES: Final = _words(
    "on onto atop against vs versus than over like via using staking per non unlike"
)
"""After these a coin is where, or what with, something happens to another."""

AIMED: Final = _words(
    "attack attacks exploit hack ban crackdown lawsuit case charges suit appeal complaint action "
    "actions probe investigation claims drops ruling restrictions"
)
"""After these and one of `PLACES` it is the coin that it happens to."""

VIEWS: Final = _words(
    "bullish bearish bet bets optimistic neutral long short position positions switches switch "
    "turns vote votes voted fund funds"
)
"""After these, `on` and `over` lead to the coin that is talked of."""

PAYMENTS: Final = _words("paid pay pays paying payable payment payments settled settles settling")
"""After these and `in` a coin is money."""

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
