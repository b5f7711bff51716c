"""A text cut into words, and what stands before, between and after them."""

from itertools import accumulate
from typing import Final

from signals.assets.known import ASCII_WORDS_AND_GAPS, WORDS_AND_GAPS

_SMALL_SHARE: Final = 3  # a text with a third as many words in small letters is no shouting


class Text:
    """One text's words with their places.

    Attributes:
        content: the whole text.
        gaps: what stands before each word, and behind the last.
        tokens: its words as written.
        words: its words, lower case.
    """

    __slots__ = ("_ends", "_parts", "_style", "content", "gaps", "tokens", "words")

    def __init__(self, content: str) -> None:
        """Cut a text into its gaps and words."""
        self.content = content
        if content.isascii():
            parts = ASCII_WORDS_AND_GAPS.split(content)
            self.tokens = tokens = parts[1::2]
            self.words = " ".join(tokens).lower().split()
        else:
            parts = WORDS_AND_GAPS.split(content)
            self.tokens = tokens = parts[1::2]
            self.words = list(map(str.lower, tokens))
        self.gaps = parts[::2]
        self._parts = parts
        self._ends: list[int] = []
        self._style = ""

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Give where word `first` begins and word `last` ends."""
        ends = self._ends
        if not ends:
            self._ends = ends = list(accumulate(map(len, self._parts)))
        return ends[2 * first], ends[2 * last + 1]

    @property
    def style(self) -> str:
        """How it is written: `shouted` in capitals, `titled` like a headline, or `plain`."""
        if not self._style:
            self._style = self._find_style()
        return self._style

    def _find_style(self) -> str:
        tokens = self.tokens
        small = [*map(str.islower, tokens)].count(True)
        if 2 * small >= len(tokens):
            return "plain"
        if small * _SMALL_SHARE < [*map(str.isupper, tokens)].count(True):
            return "shouted"
        return "titled" if [*map(str.istitle, tokens)].count(True) > small else "plain"
