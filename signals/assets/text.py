"""A text cut into words, and what stands before, between and after them."""

from itertools import accumulate
from typing import Final

_SMALL_SHARE: Final = 3  # a line with a third as many words in small letters is no shouting

_NEAR: Final = 6  # words on each side
_TELLING: Final = 4  # shorter words are written small in headlines, too


class Text:
    """One text's words with their places.

    Attributes:
        content: the whole text.
        tokens: its words as written.
        words: its words, lower case.
        starts: where each word begins, and where the text ends.
        stops: where each word ends.
    """

    __slots__ = ("_line_end", "_shouted", "content", "starts", "stops", "tokens", "words")

    def __init__(self, content: str, parts: list[str], tokens: list[str], words: list[str]) -> None:
        """Take a text, its gaps and words by turns, its words, and these in lower case."""
        ends = list(accumulate(map(len, parts)))
        self.content = content
        self.tokens = tokens
        self.words = words
        self.starts = ends[::2]
        self.stops = ends[1::2]
        self._line_end = -1
        self._shouted = False

    def before(self, at: int) -> str:
        """Give the character before word `at`; a space at the beginning."""
        start = self.starts[at]
        return self.content[start - 1] if start else " "

    def after(self, at: int) -> str:
        """Give the character behind word `at`; nothing at the end."""
        end = self.stops[at]
        return self.content[end : end + 1]

    def gap(self, at: int) -> str:
        """Give what stands between word `at` and the next, or the end."""
        return self.content[self.stops[at] : self.starts[at + 1]]

    def next_word(self, at: int) -> str:
        """Give the word behind word `at`, lower case; nothing at the end."""
        return self.words[at + 1] if at + 1 < len(self.words) else ""

    def is_shouted(self, at: int) -> bool:
        """Whether the line of word `at` is nearly all in capitals, so that any word looks a code.

        To be asked in the order of the words: it remembers the line it looked at last.
        """
        start = self.starts[at]
        if start >= self._line_end:
            line_start = self.content.rfind("\n", 0, start) + 1
            found = self.content.find("\n", start)
            self._line_end = found if found >= 0 else len(self.content)
            words = self.content[line_start : self._line_end].split()
            capitals = sum(map(str.isupper, words))
            small = sum(word != word.upper() for word in words)
            self._shouted = small * _SMALL_SHARE < capitals
        return self._shouted

    def is_inside_sentence(self, at: int) -> bool:
        """Whether word `at` has a capital that neither its place nor a headline's style gives.

        So it is with `Where can I buy Stellar in Texas?`: what stands before it is a word in
        small letters, and most other words around are.
        """
        tokens = self.tokens
        if not at or not tokens[at][0].isupper() or not tokens[at - 1].islower():
            return False
        if self.gap(at - 1) != " ":
            return False
        near = [*tokens[max(0, at - _NEAR) : at], *tokens[at + 1 : at + _NEAR + 1]]
        told = [token for token in near if len(token) >= _TELLING and token.isalpha()]
        small = sum(map(str.islower, told))
        return small * 2 >= len(told) > 0
