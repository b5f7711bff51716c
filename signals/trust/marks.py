"""The marks of a scam or a hijacked account: what no honest news carries, whoever signs it."""

import re
import string
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
_SHORT_LINKS: Final = (
    "bit.ly/", "tinyurl.com/", "cutt.ly/", "is.gd/", "rb.gy/", "t.ly/", "shorturl.at/",
    "rebrand.ly/", "tiny.cc/", "ow.ly/", "s.id/", "v.gd/", "goo.su/", "linktr.ee/",
)  # fmt: skip
# Words without which the patterns above can't match: a look at the words is cheap, they are not.
_OFFER_WORDS: Final = frozenset(
    b"double twice triple 2x 3x 10x send giveaway away giving free claim grab secure collect"
    b" connect verify seed".split()
)
_URGENT_WORDS: Final = frozenset(
    b"hurry act limited first last before don miss only ends link dm buy ape moon 100x 1000x"
    b" presale".split()
)
_PARTY_WORDS: Final = frozenset((b"we", b"official", b"officially"))
_CONTRACT_WORDS: Final = frozenset((b"ca", b"contract"))
_CAPITALS: Final = string.ascii_uppercase.encode()
_LETTERS: Final = string.ascii_letters.encode()
_WORD_LETTERS: Final = frozenset((string.ascii_lowercase + string.digits).encode())
_WORDS_ALONE: Final = bytes(byte if byte in _WORD_LETTERS else ord(" ") for byte in range(256))
_LONG: Final = 25
_LONG_WORD: Final = re.compile(rf"[0-9A-Za-z]{{{_LONG}}}")
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
    words = _words(text)
    if not words.isdisjoint(_OFFER_WORDS) and (found := _OFFER.search(text)):
        return f"an offer: {found.group()[:40]!r}"
    return _weak_marks(text, words) if open_to_all else None


def _weak_marks(text: str, words: set[bytes]) -> str | None:
    """Name the marks of which a single one tells nothing."""
    pays = max(map(len, words), default=0) >= _LONG and _has_address(text)
    links = "/" in text and _has_short_link(text)
    shouts = _shouts(text)
    sells = not words.isdisjoint(_CONTRACT_WORDS) or "new token" in text.lower()
    if not (pays or links or shouts or sells):
        return None
    urges = not words.isdisjoint(_URGENT_WORDS) and _URGENT.search(text) is not None
    marks = {
        "an address to pay to": pays,
        "a short link": links,
        "urgency": urges,
        "capitals throughout": shouts,
        "a contract of a new token": sells,
    }
    found = [name for name, stands in marks.items() if stands]
    return " and ".join(found) if len(found) > 1 else None


def of_false_office(event: Event) -> str | None:
    """Name the words by which an event speaks as if it were the party itself."""
    text = _read(event)
    if _PARTY_WORDS.isdisjoint(_words(text)):
        return None
    found = _FIRST_PERSON.search(text)
    return f"speaks as the party itself: {found.group()[:40]!r}" if found else None


def _read(event: Event) -> str:
    text = f"{event.title}\n{event.text}" if event.title else event.text
    return text[:_READ]


def _words(text: str) -> set[bytes]:
    """Give the words in small letters; letters other than a to z and digits part them."""
    return set(text.lower().encode("ascii", "replace").translate(_WORDS_ALONE).split())


def _has_address(text: str) -> bool:
    return _LONG_WORD.search(text) is not None and _ADDRESS.search(text) is not None


def _has_short_link(text: str) -> bool:
    small = text.lower()
    if text.isascii() and not any(map(small.__contains__, _SHORT_LINKS)):
        return False
    return _SHORT_LINK.search(text) is not None


def _shouts(text: str) -> bool:
    plain = text.encode("ascii", "replace")
    capitals = len(plain) - len(plain.translate(None, _CAPITALS))
    if capitals < _SHOUT_LETTERS * _SHOUT_SHARE:
        return False
    letters = len(plain) - len(plain.translate(None, _LETTERS))
    return letters >= _SHOUT_LETTERS and capitals > _SHOUT_SHARE * letters
