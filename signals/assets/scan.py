"""Walks once over a text's words and collects the coins and parties among them."""

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from signals.assets.context import (
    APOSTROPHES,
    CODE_NOUNS,
    NAME_GAPS,
    NAME_NOUNS,
    PAIR_QUOTES,
)
from signals.assets.mentions import ActorMention, AssetMention, How, Resolution, Role
from signals.assets.roles import role_of, settle_money
from signals.assets.universe import ASSET_KINDS, Asset, Phrase, Universe

_TICKER: Final = re.compile(r"[A-Z][A-Z0-9]{1,9}")
_GLUED_QUOTES: Final = ("USDT", "USDC")
_GLUED_ENDS: Final = ("usdt", "usdc")
_GLUE_BEFORE: Final = APOSTROPHES | {"@", "."}
_GLUE_AFTER: Final = APOSTROPHES | {".", "&"}
_NAME_REACH: Final = 4  # words before a bracket that may belong to its coin's name


class Scan:
    """One pass over one text's words; used once."""

    __slots__ = (
        "actors", "ambiguous", "content", "line_end", "mentions", "shouted", "starts", "stops",
        "tokens", "universe", "words",
    )  # fmt: skip

    def __init__(
        self,
        universe: Universe,
        content: str,
        parts: list[str],
        tokens: list[str],
        words: list[str],
    ) -> None:
        """Take a text, its words and gaps by turns, its words, and these in lower case."""
        ends = list(accumulate(map(len, parts)))
        self.universe = universe
        self.content = content
        self.tokens = tokens
        self.words = words
        self.starts = ends[::2]  # one more than words: the end of the text
        self.stops = ends[1::2]
        self.mentions: list[AssetMention] = []
        self.actors: list[ActorMention] = []
        self.ambiguous: list[tuple[str, tuple[str, ...]]] = []
        self.line_end = -1
        self.shouted = False

    def run(self, *, every_word: bool) -> Resolution:
        """Walk the words once, then settle what depends on the whole.

        Args:
            every_word: brackets, dollar signs or `USD` stand somewhere, so that words that are in
                no table may matter, too.
        """
        first_words = self.universe.first_words
        phrases = self.universe.phrases
        codes = self.universe.codes
        content, tokens, starts = self.content, self.tokens, self.starts
        done = 0
        for at, word in enumerate(self.words):
            is_first = word in first_words
            if at < done or not (is_first or every_word):
                continue
            start = starts[at]
            before = content[start - 1] if start else " "
            if is_first:
                if before in "$([" and tokens[at].upper() in codes and self._marked(at, before):
                    continue
                found = phrases.get(word)
                if found and (taken := self._phrase(found, at, before)):
                    done = at + taken
                elif tokens[at] in codes:
                    self._bare(at, before)
                elif before in "$([":
                    self._unknown(at, before)
            elif before in "$([":
                self._unknown(at, before)
            elif word.endswith(_GLUED_ENDS):
                self._glued(at)
        return self._settle()

    # What a word may be

    def _marked(self, at: int, before: str) -> bool:
        """Take a known code behind a dollar sign or in brackets."""
        start, end = self.starts[at], self.stops[at]
        token = self.tokens[at]
        spelling = token.upper()
        if before == "$":
            opened = start >= 2 and self.content[start - 2] in "(["  # noqa: PLR2004 - "($"
            closed = self.content[end : end + 1] in (")", "]")
            if opened and closed:
                self._take(at, at, spelling, How.BRACKET, (start - 2, end + 1))
            else:
                self._take(at, at, spelling, How.CASHTAG, (start - 1, end))
            return True
        if token != spelling:
            return False
        following = self.content[end : end + 1]
        if following in ("/", "-", "_") and self._quote_follows(at):
            self._take(at, at, spelling, How.BRACKET, (start, end))
            return True
        if following not in (")", "]"):
            return False
        if not self._bracket_fits(at, spelling):
            if at and self.tokens[at - 1][0].isupper() and spelling not in self.universe.not_codes:
                self.ambiguous.append((spelling, ()))
            return True
        self._take(at, at, spelling, How.BRACKET, (start - 1, end + 1))
        return True

    def _bracket_fits(self, at: int, spelling: str) -> bool:
        """Whether a code in brackets is one: an everyday word needs its name before it."""
        if spelling not in self.universe.everyday:
            return True
        assets = [self.universe.assets[code] for code in self.universe.codes[spelling]]
        previous = self.words[at - 1] if at else ""
        return any(previous in asset.name_ends for asset in assets) or (
            previous == spelling.lower() or previous in NAME_NOUNS or not previous.isascii()
        )

    def _phrase(self, phrases: Sequence[Phrase], at: int, before: str) -> int:
        """Take the first of these phrases that stands here; give its number of words."""
        following = self.words[at + 1] if at + 1 < len(self.words) else ""
        for phrase in phrases:
            size = len(phrase.words)
            if size > 1 and (phrase.words[1] != following or not self._stands(phrase, at)):
                continue
            kind = phrase.kind
            if phrase.cased and tuple(self.tokens[at : at + size]) != phrase.cased:
                continue
            if kind == "blocked":
                return size
            span = (self.starts[at], self.stops[at + size - 1])
            if kind not in ASSET_KINDS:
                if before == "@" and size == 1:
                    span = (span[0] - 1, span[1])
                self.actors.append(ActorMention(phrase.meanings[0], kind, span))
                return size
            if before == "@":
                return 0
            if kind == "weak" and not self._weak_holds(at, size):
                continue
            self._take_meanings(at, at + size - 1, phrase, span)
            return size
        return 0

    def _stands(self, phrase: Phrase, at: int) -> bool:
        size = len(phrase.words)
        if tuple(self.words[at : at + size]) != phrase.words:
            return False
        for place in range(at, at + size - 1):
            gap = self.content[self.stops[place] : self.starts[place + 1]]
            if gap not in NAME_GAPS and not (gap == ". " and len(self.words[place]) == 1):
                return False
        return True

    def _weak_holds(self, at: int, size: int) -> bool:
        """Whether an everyday name means the coin: a telling noun or its code follows."""
        end = self.stops[at + size - 1]
        if not self.tokens[at][0].isupper() or at + size >= len(self.words):
            return False
        gap = self.content[end : self.starts[at + size]]
        if gap == " ":
            return self.words[at + size] in NAME_NOUNS
        if gap in (" (", " [", " ($"):
            claimed = self.universe.codes.get(self.tokens[at + size], ())
            word = self.words[at + size - 1]
            return any(word in self.universe.assets[code].name_ends for code in claimed)
        return False

    def _bare(self, at: int, before: str) -> None:
        """Take an upper-case code without a mark, where it can be trusted."""
        start, end = self.starts[at], self.stops[at]
        spelling = self.tokens[at]
        claimed = self.universe.codes[spelling]
        asset = self.universe.assets[claimed[0]]
        after = self.content[end : end + 1]
        if before in _GLUE_BEFORE or (after in _GLUE_AFTER and self._joined(end)):
            return
        is_pair = after in ("/", "-", "_") and bool(after) and self._quote_follows(at)
        if not is_pair and not asset.major:
            if spelling in self.universe.everyday and not (
                self.content[end : end + 1] == " "
                and at + 1 < len(self.words)
                and self.words[at + 1] in CODE_NOUNS
                and not self._shouting(start)
            ):
                return
            if not asset.stable and self._shouting(start):
                return
        self._take(at, at, spelling, How.CODE, (start, end))

    def _joined(self, end: int) -> bool:
        """Whether a letter that is not a genitive s follows a mark right here: `A.I`, `R&D`."""
        following = self.content[end + 1 : end + 3]
        return following[:1].isalnum() and not (
            following[0] in "sS" and not following[1:].isalnum()
        )

    def _glued(self, at: int) -> None:
        """Take a pair written as one word: `PYTHUSDT`."""
        token = self.tokens[at]
        for quote in _GLUED_QUOTES:
            base = token.removesuffix(quote)
            if base != token and base in self.universe.codes:
                start, end = self.starts[at], self.stops[at]
                self._take(at, at, base, How.CODE, (start, end))
                return

    def _unknown(self, at: int, before: str) -> None:
        """Keep a ticker that is in no table, where it is marked as one."""
        token = self.tokens[at]
        start, end = self.starts[at], self.stops[at]
        if not _TICKER.fullmatch(token) or token in self.universe.not_codes:
            return
        if before != "$":
            named = at and (self.tokens[at - 1][0].isupper() or not self.tokens[at - 1].isascii())
            if not named or self.content[end : end + 1] not in (")", "]"):
                return
            span = (start - 1, end + 1)
        else:
            span = (start - 1, end)
        how = How.CASHTAG if before == "$" else How.BRACKET
        self._keep(AssetMention(token, self._role(at, at, None), span, how, known=False), at)

    # Taking it

    def _take(self, first: int, last: int, spelling: str, how: How, span: tuple[int, int]) -> None:
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
        role = self._role(first, last, self.universe.assets[code])
        self._keep(AssetMention(code, role, span, how), first)

    def _take_meanings(self, first: int, last: int, phrase: Phrase, span: tuple[int, int]) -> None:
        if len(phrase.meanings) > 1:
            self.ambiguous.append((" ".join(self.tokens[first : last + 1]), phrase.meanings))
            return
        asset = self.universe.assets[phrase.meanings[0]]
        if phrase.kind == "product":
            role = Role.MENTIONED
        else:
            role = self._role(first, last, asset, own_noun=phrase.kind == "weak")
        self.mentions.append(AssetMention(asset.code, role, span, How.NAME))

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
                    self.ambiguous.append((self.content[previous.span[0] : mention.span[1]], pair))
                    return
                self._absorb(mention, at)
        self.mentions.append(mention)

    def _absorb(self, mention: AssetMention, at: int) -> None:
        """See a known name inside another coin's longer name: `Bitcoin Hyper (HYPER)`."""
        previous = self.mentions[-1]
        reach = at
        while reach and at - reach < _NAME_REACH and self.tokens[reach - 1][0].isupper():
            reach -= 1
        if reach < at and self.starts[reach] <= previous.span[0] and previous.code != mention.code:
            between = self.content[previous.span[1] : mention.span[0]]
            if not any(mark in between for mark in ",;:.&"):
                self.mentions[-1] = previous._replace(role=Role.MENTIONED)

    def _role(self, first: int, last: int, asset: Asset | None, *, own_noun: bool = False) -> Role:
        previous = self.mentions[-1] if self.mentions else None
        return role_of(
            self.content,
            self.words,
            self.starts,
            self.stops,
            first,
            last,
            asset,
            previous,
            own_noun=own_noun,
        )

    def _quote_follows(self, at: int) -> bool:
        if at + 1 >= len(self.words) or self.starts[at + 1] - self.stops[at] != 1:
            return False
        return self.tokens[at + 1].upper() in PAIR_QUOTES

    def _shouting(self, start: int) -> bool:
        """Whether the line around `start` is mostly in capitals, so that any word looks a code."""
        if start >= self.line_end:
            line_start = self.content.rfind("\n", 0, start) + 1
            found = self.content.find("\n", start)
            self.line_end = found if found >= 0 else len(self.content)
            line = self.content[line_start : self.line_end]
            upper = sum(map(str.isupper, line))
            self.shouted = upper > sum(map(str.islower, line))
        return self.shouted

    # The whole

    def _settle(self) -> Resolution:
        mentions = self.mentions
        ambiguous: tuple[str, ...] = ()
        if self.ambiguous:
            clear = {mention.code for mention in mentions}
            ambiguous = tuple(
                dict.fromkeys(s for s, claimed in self.ambiguous if clear.isdisjoint(claimed))
            )
        if len(mentions) > 1:
            mentions = settle_money(mentions, self.universe.assets)
        return Resolution(self.content, self.words, tuple(mentions), tuple(self.actors), ambiguous)
