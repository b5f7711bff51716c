"""The short forms that patterns of rules are written with, and what they stand for."""

from typing import Final

_LIST_JOINT: Final = r"(?:,? and |, | & |/| \+ |['\u2019]s )"
_LIST: Final = rf"<a>(?:{_LIST_JOINT}(?:[\w.'\u2019-]+ ){{0,3}}?<a>)*"
_PAIR: Final = r"[-_](?:eur|usd|usdt|usdc|btc|gbp|krw|try|perp)\b"
_NOUNS: Final = (
    "network|labs|foundation|protocol|blockchain|chain|tokens?|coins?|finance|dao|team|platform"
    "|project|ecosystem|bridge|mainnet|main net|developers?|core|lending|defi|dex|exchange|wallets?"
    "|stablecoin|layer|l1|l2|rollup|treasury|community|makers?|issuer|founders?|parent|creators?"
    "|firm|company|inc|group|markets?|pools?|vaults?|users|cross-chain|liquidity|smart|contracts?"
    "|router|v\\d|hot|operator|lender|holders|governance|native|utility|digital|global|protocol.s"
)
SHORT_FORMS: Final = {
    "{A}": rf"(?P<a>{_LIST})(?!{_PAIR})",
    "{AM}": rf"(?P<a>{_LIST}|<m>)",
    "{C}": "(?:<c>|<f>)",
    "{N}": rf"(?:\W?s)?(?: (?:{_NOUNS})){{0,3}}",
    "{MON}": r"(?:[$\u20ac\u00a3]|us\$|usd )?\d[\d.,]*\+?"
    r"(?: ?(?:million|billion|mln|bln|mn|bn|m|b|k))?\b",
    "{W2}": r"(?: [^\s.;:!?<]+){0,2}?",
    "{W4}": r"(?: (?!<a>)[^\s;:!?]+){0,4}?",
    "{W8}": r"(?: (?!<a>)[^\s;!?]+){0,8}?",
    "{AUX}": r"(?:(?:will|to|has|have|is|are|was|were|just|now|officially|today|also|currently"
    r"|finally|set|going|been|being|be|gets?|got|temporarily|again|immediately|it) )*",
}


def expanded(pattern: str) -> str:
    """Write a pattern without short forms."""
    for short, meaning in SHORT_FORMS.items():
        if short in pattern:
            pattern = pattern.replace(short, meaning)
    return pattern
