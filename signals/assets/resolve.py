"""Finds the coins and the other parties that a text speaks of, and each coin's role in it."""

import re
from typing import Final

from signals.assets.known import WORDS_AND_GAPS, Universe
from signals.assets.mentions import Resolution
from signals.assets.scan import scan

READ_CHARACTERS: Final = 4_000
"""A text is read up to here; news says what it is about at its beginning."""

_URL: Final = re.compile(r"(?:https?://|www\.|t\.me/)\S+")


class Resolver:
    """Reads texts against one universe. Holds no state between texts."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe

    def use(self, universe: Universe) -> None:
        """Read later texts against another universe; a text that is being read keeps its own."""
        self._universe = universe

    def resolve(self, title: str | None, text: str) -> Resolution:
        """Find the coins and parties in the first `READ_CHARACTERS` characters.

        Pure, in time linear in what is read.
        """
        content = f"{title}\n{text}" if title and text else title or text
        content = content[:READ_CHARACTERS]
        if "://" in content or "www." in content or "t.me/" in content:
            content = _URL.sub(lambda found: " " * len(found.group()), content)
        return scan(self._universe, content, WORDS_AND_GAPS.split(content))
