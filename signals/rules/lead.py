"""Takes a text's first sentences and puts marks in the place of the parties in them."""

import re
from collections.abc import Iterator
from itertools import islice
from operator import attrgetter
from typing import Final

from signals.assets.mentions import ActorMention, AssetMention, Resolution, Role
from signals.rules.objections import Sentence

LEAD_CHARACTERS: Final = 600
"""News is looked for in this much of a text: the headline and the first sentences."""
LEAD_SENTENCES: Final = 3

_MARKS: Final = {"exchange": "<x>", "company": "<c>", "fund": "<f>", "authority": "<r>"}
# It begins with one sign of few, which is what makes a search fast.
_SENTENCE_END: Final = re.compile(r"[.!?\n](?:(?<=\n)\n*|(?<=[^\s.][^\s.][.!?])\s+)")
_SPACES: Final = re.compile(r"[ \t\u00a0]+")
_SUBJECT: Final = Role.SUBJECT


class Lead:
    """A text's first sentences with its parties replaced by marks.

    Attributes:
        sentences: as they read, in small letters.
    """

    __slots__ = ("_coins", "_named", "_read", "sentences")

    def __init__(self, resolution: Resolution) -> None:
        content = resolution.content[:LEAD_CHARACTERS].replace("<", " ")
        parts: list[str] = []
        parties: list[AssetMention | ActorMention] = [*resolution.mentions, *resolution.actors]
        parties.sort(key=attrgetter("span"))
        self._coins: dict[str, list[AssetMention]] = {"<a>": [], "<m>": []}
        self._named: set[str] = set()
        at = 0
        for party in parties:
            start, end = party.span
            if start < at or end > len(content):
                continue
            if isinstance(party, AssetMention):
                mark = "<a>" if party.role is _SUBJECT else "<m>"
                self._coins[mark].append(party)
            else:
                mark = _MARKS[party.kind]
                self._named.add(party.name)
            parts += (content[at:start].lower(), mark)
            at = end
        parts.append(content[at:].lower())
        masked = "".join(parts)
        if "  " in masked or "\t" in masked or "\u00a0" in masked:
            masked = _SPACES.sub(" ", masked)
        if "#" in masked:
            masked = masked.replace("#<", "<")
        if "." in masked or "\n" in masked or "!" in masked or "?" in masked:
            self.sentences = list(islice(_sentences(masked), LEAD_SENTENCES))
        else:
            self.sentences = [masked]
        self._read: dict[int, Sentence] = {}

    @property
    def masked(self) -> str:
        """The sentences as models read them."""
        return "\n".join(self.sentences)

    @property
    def actors(self) -> tuple[str, ...]:
        """Names of the exchanges, companies, funds and authorities, sorted."""
        return tuple(sorted(self._named))

    def sentence(self, number: int) -> Sentence:
        """Give a sentence with its words, which are looked for once."""
        read = self._read.get(number)
        if read is None:
            read = self._read[number] = Sentence(self.sentences[number])
        return read

    def subjects_in(self, number: int, found: re.Match[str]) -> tuple[AssetMention, ...]:
        """Give the coins that a pattern's `a` group covers in sentence `number`."""
        group = found.group("a")
        mark = "<a>" if "<a>" in group else "<m>"
        before = found.string.count(mark, 0, found.start("a"))
        for sentence in self.sentences[:number]:
            before += sentence.count(mark)
        return tuple(self._coins[mark][before : before + group.count(mark)])


def _sentences(text: str) -> Iterator[str]:
    """Cut at line feeds, and at blanks behind a sign that ends a sentence and no abbreviation."""
    at = 0
    for end in _SENTENCE_END.finditer(text):
        stop = end.start() if text[end.start()] == "\n" else end.start() + 1
        if stop > at:
            yield text[at:stop]
        at = end.end()
    if at < len(text):
        yield text[at:]
