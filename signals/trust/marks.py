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
    r"\b(?:bit\.ly|tinyurl\.com|cutt\.ly|is\.gd|rb\.gy|t\.ly|shorturl\.at|rebrand\.ly|tiny\.cc"
    r"|ow\.ly|s\.id|v\.gd|goo\.su|linktr\.ee)/\S",
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
_CONTRACT: Final = re.compile(r"\b(?:ca|contract|new token|token address)\b", re.IGNORECASE)
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
    text = f"{event.title}\n{event.text}" if event.title else event.text
    text = text[:_READ]
    if found := _OFFER.search(text):
        return f"an offer: {found.group()[:40]!r}"
    if not open_to_all:
        return None
    marks = [
        name
        for name, is_there in (
            ("an address to pay to", _ADDRESS.search(text) is not None),
            ("a short link", _SHORT_LINK.search(text) is not None),
            ("urgency", _URGENT.search(text) is not None),
            ("capitals throughout", _shouts(text)),
            ("a contract of a new token", _CONTRACT.search(text) is not None),
        )
        if is_there
    ]
    return " and ".join(marks) if len(marks) > 1 else None


def of_false_office(event: Event) -> str | None:
    """Name the words by which an event speaks as if it were the party itself."""
    found = _FIRST_PERSON.search(event.title or "") or _FIRST_PERSON.search(event.text[:_READ])
    return f"speaks as the party itself: {found.group()[:40]!r}" if found else None


def _shouts(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    capitals = sum(map(str.isupper, letters))
    return len(letters) >= _SHOUT_LETTERS and capitals > _SHOUT_SHARE * len(letters)
