"""Words and signs that tell something about the coins beside them."""

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

LIST_VERBS: Final = _words(
    "list lists listed listing listings delist delists delisted delisting add adds adding 상장"
)
"""Words behind which an exchange names coins."""

HYPHENS: Final = frozenset(("-", "\u2011"))

APOSTROPHES: Final = frozenset(("'", "\u2019"))

NAME_GAPS: Final = frozenset((" ", "  ", ".", "&")) | HYPHENS | APOSTROPHES
"""What may stand between the words of one name."""

JARGON: Final = _words(
    "token tokens protocol defi blockchain onchain mainnet crypto cryptocurrency wallet wallets "
    "validator validators dex staking stake airdrop bridge coin coins altcoin altcoins memecoin "
    "stablecoin stablecoins nft chain network foundation dao ledger smart contract contracts "
    "exchange exploit liquidity pool pools tvl whale etf yield miners mining holders"
)
"""Words that make a text one on coins."""

COMMON_CODES: Final = _words(
    "one hot for not act send key data safe high time form front hard auto team open soon home "
    "bank best city bar bot win fun sun space power core sign super solve sent pay pre pro red the "
    "tree value fort max min mode stable extra blue root stars layer mobile block whale edge farm "
    "keep cover well best bit lit looks rare mean real this that bond quick turbo people house "
    "push loot camp time prove team prime alpha beta bold multi nest river towns belt pump dogs "
    "city free just more over like mask comp band math bend palm plus"
)
"""Codes, in small letters, that are such common words that only capitals make them codes."""

HANDLE_ENDS: Final = (
    *("protocol", "finance", "network", "official", "labs", "foundation", "dao", "xyz", "io"),
    *("app", "hq", "chain", "coin", "token", "fi", "dex", "swap", "exchange"),
)
"""What projects put behind their names in handles: `@SomethingProtocol`."""

PLACES: Final = _words(
    "on onto atop against vs versus than over like via using staking per non unlike"
)
"""After these a coin often is where, or what with, something happens to another."""

AIMED: Final = _words(
    "attack attacks exploit hack ban crackdown lawsuit case charges suit appeal complaint action "
    "actions probe investigation claims drops ruling restrictions"
)
"""After these and one of `PLACES` it is the coin that it happens to."""

PAYMENTS: Final = _words("paid pay pays paying payable payment payments settled settles settling")
"""After these and `in` a coin is money."""

SUMS: Final = _words("million billion worth mln bn m b")
"""Words that end an amount of money; the coin after `of` or `in` is what it was paid in."""

FOLLOWERS: Final = _words(
    "ecosystem based powered native dex dapp miner miners mining treasury memecoin meme layer l2 "
    "sidechain wallet wallets killer denominated backed compatible whale whales trader traders "
    "maximalist mixer rollup"
)
"""Before these a coin often only says what kind of thing another one is."""

BASES: Final = _words(
    "BTC ETH BNB SOL TRX AVAX POL ARB OP TON SUI FTM S NEAR DOT ATOM APT STRK ZK MNT CRO KLAY KAIA"
)
"""Coins that others run on or are paid in, besides money."""

NAME_NOUNS: Final = _words(
    "protocol network token tokens coin coins blockchain foundation mainnet labs dao finance "
    "bridge dex"
)
"""Words that stand behind a coin's name and before its code."""
