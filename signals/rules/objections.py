"""Words and patterns that speak against a sentence, indexed so that most are never tried."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from core.contracts.errors import ConfigurationError
from signals.rules.patterns import STEM_CHARACTERS, Need, Screen, closing, members, needs_of, split
from signals.rules.short_forms import expanded

_QUANTIFIERS: Final = "?*+{"
_FIRST_WORD: Final = re.compile(r"[a-z0-9]+")
_WORD_ENDS: Final = re.compile(r"(?:$|[ %-](?![?*+{])|\\b|\['\u2019\](?![?*+{]))")
_SIGN: Final = re.compile(r"(?:\\d\+?|\['\u2019\]|[0-9/%]|[^\x00-\x7f])(?![?*{])")
_BRACKET: Final = re.compile(r"\(|\[(?!['\u2019]{2}\])")
_TOKEN: Final = re.compile(r"[^\W_]+|\?")
_UNUSUAL: Final = re.compile(r"[^a-z <>,.:;()-]")


class Sentence:
    """A masked sentence as objections look at it.

    Attributes:
        text: all of it.
        words: its words and question marks.
        stems: the first letters of each word.
    """

    __slots__ = ("stems", "text", "words")

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = frozenset(_TOKEN.findall(text))
        self.stems = {word[:STEM_CHARACTERS] for word in self.words}


class Objection:
    """Words and patterns that speak against a sentence."""

    __slots__ = ("_anywhere", "_choices", "_pattern", "_screen", "_words")

    def __init__(
        self,
        name: str,
        words: Iterable[str],
        patterns: Sequence[str],
        compiled: Callable[[str, str], re.Pattern[str]],
    ) -> None:
        r"""Index the patterns that begin with a word by its stem.

        Args:
            name: whose objection it is.
            words: they object wherever they stand.
            patterns: one begins with `\b` and a word whose stem is sure, or needs, before any
                group, a digit or sign that no plain sentence has.
            compiled: compiles a name's pattern, or raises `ConfigurationError`.

        Raises:
            ConfigurationError: a pattern is neither, or malformed.
        """
        anywhere: list[str] = []
        by_needs: dict[tuple[Need, ...], list[str]] = {}
        for pattern in patterns:
            compiled(name, pattern)  # as written, so that an error shows it so
            at_word = pattern.startswith(r"\b")
            for alternative in _alternatives(pattern.removeprefix(r"\b")):
                if at_word and _stem(alternative):
                    needs = needs_of(expanded(rf"\b{alternative}"))
                    by_needs.setdefault(needs, []).append(alternative)
                elif _SIGN.search(_BRACKET.split(alternative, maxsplit=1)[0]):
                    anywhere.append(rf"\b(?:{alternative})" if at_word else alternative)
                else:
                    raise ConfigurationError(
                        f"{name}: cannot index pattern {pattern!r}: begin it with \\b and letters"
                    )
        self._words = frozenset(words)
        self._screen = Screen(by_needs)
        # Without the word boundary these may find too much, and the whole pattern decides; but
        # what begins with the same letters is found fast.
        self._choices = [compiled(name, "|".join(found)) for found in by_needs.values()]
        self._anywhere = compiled(name, "|".join(anywhere)) if anywhere else None
        self._pattern = compiled(name, _joined(patterns)) if patterns else None

    def find(self, sentence: Sentence) -> str | None:
        """Give what in the sentence speaks against it."""
        if found := self._words.intersection(sentence.words):
            return min(found)
        if self._may_match(sentence) and self._pattern is not None:
            match = self._pattern.search(sentence.text)
            return match.group().strip() if match else None
        return None

    def may_find(self, sentence: Sentence) -> bool:
        """Whether `find` has to be asked: where not, it would find nothing."""
        return not self._words.isdisjoint(sentence.words) or self._may_match(sentence)

    def _may_match(self, sentence: Sentence) -> bool:
        text = sentence.text
        for number in members(self._screen.passing(sentence.stems)):
            if self._choices[number].search(text):
                return True
        return (
            self._anywhere is not None
            and _UNUSUAL.search(text) is not None
            and self._anywhere.search(text) is not None
        )


def _joined(patterns: Iterable[str]) -> str:
    # Alternatives behind one common word boundary are told apart by their first letter, which is
    # many times faster than a boundary in each.
    at_word = [pattern.removeprefix(r"\b") for pattern in patterns if pattern.startswith(r"\b")]
    other = [pattern for pattern in patterns if not pattern.startswith(r"\b")]
    if at_word:
        other.append(rf"\b(?:{'|'.join(f'(?:{pattern})' for pattern in at_word)})")
    return "|".join(other)


def _stem(pattern: str) -> str | None:
    """Give the stem of the word that whatever the pattern matches begins with, if it is sure."""
    found = _FIRST_WORD.match(pattern)
    if found is None:
        return None
    word, rest = found.group(), pattern[found.end() :]
    if rest[:1] and rest[0] in _QUANTIFIERS:
        word, rest = word[:-1], "\\w"  # the last letter may be missing
    if len(word) >= STEM_CHARACTERS:
        return word[:STEM_CHARACTERS]
    return word if word and _WORD_ENDS.match(rest) else None


def _alternatives(pattern: str) -> Iterator[str]:
    """Write a pattern as several, one for each alternative that it may begin with."""
    choices = split(pattern)
    if len(choices) > 1:
        for choice in choices:
            yield from _alternatives(choice)
        return
    if pattern.startswith("(?:"):
        end = closing(pattern)
        rest = pattern[end + 1 :]
        if not rest or rest[0] not in _QUANTIFIERS:
            for choice in split(pattern[3:end]):
                yield from _alternatives(f"{choice}{rest}")
            return
    yield pattern
