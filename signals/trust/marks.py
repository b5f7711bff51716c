"""The marks of a scam or a hijacked account: what no honest news carries, whoever signs it."""

import re
from typing import Final

from core.contracts.event import Event

_OFFER: Final = re.compile(
    r"\b(?:double|triple|2x|3x|10x)\b[^.\n]{0,30}\b(?:your|any|all)\b[^.\n]{0,30}"
    r"\b(?:btc|eth|bitcoin|ether|crypto|coins?|deposit|money|tokens?)"
    r"|\bsend\b[^\n]{0,40}\b(?:receive|get|back|return)"
    r"|\b(?:get|receive) (?:back )?(?:double|twice|2x)"
    r"|\bgive-?away\b|\bgiving (?:away|back)\b[^.\n]{0,40}\b(?:btc|eth|\$|million|tokens?)"
    r"|\bfree (?:btc|eth|bitcoin|crypto|tokens?|airdrop)\b"
    r"|\b(?:claim|grab|secure|collect)\b[^.\n]{0,30}\b(?:airdrop|reward|bonus|allocation|tokens?|\$[a-z]+)"
    r"|\bconnect (?:your |a )?wallet\b|\bverify your (?:wallet|seed|account)\b|\bseed phrase\b",
    re.IGNORECASE,
)
_ADDRESS: Final = re.compile(
    r"\b0x[0-9a-fA-F]{40}\b|\bbc1[02-9ac-hj-np-z]{20,60}\b|\bT[1-9A-HJ-NP-Za-km-z]{33}\b"
    r"|\b[13][1-9A-HJ-NP-Za-km-z]{25,34}\b|\b[1-9A-HJ-NP-Za-km-z]{40,44}\b"
)
_SHORT_LINK: Final = re.compile(
    r"(?<![\w.-])(?:bit\.ly|tinyurl\.com|cutt\.ly|is\.gd|rb\.gy|t\.ly|shorturl\.at|rebrand\.ly"
    r"|tiny\.cc|ow\.ly|s\.id|v\.gd|goo\.su|linktr\.ee)/\S",
    re.IGNORECASE,
)
_URGENT: Final = re.compile(
    r"\b(?:hurry|act (?:now|fast)|limited time|first \d|last chance|before (?:it|they|the price)"
    r"|don.t miss|only \d+ (?:hours|minutes|spots)|ends? (?:soon|in \d)|link in bio|dm (?:me|us)"
    r"|buy now|ape in|to the moon|100x|1000x|presale)\b",
    re.IGNORECASE,
)
_FIRST_PERSON: Final = re.compile(
    r"\b(?:we|we're|we\u2019re|we are|we will|we'll) (?:\w+ ){0,4}"
    r"(?:list(?:ing)?|add(?:ing)?|approv\w+|launch\w*|partner\w*|announce)\b"
    r"|\bofficial(?:ly)? (?:announcement|statement|notice)\b",
    re.IGNORECASE,
)
# Words without which the patterns above can't match: a look at the words is cheap, they are not.
_OFFER_WORDS: Final = frozenset(
    (
        "double",
        "twice",
        "triple",
        "2x",
        "3x",
        "10x",
        "send",
        "giveaway",
        "away",
        "giving",
        "free",
        "claim",
        "grab",
        "secure",
        "collect",
        "connect",
        "verify",
        "seed",
    )
)
_URGENT_WORDS: Final = frozenset(
    (
        "hurry",
        "act",
        "limited",
        "first",
        "last",
        "before",
        "don",
        "miss",
        "only",
        "ends",
        "link",
        "dm",
        "buy",
        "ape",
        "moon",
        "100x",
        "1000x",
        "presale",
    )
)
_PARTY_WORDS: Final = frozenset(("we", "official", "officially"))
_CONTRACT_WORDS: Final = frozenset(("ca", "contract"))
_WORD: Final = re.compile(r"[a-z0-9]+")
_LONG_WORD: Final = re.compile(r"[0-9A-Za-z]{25}")
_CAPITAL: Final = re.compile(r"[A-Z]")
_LETTER: Final = re.compile(r"[A-Za-z]")
_SHOUT_LETTERS: Final = 40
_SHOUT_SHARE: Final = 0.8
_READ: Final = 2_000


def of_scam(event: Event, *, open_to_all: bool) -> str | None:
    """Name what gives an event away as a scam or the work of a hijacked account.

    Args:
        event: what was said.
        open_to_all: it stands where anybody may write, so that weaker marks count as well.
    """
    if event.lookalikes:
        return f"letters that pretend to be others in {event.lookalikes[0]!r}"
    text = _read(event)
    words = set(_WORD.findall(text.lower()))
    if not words.isdisjoint(_OFFER_WORDS) and (found := _OFFER.search(text)):
        return f"an offer: {found.group()[:40]!r}"
    if not open_to_all:
        return None
    marks = []
    if _LONG_WORD.search(text) and _ADDRESS.search(text):
        marks.append("an address to pay to")
    if "/" in text and _SHORT_LINK.search(text):
        marks.append("a short link")
    if not words.isdisjoint(_URGENT_WORDS) and _URGENT.search(text):
        marks.append("urgency")
    if _shouts(text):
        marks.append("capitals throughout")
    if not words.isdisjoint(_CONTRACT_WORDS) or "new token" in text.lower():
        marks.append("a contract of a new token")
    return " and ".join(marks) if len(marks) > 1 else None


def of_false_office(event: Event) -> str | None:
    """Name the words by which an event speaks as if it were the party itself."""
    text = _read(event)
    if _PARTY_WORDS.isdisjoint(_WORD.findall(text.lower())):
        return None
    found = _FIRST_PERSON.search(text)
    return f"speaks as the party itself: {found.group()[:40]!r}" if found else None


def _read(event: Event) -> str:
    text = f"{event.title}\n{event.text}" if event.title else event.text
    return text[:_READ]


def _shouts(text: str) -> bool:
    capitals = len(_CAPITAL.findall(text))
    return capitals >= _SHOUT_LETTERS * _SHOUT_SHARE and (
        len(letters := _LETTER.findall(text)) >= _SHOUT_LETTERS
        and capitals > _SHOUT_SHARE * len(letters)
    )
