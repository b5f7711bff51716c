"""Walks once over a text's words and collects the coins and parties among them."""

import re
from collections.abc import Sequence
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
from signals.assets.universe import WORD, Asset, Phrase, Universe

_TICKER: Final = re.compile(r"[A-Z][A-Z0-9]{1,9}")
_GLUED_QUOTES: Final = ("USDT", "USDC")
_GLUE_BEFORE: Final = APOSTROPHES | {"@", "."}
_GLUE_AFTER: Final = APOSTROPHES | {".", "&"}
_NAME_REACH: Final = 4  # words before a bracket that may belong to its coin's name


class Scan:
    """One pass over one text's words; used once."""

    __slots__ = (
        "actors", "ambiguous", "content", "line_end", "mentions", "shouted", "spans", "tokens",
        "universe", "words",
    )  # fmt: skip

    def __init__(
        self, universe: Universe, content: str, tokens: list[str], words: list[str]
    ) -> None:
        self.universe = universe
        self.content = content
        self.tokens = tokens
        self.words = words
        self.spans = [found.span() for found in WORD.finditer(content)]
        self.mentions: list[AssetMention] = []
        self.actors: list[ActorMention] = []
        self.ambiguous: list[tuple[str, tuple[str, ...]]] = []
        self.line_end = -1
        self.shouted = False

    def run(self) -> Resolution:
        """Walk the words once, then settle what depends on the whole."""
        first_words = self.universe.first_words
        codes = self.universe.codes
        content, tokens, words, spans = self.content, self.tokens, self.words, self.spans
        last = len(words)
        at = 0
        while at < last:
            word = words[at]
            start = spans[at][0]
            before = content[start - 1] if start else " "
            if word in first_words:
                if before in "$([" and tokens[at].upper() in codes and self._marked(at, before):
                    at += 1
                    continue
                if taken := self._phrase(at, before):
                    at += taken
                    continue
                if tokens[at] in codes:
                    self._bare(at, before)
                elif before in "$([":
                    self._unknown(at, before)
            elif before in "$([":
                self._unknown(at, before)
            elif word.endswith(("usdt", "usdc")):
                self._glued(at)
            at += 1
        return self._settle()

    # What a word may be

    def _marked(self, at: int, before: str) -> bool:
        """Take a known code behind a dollar sign or in brackets."""
        start, end = self.spans[at]
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

    def _phrase(self, at: int, before: str) -> int:
        """Take the longest phrase that begins here; give its number of words."""
        for phrase in self.universe.phrases.get(self.words[at], ()):
            size = len(phrase.words)
            if size > 1 and not self._stands(phrase, at):
                continue
            if phrase.cased and tuple(self.tokens[at : at + size]) != phrase.cased:
                continue
            span = (self.spans[at][0], self.spans[at + size - 1][1])
            if phrase.kind == "blocked":
                return size
            if phrase.kind not in ("name", "weak", "product"):
                if before == "@" and size == 1:
                    span = (span[0] - 1, span[1])
                self.actors.append(ActorMention(phrase.meanings[0], phrase.kind, span))
                return size
            if before == "@":
                return 0
            if phrase.kind == "weak" and not self._weak_holds(at, size):
                continue
            self._take_meanings(at, at + size - 1, phrase, span)
            return size
        return 0

    def _stands(self, phrase: Phrase, at: int) -> bool:
        size = len(phrase.words)
        if tuple(self.words[at : at + size]) != phrase.words:
            return False
        for place in range(at, at + size - 1):
            gap = self.content[self.spans[place][1] : self.spans[place + 1][0]]
            if gap not in NAME_GAPS and not (gap == ". " and len(self.words[place]) == 1):
                return False
        return True

    def _weak_holds(self, at: int, size: int) -> bool:
        """Whether an everyday name means the coin: a telling noun or its code follows."""
        end = self.spans[at + size - 1][1]
        if not self.tokens[at][0].isupper() or at + size >= len(self.words):
            return False
        gap = self.content[end : self.spans[at + size][0]]
        if gap == " ":
            return self.words[at + size] in NAME_NOUNS
        if gap in (" (", " [", " ($"):
            claimed = self.universe.codes.get(self.tokens[at + size], ())
            word = self.words[at + size - 1]
            return any(word in self.universe.assets[code].name_ends for code in claimed)
        return False

    def _bare(self, at: int, before: str) -> None:
        """Take an upper-case code without a mark, where it can be trusted."""
        start, end = self.spans[at]
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
                start, end = self.spans[at]
                self._take(at, at, base, How.CODE, (start, end))
                return

    def _unknown(self, at: int, before: str) -> None:
        """Keep a ticker that is in no table, where it is marked as one."""
        token = self.tokens[at]
        start, end = self.spans[at]
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
        asset = self.universe.assets[claimed[0]]
        mention = AssetMention(asset.code, self._role(first, last, asset), span, how)
        self._keep(mention, first)

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

    def _keep(self, mention: AssetMention, at: int) -> None:
        """Add a code's mention, made one with the name that it stands behind in brackets."""
        if self.mentions and mention.how is not How.CODE:
            previous = self.mentions[-1]
            gap = mention.span[0] - previous.span[1]
            if previous.how is How.NAME and 0 <= gap <= 1:
                if previous.code == mention.code:
                    self.mentions[-1] = AssetMention(
                        mention.code,
                        previous.role,
                        (previous.span[0], mention.span[1]),
                        mention.how,
                    )
                    return
                if mention.known and mention.how is How.BRACKET:
                    self.mentions.pop()
                    pair = (previous.code, mention.code)
                    self.ambiguous.append((self.content[previous.span[0] : mention.span[1]], pair))
                    return
            if mention.how is How.BRACKET and previous.how is How.NAME:
                self._absorb(mention, at)
        self.mentions.append(mention)

    def _absorb(self, mention: AssetMention, at: int) -> None:
        """See a known name inside another coin's longer name: `Bitcoin Hyper (HYPER)`."""
        previous = self.mentions[-1]
        reach = at
        while reach and at - reach < _NAME_REACH and self.tokens[reach - 1][0].isupper():
            reach -= 1
        if (
            reach < at
            and self.spans[reach][0] <= previous.span[0]
            and previous.code != mention.code
        ):
            between = self.content[previous.span[1] : mention.span[0]]
            if not any(mark in between for mark in ",;:.&"):
                self.mentions[-1] = previous._replace(role=Role.MENTIONED)

    def _role(self, first: int, last: int, asset: Asset | None, *, own_noun: bool = False) -> Role:
        previous = self.mentions[-1] if self.mentions else None
        return role_of(
            self.content, self.words, self.spans, first, last, asset, previous, own_noun=own_noun
        )

    def _quote_follows(self, at: int) -> bool:
        if at + 1 >= len(self.words) or self.spans[at + 1][0] - self.spans[at][1] != 1:
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
        clear = {mention.code for mention in mentions}
        ambiguous = tuple(
            dict.fromkeys(s for s, claimed in self.ambiguous if clear.isdisjoint(claimed))
        )
        if mentions:
            mentions = settle_money(mentions, self.universe.assets)
        return Resolution(self.content, self.words, tuple(mentions), tuple(self.actors), ambiguous)
