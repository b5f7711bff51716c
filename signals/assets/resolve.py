"""Finds the coins and the other parties that a text speaks of, and each coin's role in it."""

import re
from collections.abc import Iterator
from typing import Final

from signals.assets.candidates import Found, find
from signals.assets.known import Universe
from signals.assets.mentions import AssetMention, How, Resolution, Role
from signals.assets.senses import SUBJECT_FROM, Senses, bundled_senses
from signals.assets.surroundings import HARD, describe
from signals.assets.text import Text

READ_CHARACTERS: Final = 4_000
"""A text is read up to here; news says what it is about at its beginning."""

_URL: Final = re.compile(r"(?:https?://|www\.|t\.me/)\S+")
_BY_MARK: Final = {"$": How.CASHTAG, "(": How.BRACKET}
_BY_KIND: Final = dict.fromkeys(("own", "tail", "strange"), How.CODE)
_NAME: Final = How.NAME
_SUBJECT: Final = Role.SUBJECT
_MENTIONED: Final = Role.MENTIONED
_new: Final = tuple.__new__  # a record in a third of the time


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
        mentions = tuple(self._judge(cut, found)) if found.candidates else ()
        actors, ambiguous = tuple(found.actors), tuple(found.ambiguous)
        return _new(Resolution, (cut.content, cut.words, mentions, actors, ambiguous))

    def find(self, title: str | None, text: str) -> tuple[Text, Found]:
        """Cut a text into words, and pick those that may name something."""
        content = f"{title}\n{text}" if title and text else title or text
        content = content[:READ_CHARACTERS]
        if "://" in content or "www." in content or "t.me/" in content:
            content = _URL.sub(lambda found: " " * len(found.group()), content)
        cut = Text(content)
        return cut, find(self._universe, cut)

    def _judge(self, text: Text, found: Found) -> Iterator[AssetMention]:
        judge = self._senses.judge
        described = describe(self._universe, text, found)
        for candidate, description in zip(found.candidates, described, strict=True):
            _, _, code, kind, mark, span, claims = candidate
            mentioned, subject = judge(description)
            if subject >= SUBJECT_FROM and kind != "product":
                role = _SUBJECT
            elif description[0] is HARD or mentioned + subject > 0.5:  # noqa: PLR2004 - likelier
                role = _MENTIONED
            else:
                continue
            if len(claims) > 1:
                agreed = _agreed(claims, found)
                if agreed is None:
                    found.ambiguous.append(" ".join(text.tokens[candidate[0] : candidate[1] + 1]))
                    continue
                code = agreed
            how = _BY_MARK.get(mark) or _BY_KIND.get(kind, _NAME)
            yield _new(AssetMention, (code, role, span, how, kind != "strange", subject))


def _agreed(claims: tuple[str, ...], found: Found) -> str | None:
    """Settle which coin a spelling means that may mean several: one that the text names, too."""
    named = {one.code for one in found.candidates if len(one.claims) == 1}
    agreed = named.intersection(claims)
    return agreed.pop() if len(agreed) == 1 else None
