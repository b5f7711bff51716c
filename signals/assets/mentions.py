"""What a text was found to name: coins with their roles, and other parties."""

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """What part a coin has in a text."""

    SUBJECT = "subject"
    MENTIONED = "mentioned"  # quote currency, chain it runs on, amount, comparison


class How(StrEnum):
    """By what a coin was recognised."""

    CASHTAG = "cashtag"
    BRACKET = "bracket"
    NAME = "name"
    CODE = "code"


class AssetMention(NamedTuple):
    """One place where a text names a coin.

    Attributes:
        code: canonical.
        role: in this place.
        span: start and end in `Resolution.content`.
        how: the evidence.
        known: False for a ticker in brackets or behind `$` that is in no table: perhaps a new
            coin, perhaps a share.
        chance: the probability that the text is about it; 1 where nothing was weighed.
    """

    code: str
    role: Role
    span: tuple[int, int]
    how: How
    known: bool = True
    chance: float = 1.0


class ActorMention(NamedTuple):
    """One place where a text names an exchange, company, fund or authority."""

    name: str
    kind: str
    span: tuple[int, int]


class Resolution(NamedTuple):
    """What was found in a text.

    Attributes:
        content: title and text as read: joined by a line feed, cut, addresses blanked out.
        words: all words of it, lower case.
        mentions: by place.
        actors: by place.
        ambiguous: spellings that could be more than one coin, so none was taken.
    """

    content: str
    words: list[str]
    mentions: tuple[AssetMention, ...]
    actors: tuple[ActorMention, ...]
    ambiguous: tuple[str, ...]
