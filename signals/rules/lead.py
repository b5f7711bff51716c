"""Takes a text's first sentences and puts marks in the place of the parties in them."""

import re
from operator import attrgetter
from typing import Final

from signals.assets.mentions import ActorMention, AssetMention, Resolution, Role

LEAD_CHARACTERS: Final = 600
"""News is looked for in this much of a text: the headline and the first sentences."""
LEAD_SENTENCES: Final = 3

_MARKS: Final = {"exchange": "<x>", "company": "<c>", "fund": "<f>", "authority": "<r>"}
_SENTENCE_END: Final = re.compile(r"(?<=[^\s.][^\s.][.!?])\s+|\n+")
_SPACES: Final = re.compile(r"[ \t\u00a0]+")


class Lead:
    """A text's first sentences with its parties replaced by marks."""

    __slots__ = ("_mentions", "actors", "sentences")

    def __init__(self, resolution: Resolution) -> None:
        content = resolution.content[:LEAD_CHARACTERS].replace("<", " ")
        parts: list[str] = []
        parties: list[AssetMention | ActorMention] = [*resolution.mentions, *resolution.actors]
        parties.sort(key=attrgetter("span"))
        self._mentions: list[tuple[str, AssetMention]] = []
        named: set[str] = set()
        at = 0
        for party in parties:
            start, end = party.span
            if start < at or end > len(content):
                continue
            if isinstance(party, AssetMention):
                mark = "<a>" if party.role is Role.SUBJECT else "<m>"
                self._mentions.append((mark, party))
            else:
                mark = _MARKS[party.kind]
                named.add(party.name)
            parts.append(content[at:start].lower())
            parts.append(mark)
            at = end
        parts.append(content[at:].lower())
        masked = "".join(parts)
        if "  " in masked or "\t" in masked or "\u00a0" in masked:
            masked = _SPACES.sub(" ", masked)
        if "#" in masked:
            masked = masked.replace("#<", "<")
        if "." in masked or "\n" in masked or "!" in masked or "?" in masked:
            self.sentences = [s for s in _SENTENCE_END.split(masked) if s][:LEAD_SENTENCES]
        else:
            self.sentences = [masked]
        self.actors = tuple(sorted(named))

    @property
    def masked(self) -> str:
        """The sentences as models read them."""
        return "\n".join(self.sentences)

    def subjects_in(self, number: int, found: re.Match[str]) -> tuple[AssetMention, ...]:
        """Give the coins that a pattern's `a` group covers in sentence `number`."""
        group = found.group("a")
        mark = "<a>" if "<a>" in group else "<m>"
        mentions = [mention for marked, mention in self._mentions if marked == mark]
        before = found.string.count(mark, 0, found.start("a"))
        for sentence in self.sentences[:number]:
            before += sentence.count(mark)
        return tuple(mentions[before : before + group.count(mark)])
