"""Walks once over a text and picks the words that may name a coin, and the other parties."""

from itertools import compress
from typing import Final, NamedTuple

from signals.assets.context import (
    APOSTROPHES,
    HANDLE_ENDS,
    LIST_VERBS,
    NAME_GAPS,
    NAME_NOUNS,
    PAIR_GAPS,
    PAIR_QUOTES,
)
from signals.assets.known import ASSET_KINDS, Begun, Code, Phrase, Universe, begin
from signals.assets.mentions import ActorMention
from signals.assets.text import Text

_GLUED_QUOTES: Final = ("USDT", "USDC")
_MARKS: Final = frozenset("$([")
_SIGNS: Final = frozenset("$([@")
_CLOSING: Final = (")", "]")
_GLUE_BEFORE: Final = APOSTROPHES | {"@", "."}
_GLUE_AFTER: Final = APOSTROPHES | {".", "&"}
_SURE_NAMES: Final = ("name", "foreign")
_NAMES: Final = (*_SURE_NAMES, "weak")
_STRANGE: Final = range(3, 8)  # letters of a ticker of no table that an exchange's notice names
_TICKER: Final = range(2, 11)
_new: Final = tuple.__new__  # a record in a third of the time


class Candidate(NamedTuple):
    """Words that may name a coin.

    Attributes:
        first: index of the first word; -1 for a name found inside words of other scripts.
        last: index of the last.
        code: the coin's, canonical.
        kind: `name`, `weak` or `product` of `ASSET_KINDS`, `foreign` for other scripts, `own` or
            `tail` for codes of our own table or the long tail, `strange` for a ticker of no table.
        mark: `$`, `(` in brackets, `/` before a quote currency, `#`, `@` in a handle, or nothing.
            A name with its own code in brackets behind it is one candidate.
        span: start and end in the text, marks included.
        claims: all coins that claim this spelling.
    """

    first: int
    last: int
    code: str
    kind: str
    mark: str
    span: tuple[int, int]
    claims: tuple[str, ...]


class Found(NamedTuple):
    """What one walk gave.

    Attributes:
        candidates: in the text's order.
        actors: in the text's order.
        ambiguous: spellings that are refused whatever stands around them.
    """

    candidates: list[Candidate]
    actors: list[ActorMention]
    ambiguous: list[str]


def find(universe: Universe, text: Text) -> Found:
    """Pick candidates and parties; a longer name covers what stands inside it."""
    found = _new(Found, ([], [], []))
    done = 0
    tokens, words, gaps = text.tokens, text.words, text.gaps
    last = len(words) - 1
    looked_up = _look_up(universe, text)
    for at in compress(range(last + 1), looked_up):
        begun = looked_up[at]
        if begun is None or at < done:
            continue
        alone, longer, code = begun
        before = gaps[at][-1:]
        if before in _MARKS and _take_marked(found, universe, text, at, before):
            continue
        if longer is not None and at < last and (phrases := longer.get(words[at + 1])):
            done = _take_longest(found, text, phrases, at, before)
            if done > at:
                continue
        if alone is not None:
            _take_phrase(found, text, alone, at, before)
            done = at + 1
        elif code is not None:
            _take_bare(found, text, code, at, before)
        elif before == "@":
            _take_handle(found, universe, text, at)
        elif tokens[at].endswith(_GLUED_QUOTES):
            _take_glued(found, universe, text, at)
    if found.actors and not LIST_VERBS.isdisjoint(words):
        _take_strange(found, universe, text)
    if not text.content.isascii():
        _take_foreign(found, universe, text)
    if len(found.candidates) > 1 and "(" in text.content:
        _join_brackets(found, text)
    return found


def _join_brackets(found: Found, text: Text) -> None:
    """Make one of a name and its code in brackets; refuse a name with another coin's code."""
    joined: list[Candidate] = []
    for each in found.candidates:
        if joined and each.mark == "(" and each.kind != "strange":
            named = joined[-1]
            near = 0 <= each.span[0] - named.span[1] <= 1 and named.kind in _NAMES
            if near and named.code in each.claims:
                span = (named.span[0], each.span[1])
                joined[-1] = named._replace(last=each.last, mark="(", span=span)
                continue
            if near and named.kind in _SURE_NAMES:
                found.ambiguous.append(text.content[named.span[0] : each.span[1]])
                joined.pop()
                continue
        joined.append(each)
    found.candidates[:] = joined


def _look_up(universe: Universe, text: Text) -> list[Begun | None]:
    """Give for each word what it may begin: most words of most texts begin nothing."""
    tokens, content = text.tokens, text.content
    begun = list(map(universe.triggers.get, tokens))
    if "$" in content or "(" in content or "[" in content or "@" in content:
        for at, gap in enumerate(text.gaps[:-1]):
            if gap != " " and gap[-1:] in _SIGNS and begun[at] is None:
                begun[at] = begin(universe, tokens[at])
    if "USDT" in content or "USDC" in content:
        for at, token in enumerate(tokens):
            if token[-4:] in _GLUED_QUOTES and begun[at] is None:
                begun[at] = begin(universe, token)
    return begun


def _take_longest(
    found: Found, text: Text, phrases: tuple[Phrase, ...], at: int, before: str
) -> int:
    """Take the first of these phrases that stands here; give where it ends, or 0."""
    for phrase in phrases:
        if _stands(text, at, phrase):
            _take_phrase(found, text, phrase, at, before)
            return at + len(phrase.words)
    return 0


def _take_phrase(found: Found, text: Text, phrase: Phrase, at: int, before: str) -> None:
    words, _, kind, meanings = phrase
    if kind == "blocked":
        return
    last = at + len(words) - 1
    span = text.span(at, last)
    if kind in ASSET_KINDS:
        mark = before if before in ("@", "#") else ""
        each = _new(Candidate, (at, last, meanings[0], kind, mark, span, meanings))
        found.candidates.append(each)
    else:
        if before == "@" and last == at:
            span = (span[0] - 1, span[1])
        found.actors.append(_new(ActorMention, (meanings[0], kind, span)))


def _stands(text: Text, at: int, phrase: Phrase) -> bool:
    """Whether the words of a phrase of two and more stand at word `at`, as a name is written."""
    words, cased, _, _ = phrase
    end = at + len(words)
    if tuple(text.words[at:end]) != words:
        return False
    for place, gap in enumerate(text.gaps[at + 1 : end], start=at):
        if gap not in NAME_GAPS and not (gap == ". " and len(text.words[place]) == 1):
            return False
    return cased is None or tuple(text.tokens[at:end]) == cased


def _take_marked(found: Found, universe: Universe, text: Text, at: int, before: str) -> bool:
    """Take a ticker behind `$` or in brackets; tell whether the word is settled by that."""
    token = text.tokens[at]
    spelling = token.upper()
    start, end = text.span(at, at)
    after = text.gaps[at + 1][:1]
    closed = after in _CLOSING
    if before == "$":
        if spelling in universe.shares:
            found.ambiguous.append(spelling)
            return True
        opened = start > 1 and text.content[start - 2] in "(["
        mark, span = ("(", (start - 2, end + 1)) if opened and closed else ("$", (start - 1, end))
    elif token != spelling or not (closed or after in PAIR_GAPS):
        return False
    else:
        mark, span = "(", (start - 1, end + 1) if closed else (start, end)
    claims = universe.codes.get(spelling)
    if claims is not None and mark == "(" and closed and _is_anothers(universe, text, at, claims):
        if universe.assets[claims[0]].own:
            found.ambiguous.append(spelling)
            return True
        claims = None  # a coin that bears the same ticker as one of the long tail
    if claims is not None:
        kind = "own" if universe.assets[claims[0]].own else "tail"
        found.candidates.append(Candidate(at, at, claims[0], kind, mark, span, claims))
        return True
    if not _is_ticker(universe, token) or not (mark == "$" or closed):
        return False
    if mark == "$" or (at and _may_name(text.tokens[at - 1])):
        found.candidates.append(Candidate(at, at, token, "strange", mark, span, (token,)))
        return True
    return False


def _is_anothers(universe: Universe, text: Text, at: int, claims: tuple[str, ...]) -> bool:
    """Whether a code in brackets, everyday or of the long tail, stands behind another's name.

    So it does in `Marigold (ME)`: ME is not that coin's.
    """
    if not at or (universe.assets[claims[0]].own and text.tokens[at] not in universe.everyday):
        return False
    before = text.words[at - 1]
    if before == text.words[at] or before in NAME_NOUNS or not before.isascii():
        return False
    if not text.tokens[at - 1][0].isupper():
        return False
    return not any(before in universe.assets[code].name_ends for code in claims)


def _take_handle(found: Found, universe: Universe, text: Text, at: int) -> None:
    """Take a project's name inside its handle: `@SomethingProtocol`."""
    word = text.words[at]
    for end in HANDLE_ENDS:
        stem = word.removesuffix(end)
        if stem == word or not (begun := universe.phrases.get(stem)):
            continue
        for _, cased, kind, meanings in begun.single:
            if kind in ("name", "weak") and not cased:
                start, end_ = text.span(at, at)
                span = (start - 1, end_)
                found.candidates.append(Candidate(at, at, meanings[0], kind, "@", span, meanings))
                return


def _may_name(token: str) -> bool:
    return token[0].isupper() or not token.isascii()


def _is_ticker(universe: Universe, token: str) -> bool:
    """Whether a word looks like a ticker: `$40M` is money."""
    return (
        len(token) in _TICKER
        and token[0].isalpha()
        and token.isascii()
        and token.isupper()
        and token not in universe.not_codes
        and token not in universe.shares
    )


def _take_bare(found: Found, text: Text, code: Code, at: int, before: str) -> None:
    """Take a code without `$` or brackets, as written in capitals or, where known, small."""
    claims, kind, barred, paired = code
    after = text.gaps[at + 1]
    if barred or before in _GLUE_BEFORE or (after != " " and _is_glued(text, at, after)):
        return
    pair = (
        after in PAIR_GAPS
        and at + 1 < len(text.tokens)
        and text.tokens[at + 1].upper() in PAIR_QUOTES
    )
    if paired and not pair:
        return
    mark = "/" if pair else "#" if before == "#" else ""
    span = text.span(at, at)
    found.candidates.append(_new(Candidate, (at, at, claims[0], kind, mark, span, claims)))


def _is_glued(text: Text, at: int, after: str) -> bool:
    """Whether a code is part of something longer behind it: `R&D`, `A.I`, `BTC-e`."""
    if after[:1] not in _GLUE_AFTER:
        return False
    end = text.span(at, at)[1]
    following = text.content[end + 1 : end + 3]
    return following[:1].isalnum() and not (following[0] in "sS" and not following[1:].isalnum())


def _take_glued(found: Found, universe: Universe, text: Text, at: int) -> None:
    """Take the base of a pair written as one word: `PYTHUSDT`."""
    token = text.tokens[at]
    for quote in _GLUED_QUOTES:
        base = token.removesuffix(quote)
        if base != token and (claims := universe.codes.get(base)):
            kind = "own" if universe.assets[claims[0]].own else "tail"
            span = text.span(at, at)
            found.candidates.append(Candidate(at, at, claims[0], kind, "/", span, claims))
            return


def _take_strange(found: Found, universe: Universe, text: Text) -> None:
    """Take words in capitals that no table knows, where an exchange says what it lists."""
    if text.style == "shouted":
        return
    codes = universe.codes
    taken = {place for c in found.candidates for place in range(c.first, c.last + 1)}
    more = [
        Candidate(at, at, token, "strange", "", text.span(at, at), (token,))
        for at, token in enumerate(text.tokens)
        if token.isupper()
        and len(token) in _STRANGE
        and token not in codes
        and at not in taken
        and _is_ticker(universe, token)
        and not any(a.span[0] <= text.span(at, at)[0] < a.span[1] for a in found.actors)
    ]
    if more:
        found.candidates.extend(more)
        found.candidates.sort(key=_begin)


def _take_foreign(found: Found, universe: Universe, text: Text) -> None:
    """Add names in scripts that don't part words by spaces."""
    pattern = universe.foreign
    if pattern is None or "".join(text.tokens).isascii():  # signs don't matter: names are words
        return
    matches = list(pattern.finditer(text.content))
    if not matches:
        return
    for match in matches:
        code = universe.foreign_codes[match[0]]
        found.candidates.append(Candidate(-1, -1, code, "foreign", "", match.span(), (code,)))
    found.candidates.sort(key=_begin)


def _begin(candidate: Candidate) -> int:
    return candidate.span[0]
