"""Finds the coins and the other parties that a text speaks of, and each coin's role in it."""

import re
from typing import Final

from signals.assets.candidates import Candidate, Found, find
from signals.assets.known import WORDS_AND_GAPS, Universe
from signals.assets.mentions import AssetMention, How, Resolution, Role
from signals.assets.senses import SUBJECT_FROM, Senses, bundled_senses
from signals.assets.surroundings import HARD, describe
from signals.assets.text import Text

READ_CHARACTERS: Final = 4_000
"""A text is read up to here; news says what it is about at its beginning."""

_URL: Final = re.compile(r"(?:https?://|www\.|t\.me/)\S+")
_HOW: Final = {"$": How.CASHTAG, "(": How.BRACKET}
_CODES: Final = frozenset(("own", "tail", "strange"))


_Taken = tuple[Candidate, Role, float]


class Resolver:
    """Reads texts against one universe. Holds no state between texts."""

    def __init__(self, universe: Universe, senses: Senses | None = None) -> None:
        """Take a universe, and the weights of what stands around coins: the bundled if none."""
        self._universe = universe
        self._senses = senses or bundled_senses()

    def use(self, universe: Universe) -> None:
        """Read later texts against another universe; a text that is being read keeps its own."""
        self._universe = universe

    def resolve(self, title: str | None, text: str) -> Resolution:
        """Find the coins and parties in the first `READ_CHARACTERS` characters.

        Pure, in time linear in what is read.
        """
        cut, found = self.find(title, text)
        mentions: list[AssetMention] = []
        if found.candidates:
            mentions = self._judge(cut, found)
        return Resolution(
            cut.content, cut.words, tuple(mentions), tuple(found.actors), tuple(found.ambiguous)
        )

    def find(self, title: str | None, text: str) -> tuple[Text, Found]:
        """Cut a text into words, and pick those that may name something."""
        content = f"{title}\n{text}" if title and text else title or text
        content = content[:READ_CHARACTERS]
        if "://" in content or "www." in content or "t.me/" in content:
            content = _URL.sub(lambda found: " " * len(found.group()), content)
        cut = Text(content, WORDS_AND_GAPS.split(content))
        return cut, find(self._universe, cut)

    def _judge(self, text: Text, found: Found) -> list[AssetMention]:
        judge = self._senses.judge
        taken: list[_Taken] = []
        described = describe(self._universe, text, found)
        for candidate, description in zip(found.candidates, described, strict=True):
            chances = judge(description)
            if chances.subject >= SUBJECT_FROM and candidate.kind != "product":
                taken.append((candidate, Role.SUBJECT, chances.subject))
            elif description[0] is HARD or sum(chances) > 0.5:  # noqa: PLR2004 - likelier than not
                taken.append((candidate, Role.MENTIONED, chances.subject))
        return _settle(taken, found, text)


def _settle(taken: list[_Taken], found: Found, text: Text) -> list[AssetMention]:
    """Refuse spellings that may mean several coins, unless a name in the text settles which."""
    mentions: list[AssetMention] = []
    for each, role, chance in taken:
        code = each.code
        if len(each.claims) > 1:
            named = {one.code for one in found.candidates if len(one.claims) == 1}
            agreed = named.intersection(each.claims)
            if len(agreed) != 1:
                found.ambiguous.append(" ".join(text.tokens[each.first : each.last + 1]))
                continue
            (code,) = agreed
        how = _HOW.get(each.mark, How.CODE if each.kind in _CODES else How.NAME)
        mentions.append(AssetMention(code, role, each.span, how, each.kind != "strange", chance))
    return mentions
