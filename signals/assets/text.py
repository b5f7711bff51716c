"""A text cut into words, and what stands before, between and after them."""

from itertools import accumulate
from typing import Final

_SMALL_SHARE: Final = 3  # a text with a third as many words in small letters is no shouting


class Text:
    """One text's words with their places.

    Attributes:
        content: the whole text.
        gaps: what stands before each word, and behind the last.
        tokens: its words as written.
        words: its words, lower case.
        starts: where each word begins, and where the text ends.
        stops: where each word ends.
    """

    __slots__ = ("_style", "content", "gaps", "starts", "stops", "tokens", "words")

    def __init__(self, content: str, parts: list[str]) -> None:
        """Take a text, and its gaps and words by turns."""
        ends = list(accumulate(map(len, parts)))
        self.content = content
        self.gaps = parts[::2]
        self.tokens = parts[1::2]
        self.words = list(map(str.lower, self.tokens))
        self.starts = ends[::2]
        self.stops = ends[1::2]
        self._style = ""

    def before(self, at: int) -> str:
        """Give the character before word `at`; a space at the beginning."""
        gap = self.gaps[at]
        return gap[-1] if gap else " "

    def after(self, at: int) -> str:
        """Give the character behind word `at`; nothing at the end."""
        return self.gaps[at + 1][:1]

    def gap(self, at: int) -> str:
        """Give what stands between word `at` and the next, or the end."""
        return self.gaps[at + 1]

    @property
    def style(self) -> str:
        """How it is written: `shouted` in capitals, `titled` like a headline, or `plain`."""
        if not self._style:
            self._style = self._find_style()
        return self._style

    def _find_style(self) -> str:
        tokens = self.tokens
        small, capitals = sum(map(str.islower, tokens)), sum(map(str.isupper, tokens))
        if small * _SMALL_SHARE < capitals:
            return "shouted"
        return "titled" if sum(map(str.istitle, tokens)) > small else "plain"
