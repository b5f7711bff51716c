"""Collects the coins found in one text, and makes one of a name and the code behind it."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from signals.assets.context import JOINTS
from signals.assets.known import Phrase, Universe
from signals.assets.mentions import ActorMention, AssetMention, How, Resolution, Role
from signals.assets.roles import role_of, settle_money
from signals.assets.text import Text

_NAME_REACH: Final = 4  # words before a bracket that may belong to its coin's name


class Doubtful(NamedTuple):
    """A word that is a coin only if the rest of the text agrees.

    Attributes:
        first: index of its first word.
        last: index of its last word.
        code: the coin's, canonical.
        how: by what it would be recognised.
        listable: beside other coins, or in an exchange's notice, it is one; else only where its
            coin is named elsewhere.
    """

    first: int
    last: int
    code: str
    how: How
    listable: bool


class Findings:
    """What one text was found to name so far."""

    __slots__ = ("actors", "ambiguous", "doubtful", "mentions", "text", "universe")

    def __init__(self, universe: Universe, text: Text) -> None:
        self.universe = universe
        self.text = text
        self.mentions: list[AssetMention] = []
        self.actors: list[ActorMention] = []
        self.doubtful: list[Doubtful] = []
        self.ambiguous: list[tuple[str, tuple[str, ...]]] = []

    def take_code(
        self, first: int, last: int, spelling: str, how: How, span: tuple[int, int]
    ) -> None:
        """Add a code that is sure to be one; which coin's, is settled here or left open."""
        claimed = self.universe.codes[spelling]
        if len(claimed) > 1:
            agreed = self._name_before(claimed, span[0])
            if agreed is None:
                self.ambiguous.append((spelling, claimed))
                return
            claimed = (agreed,)
        code = claimed[0]
        if how is not How.CODE and self._named_just_before(code, span, how):
            return
        role = self.role(first, last, code)
        self._keep(AssetMention(code, role, span, how), first)

    def take_phrase(self, first: int, last: int, phrase: Phrase, span: tuple[int, int]) -> None:
        """Add a coin by name."""
        if len(phrase.meanings) > 1:
            spelling = " ".join(self.text.tokens[first : last + 1])
            self.ambiguous.append((spelling, phrase.meanings))
            return
        code = phrase.meanings[0]
        if phrase.kind == "product":
            role = Role.MENTIONED
        else:
            role = self.role(first, last, code, own_noun=phrase.kind == "weak")
        self.mentions.append(AssetMention(code, role, span, How.NAME))

    def take_unknown(self, at: int) -> None:
        """Add a marked ticker of which no table knows what it is."""
        text = self.text
        start, end = text.starts[at], text.stops[at]
        cashtag = text.content[start - 1] == "$"
        span = (start - 1, end if cashtag else end + 1)
        how = How.CASHTAG if cashtag else How.BRACKET
        role = self.role(at, at, None)
        self._keep(AssetMention(text.tokens[at], role, span, how, known=False), at)

    def take_foreign(self, pattern: re.Pattern[str]) -> None:
        """Add names in other scripts."""
        found = list(pattern.finditer(self.text.content))
        if not found:
            return
        codes = self.universe.foreign_codes
        ends = {mention.span[0] for mention in self.mentions}
        for match in found:
            code = codes[match[0]]
            if match.start() not in ends:
                self.mentions.append(AssetMention(code, Role.SUBJECT, match.span(), How.NAME))
        self.mentions.sort(key=lambda mention: mention.span)

    def role(self, first: int, last: int, code: str | None, *, own_noun: bool = False) -> Role:
        """Judge the role of a coin at these words, behind what was found so far."""
        return role_of(
            self.text,
            first,
            last,
            self.universe.assets[code] if code else None,
            self.mentions[-1] if self.mentions else None,
            own_noun=own_noun,
        )

    def settle(self) -> Resolution:
        """Decide what depends on the whole text."""
        if self.doubtful:
            self._settle_doubtful()
        mentions = self.mentions
        ambiguous: tuple[str, ...] = ()
        if self.ambiguous:
            clear = {
                mention.code
                for mention in mentions
                if mention.role is Role.SUBJECT or mention.how is not How.NAME
            }
            ambiguous = tuple(
                dict.fromkeys(s for s, claimed in self.ambiguous if clear.isdisjoint(claimed))
            )
        if len(mentions) > 1:
            mentions = settle_money(mentions, self.universe.assets)
        text = self.text
        return Resolution(text.content, text.words, tuple(mentions), tuple(self.actors), ambiguous)

    def _settle_doubtful(self) -> None:
        """Take doubtful words whose coin is named elsewhere, or that stand among coins."""
        named = {mention.code for mention in self.mentions}
        seen: dict[str, Doubtful] = {}
        for doubt in self.doubtful:  # a name and a code of one coin vouch for each other
            other = seen.setdefault(doubt.code, doubt)
            if other.how is not doubt.how and other.first != doubt.first:
                named.add(doubt.code)
        if not named:
            return
        content, starts, stops = self.text.content, self.text.starts, self.text.stops
        begins = {mention.span[0] for mention in self.mentions}
        ends = {mention.span[1] for mention in self.mentions}
        taken: list[Doubtful] = []
        for forward in (True, False):
            # In a list one sure coin makes its neighbours sure: once to the right, once back.
            for doubt in self.doubtful if forward else reversed(self.doubtful):
                start, end = starts[doubt.first], stops[doubt.last]
                if start in begins:
                    continue
                if doubt.code in named or (
                    doubt.listable
                    and (_joins(content, start, ends, -1) or _joins(content, end, begins, 1))
                ):
                    taken.append(doubt)
                    begins.add(start)
                    ends.add(end)
        if not taken:
            return
        found, self.mentions = self.mentions, []
        taken.sort()
        for mention in found:
            while taken and starts[taken[0].first] < mention.span[0]:
                self._take_doubtful(taken.pop(0))
            self.mentions.append(mention)
        for doubt in taken:
            self._take_doubtful(doubt)

    def _take_doubtful(self, doubt: Doubtful) -> None:
        first, last, code, how, _ = doubt
        span = (self.text.starts[first], self.text.stops[last])
        self.mentions.append(AssetMention(code, self.role(first, last, code), span, how))

    # One name and the code behind it

    def _name_before(self, claimed: Sequence[str], start: int) -> str | None:
        if not self.mentions:
            return None
        previous = self.mentions[-1]
        near = start - previous.span[1] <= 1
        return previous.code if near and previous.code in claimed else None

    def _named_just_before(self, code: str, span: tuple[int, int], marked: How) -> bool:
        """Make a marked code one with its own coin's name, where it stands behind that."""
        if not self.mentions:
            return False
        known, role, (start, end), how, _ = self.mentions[-1]
        if known != code or how is not How.NAME or not 0 <= span[0] - end <= 1:
            return False
        self.mentions[-1] = AssetMention(code, role, (start, span[1]), marked)
        return True

    def _keep(self, mention: AssetMention, at: int) -> None:
        """Add a code's mention, unless the name that it stands behind is another coin's."""
        if self.mentions and mention.how is not How.CODE:
            previous = self.mentions[-1]
            gap = mention.span[0] - previous.span[1]
            if mention.how is How.BRACKET and previous.how is How.NAME:
                if mention.known and 0 <= gap <= 1:
                    self.mentions.pop()
                    pair = (previous.code, mention.code)
                    spelling = self.text.content[previous.span[0] : mention.span[1]]
                    self.ambiguous.append((spelling, pair))
                    return
                self._absorb(mention, at)
        self.mentions.append(mention)

    def _absorb(self, mention: AssetMention, at: int) -> None:
        """See a known name inside another coin's longer name: `Bitcoin Hyper (HYPER)`."""
        text, previous = self.text, self.mentions[-1]
        reach = at
        while reach and at - reach < _NAME_REACH and text.tokens[reach - 1][0].isupper():
            reach -= 1
        if reach < at and text.starts[reach] <= previous.span[0] and previous.code != mention.code:
            between = text.content[previous.span[1] : mention.span[0]]
            if not any(mark in between for mark in ",;:.&"):
                self.mentions[-1] = previous._replace(role=Role.MENTIONED)


def _joins(content: str, place: int, others: set[int], step: int) -> bool:
    """Whether a joint leads from a word's edge to another coin's edge."""
    for joint in JOINTS:
        far = place + step * len(joint)
        if far in others:
            between = content[place:far] if step > 0 else content[far:place]
            if between == joint:
                return True
    return False
