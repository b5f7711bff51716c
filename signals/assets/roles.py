"""Tells a coin that the news is about from one that is only where, or in what, it happens."""

from collections.abc import Mapping, Sequence

from signals.assets.context import AIMED, FOLLOWERS, HYPHENS, JOINTS, PAIR_QUOTES, PLACES, SUMS
from signals.assets.mentions import AssetMention, Role
from signals.assets.universe import Asset


def role_of(
    content: str,
    words: Sequence[str],
    starts: Sequence[int],
    stops: Sequence[int],
    first: int,
    last: int,
    asset: Asset | None,
    previous: AssetMention | None,
    *,
    own_noun: bool,
) -> Role:
    """Judge by the words around.

    Args:
        content: the whole text.
        words: its words, lower case.
        starts: where each word begins.
        stops: where each word ends.
        first: index of the coin's first word.
        last: index of its last word.
        asset: the coin; None for a ticker that is in no table.
        previous: the mention before this one: a coin joined to it has its role.
        own_noun: the noun behind is part of the coin's name and qualifies nothing.
    """
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
    if word.isdigit() or (word[-1] in "kmb" and word[:-1].isdigit()):
        return Role.MENTIONED
    if word in PLACES and word_before not in AIMED:
        between = content[stops[place] : start]
        if "." not in between and ":" not in between:
            return Role.MENTIONED
    return Role.SUBJECT


def settle_money(mentions: list[AssetMention], assets: Mapping[str, Asset]) -> list[AssetMention]:
    """Have stablecoins only mentioned beside any other coin."""
    stable = [mention.known and assets[mention.code].stable for mention in mentions]
    if True not in stable or False not in stable:
        return mentions
    return [
        mention._replace(role=Role.MENTIONED) if is_money else mention
        for mention, is_money in zip(mentions, stable, strict=True)
    ]
