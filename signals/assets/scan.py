"""Walks once over a text's words and collects the coins and parties among them."""

from typing import Final

from signals.assets.context import CODE_NOUNS, DETERMINERS, PAIR_GAPS
from signals.assets.evidence import (
    base_of_glued,
    bracket_fits,
    code_noun_follows,
    is_glued,
    is_marked_ticker,
    is_pair,
    price_word_follows,
    stands,
    weak_holds,
)
from signals.assets.findings import Doubtful, Findings
from signals.assets.known import ASSET_KINDS, Phrase, Universe
from signals.assets.mentions import ActorMention, How, Resolution
from signals.assets.notice import listed_codes
from signals.assets.text import Text

_GLUED_ENDS: Final = ("USDT", "USDC")
_MARKS: Final = "$(["
_PLAIN_GAPS: Final = frozenset((" ", ""))


def scan(universe: Universe, content: str, parts: list[str]) -> Resolution:
    """Pick the words that may name something, judge each, then settle what depends on the whole.

    Args:
        universe: what is known.
        content: the text.
        parts: its gaps and words by turns, as `WORDS_AND_GAPS` splits it.
    """
    tokens = parts[1::2]
    words = list(map(str.lower, tokens))
    foreign = universe.foreign
    strange = foreign is not None and not content.isascii() and foreign.search(content) is not None
    candidates = _candidates(universe, content, parts, tokens, words)
    if not candidates and not strange:
        return Resolution(content, words, (), (), ())
    findings = Findings(universe, Text(content, parts, tokens, words))
    _judge(findings, candidates)
    if strange and foreign is not None:
        findings.take_foreign(foreign)
    if findings.actors:
        listed_codes(findings)
    return findings.settle()


def _judge(findings: Findings, candidates: list[int]) -> None:
    """Take each of these words for what it is, in order; a longer name covers its other words."""
    universe, text = findings.universe, findings.text
    codes, phrases = universe.codes, universe.phrases
    content, starts, tokens, words = text.content, text.starts, text.tokens, text.words
    last = len(words) - 1
    done = 0
    for at in candidates:
        if at < done:
            continue
        start, token = starts[at], tokens[at]
        before = content[start - 1] if start else " "
        if before in _MARKS:
            spelling = token.upper()
            if spelling in codes and _marked(findings, at, spelling, before):
                continue
        taken = 0
        if begun := phrases.get(words[at]):
            if at < last and (longer := begun.longer.get(words[at + 1])):
                taken = _one_of(findings, longer, at, before)
            if not taken and begun.single:
                taken = _one_of(findings, begun.single, at, before)
        if taken:
            done = at + taken
        elif token in codes:
            _bare(findings, at)
        else:
            _other(findings, at, before)


def _candidates(
    universe: Universe, content: str, parts: list[str], tokens: list[str], words: list[str]
) -> list[int]:
    """Give the indexes of words that may name something, in order; most texts have a few."""
    triggers = universe.triggers
    found = [at for at, token in enumerate(tokens) if token in triggers]
    more: list[int] = []
    if "$" in content or "(" in content or "[" in content or "/" in content or "-" in content:
        for at, gap in enumerate(parts[::2]):
            if gap in _PLAIN_GAPS:
                continue
            if gap[-1] in _MARKS:
                more.append(at)
            elif gap in PAIR_GAPS and at:
                more.append(at - 1)
    if "USD" in content:
        more += [at for at, token in enumerate(tokens) if token.endswith(_GLUED_ENDS)]
    if not CODE_NOUNS.isdisjoint(words):
        more += [at - 1 for at, word in enumerate(words) if at and word in CODE_NOUNS]
    if more:
        last = len(tokens) - 1
        found = sorted({*found, *(at for at in more if at <= last)})
    return found


def _other(findings: Findings, at: int, before: str) -> None:
    """Take a code in small letters, a marked ticker of no table, or a pair in one word."""
    universe, text = findings.universe, findings.text
    token, word = text.tokens[at], text.words[at]
    if word in universe.small:
        if is_glued(text, at):
            return
        code = word.upper()
    elif before in _MARKS:
        if is_marked_ticker(universe, text, at):
            findings.take_unknown(at)
        return
    elif token.endswith(_GLUED_ENDS) and (base := base_of_glued(universe, token)):
        code = base
    else:
        return
    findings.take_code(at, at, code, How.CODE, (text.starts[at], text.stops[at]))


def _marked(findings: Findings, at: int, spelling: str, before: str) -> bool:
    """Take a known code behind a dollar sign or in brackets; tell whether that settles it."""
    universe, text = findings.universe, findings.text
    start, end = text.starts[at], text.stops[at]
    asset = universe.assets[universe.codes[spelling][0]]
    after = text.after(at)
    if before == "$":
        opened = start >= 2 and text.content[start - 2] in "(["  # noqa: PLR2004 - "($"
        if opened and after in (")", "]"):
            findings.take_code(at, at, spelling, How.BRACKET, (start - 2, end + 1))
        elif spelling in universe.shares:
            findings.ambiguous.append((spelling, universe.codes[spelling]))
        elif not asset.listed and asset.name_ends and not _named_here(text, asset.name_ends):
            return False
        else:
            findings.take_code(at, at, spelling, How.CASHTAG, (start - 1, end))
        return True
    if text.tokens[at] != spelling:
        return False
    if is_pair(text, at):
        findings.take_code(at, at, spelling, How.BRACKET, (start, end))
        return True
    if after not in (")", "]"):
        return False
    if bracket_fits(universe, text, at, spelling):
        findings.take_code(at, at, spelling, How.BRACKET, (start - 1, end + 1))
        return True
    if not asset.own:
        return False
    if at and text.tokens[at - 1][0].isupper() and spelling not in universe.not_codes:
        findings.ambiguous.append((spelling, ()))
    return True


def _named_here(text: Text, ends: tuple[str, ...]) -> bool:
    return any(end in text.words for end in ends)


def _one_of(findings: Findings, phrases: tuple[Phrase, ...], at: int, before: str) -> int:
    """Take the first of these phrases that stands here; give its number of words."""
    text = findings.text
    for phrase in phrases:
        words, cased, kind, meanings = phrase
        size = len(words)
        if (size > 1 or cased) and not stands(text, at, phrase):
            continue
        if kind == "blocked":
            return size
        last = at + size - 1
        span = (text.starts[at], text.stops[last])
        if kind not in ASSET_KINDS:
            if before == "@" and size == 1:
                span = (span[0] - 1, span[1])
            findings.actors.append(ActorMention(meanings[0], kind, span))
            return size
        if before == "@":
            return 0
        if kind == "weak" and not weak_holds(findings.universe, text, at, size):
            if _doubt_name(findings, at, last, phrase):
                return size
            continue
        findings.take_phrase(at, last, phrase, span)
        return size
    return 0


def _doubt_name(findings: Findings, at: int, last: int, phrase: Phrase) -> bool:
    """Keep an everyday name for later; take it where its capital is no headline's."""
    text, code = findings.text, phrase.meanings[0]
    if (
        len(phrase.meanings) == 1
        and phrase.words[-1] in findings.universe.proper
        and (text.is_inside_sentence(at))
    ):
        findings.take_phrase(at, last, phrase, (text.starts[at], text.stops[last]))
        return True
    if (
        len(phrase.meanings) == 1
        and findings.universe.assets[code].own
        and text.tokens[at][0].isupper()
        and not text.is_shouted(at)
    ):
        findings.doubtful.append(Doubtful(at, last, code, How.NAME, listable=True))
    return False


def _bare(findings: Findings, at: int) -> None:
    """Take an upper-case code without a mark, where it can be trusted."""
    universe, text = findings.universe, findings.text
    if is_glued(text, at):
        return
    spelling = text.tokens[at]
    if spelling in universe.not_codes:
        return
    claimed = universe.codes[spelling]
    asset = universe.assets[claimed[0]]
    if not asset.major and not is_pair(text, at):
        shouted = text.is_shouted(at)
        everyday = spelling in universe.everyday
        if not everyday and asset.own:
            if shouted and not asset.stable:
                return
        elif not (asset.listed and code_noun_follows(text, at)) and not (
            not shouted and _soft_holds(findings, at, spelling)
        ):
            listable = spelling in universe.listable
            if (
                asset.own
                and len(spelling) > 1
                and (not shouted or (listable and _in_list(text, at)))
            ):
                doubt = Doubtful(at, at, claimed[0], How.CODE, listable=listable)
                findings.doubtful.append(doubt)
            return
    findings.take_code(at, at, spelling, How.CODE, (text.starts[at], text.stops[at]))


def _in_list(text: Text, at: int) -> bool:
    """Whether a comma parts word `at` from a neighbour."""
    return text.gap(at) == ", " or (at > 0 and text.gap(at - 1) == ", ")


def _soft_holds(findings: Findings, at: int, spelling: str) -> bool:
    """Whether the words around let an everyday code in capitals be the coin's."""
    universe, text = findings.universe, findings.text
    if spelling in universe.soft:
        if not at or text.words[at - 1] not in DETERMINERS:
            return True
    elif spelling not in universe.listable:
        return False
    return price_word_follows(text, at)
