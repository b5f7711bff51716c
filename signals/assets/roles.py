"""Tells a coin that the news is about from one that is only where, or in what, it happens."""

from collections.abc import Mapping
from typing import Final

from signals.assets.context import (
    AIMED,
    FOLLOWERS,
    HYPHENS,
    JOINTS,
    PAIR_QUOTES,
    PAYMENTS,
    PLACES,
    SUMS,
    VIEWS,
)
from signals.assets.known import Asset
from signals.assets.mentions import AssetMention, Role
from signals.assets.text import Text

_YEAR_DIGITS: Final = 4


def role_of(
    text: Text,
    first: int,
    last: int,
    asset: Asset | None,
    previous: AssetMention | None,
    *,
    own_noun: bool,
) -> Role:
    """Judge by the words around.

    Args:
        text: the whole text.
        first: index of the coin's first word.
        last: index of its last word.
        asset: the coin; None for a ticker that is in no table.
        previous: the mention before this one: a coin joined to it has its role.
        own_noun: the noun behind is part of the coin's name and qualifies nothing.
    """
    content, words, starts, stops = text.content, text.words, text.starts, text.stops
    start, end = starts[first], stops[last]
    before = content[start - 1] if start else " "
    if before in "/-_" and asset and asset.code in PAIR_QUOTES:
        return Role.MENTIONED
    if previous and content[previous.span[1] : start - (before in "$([")] in JOINTS:
        return previous.role
    if not own_noun and last + 1 < len(words) and words[last + 1] in FOLLOWERS:
        gap = content[end : starts[last + 1]]
        if gap == " " or gap in HYPHENS:
            return Role.MENTIONED
    place = first - 1
    if place >= 0 and words[place] in ("the", "a", "native"):
        place -= 1
    if place < 0:
        return Role.SUBJECT
    word, word_before = words[place], words[place - 1] if place else ""
    if word in ("of", "in") and (word_before in SUMS or word_before[:1].isdigit()):
        return Role.MENTIONED
    if (word == "in" and word_before in PAYMENTS) or (
        text.gap(place)[:1] in " $" and _is_amount(word, _sign_before(text, place))
    ):
        return Role.MENTIONED
    if (
        word in PLACES
        and word_before not in AIMED
        and not (word in ("on", "over") and word_before in VIEWS)
    ):
        between = content[stops[place] : start]
        if "." not in between and ":" not in between:
            return Role.MENTIONED
    return Role.SUBJECT


def _sign_before(text: Text, place: int) -> str:
    """Give the character before a number, which may have a decimal point."""
    before = text.before(place)
    if before == "." and place and text.words[place - 1].isdigit():
        return text.before(place - 1)
    return before


def _is_amount(word: str, before: str) -> bool:
    """Whether a coin behind this word is how much of it, not what happens to it.

    A year (`2026 Solana outlook`) and a price (`$0.28 $ADA`) are none.
    """
    if word.isdigit():
        is_year = len(word) == _YEAR_DIGITS and word[:2] in ("19", "20") and before != ","
        return not is_year and before != "$"
    return word[-1] in "kmb" and word[:-1].isdigit()


def settle_money(mentions: list[AssetMention], assets: Mapping[str, Asset]) -> list[AssetMention]:
    """Have stablecoins only mentioned beside any other coin."""
    stable = [mention.known and assets[mention.code].stable for mention in mentions]
    if True not in stable or False not in stable:
        return mentions
    return [
        mention._replace(role=Role.MENTIONED) if is_money else mention
        for mention, is_money in zip(mentions, stable, strict=True)
    ]
