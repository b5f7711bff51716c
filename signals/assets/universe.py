"""The coins, exchanges, companies and authorities we know, read from their tables."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from core.contracts.errors import ConfigurationError
from signals.assets.context import COMMON_CODES, COMMON_FIRSTS
from signals.assets.known import (
    ACTOR_KINDS,
    ASSET_KINDS,
    Asset,
    Phrase,
    Phrases,
    Universe,
    begin,
    words_of,
)

_ASSET_KEYS: Final = frozenset(
    ("names", "as_written", "weak", "codes", "products", "people", "everyday", "major", "stable")
)
_SHORTEST_TELLING_CODE: Final = 3  # one or two letters are always an everyday abbreviation, too
_SHORTEST_NAME: Final = 4  # of an everyday word that with a capital may name the coin by its code
_COLUMNS: Final = ["code", "name", "sources", "flags"]
_FLAGS: Final = frozenset("ntwe")
_GLUED_ENDS: Final = (
    *("swap", "coin", "chain", "dao", "fi", "pay", "token", "bridge", "dex", "net", "lend", "pad"),
    *("verse", "cash", "doge", "inu", "bit"),
)
_ORDER: Final = {kind: rank for rank, kind in enumerate(("blocked", *ASSET_KINDS, *ACTOR_KINDS))}
_NONE: Final[dict[str, list[Phrase]]] = {}


class _Index:
    """What the tables claim so far."""

    def __init__(self) -> None:
        self.assets: dict[str, Asset] = {}
        self.codes: dict[str, tuple[str, ...]] = {}
        self.meanings: dict[tuple[tuple[str, ...], str], tuple[str, ...]] = {}
        self.cased: dict[tuple[tuple[str, ...], str], tuple[str, ...]] = {}
        self.everyday: set[str] = set()
        self.spelled: set[str] = set()

    def spell(self, spelling: str, code: str) -> None:
        """Have a spelling of a code mean this coin, too."""
        claimed = self.codes.get(spelling, ())
        if code not in claimed:
            self.codes[spelling] = (*claimed, code)

    def claim(self, text: str, kind: str, meaning: str, *, as_written: bool = False) -> None:
        """Have a name mean this, too."""
        written = words_of(text)
        if not written:
            raise ConfigurationError(f"{meaning}: the {kind} {text!r} has no word in it")
        key = (tuple([word.lower() for word in written]), kind)
        claimed = self.meanings.get(key, ())
        if meaning not in claimed:
            self.meanings[key] = (*claimed, meaning)
        if as_written:
            self.cased[key] = written
        elif kind != "weak":
            self.spelled.add(written[0])

    def known(self, words: tuple[str, ...]) -> bool:
        """Whether a name is in our own tables already, as whatever it is."""
        return any((words, kind) in self.meanings for kind in ("blocked", *ASSET_KINDS))


def build_universe(
    assets: Mapping[str, Any], actors: Mapping[str, Any], tails: Iterable[tuple[str, str]] = ()
) -> Universe:
    """Index our own tables and the long tail's.

    Our own table wins over a tail, an earlier tail over a later one: a code that is known is not
    given another meaning by chance.

    Args:
        assets: as `assets.toml`.
        actors: as `actors.toml`.
        tails: (what to call it in errors, text) of tables as `universe.tsv`.

    Raises:
        ConfigurationError: a row has an unknown key, column or flag, or a name without a word.
    """
    index = _Index()
    for code, row in assets["assets"].items():
        _add_own(index, code, row)
    index.everyday.update(assets["everyday"]["codes"])
    for phrase in assets["not_assets"]["phrases"]:
        index.claim(phrase, "blocked", phrase)
    for kind in ACTOR_KINDS:
        for name in actors[kind]["names"]:
            index.claim(name, kind, name)
        for name in actors[kind].get("cased", ()):
            index.claim(name, kind, name, as_written=True)
    everyday = assets["everyday"]
    index.everyday.update(code for code in index.codes if len(code) < _SHORTEST_TELLING_CODE)
    small = {code.lower() for code in index.codes if code not in index.everyday}
    for code in index.everyday & index.assets.keys():
        if len(code) >= _SHORTEST_NAME and code.lower() not in COMMON_CODES:
            index.claim(code, "weak", code)
    for called, text in tails:
        _add_tail(index, called, text)
    not_codes = frozenset(assets["not_assets"]["codes"])
    foreign = {
        spelling: code
        for code, names in everyday.get("foreign", {}).items()
        for name in names
        for spelling in (name, name.capitalize())
    }
    phrases, triggers = _by_first_words(index)
    universe = Universe(
        assets=index.assets,
        codes=index.codes,
        phrases=phrases,
        everyday=frozenset(index.everyday),
        not_codes=not_codes,
        shares=frozenset(assets["not_assets"].get("shares", ())),
        major=frozenset(code for code, one in index.assets.items() if one.major),
        stable=frozenset(code for code, one in index.assets.items() if one.stable),
        foreign=_foreign(foreign),
        foreign_codes=foreign,
        triggers={},
    )
    triggers |= small
    triggers.update(map(str.capitalize, small), index.codes.keys() - not_codes)
    return universe._replace(triggers={word: begin(universe, word) for word in triggers})


def _foreign(names: Iterable[str]) -> re.Pattern[str] | None:
    """Compile names to be found inside words: endings are glued to them in these languages.

    Korean ones begin a word: `\ub9ac\ud50c` is no part of a longer one.
    """
    longest_first = sorted(names, key=len, reverse=True)
    if not longest_first:
        return None
    return re.compile("|".join(map(_beginning, longest_first)))


def _beginning(name: str) -> str:
    """Look behind only once a name's first letter stands there: letters are searched for fast."""
    first = re.escape(name[0])
    return rf"{first}(?<![\uac00-\ud7a3]{first}){re.escape(name[1:])}"


def _add_own(index: _Index, code: str, row: Mapping[str, Any]) -> None:
    if unknown := row.keys() - _ASSET_KEYS:
        raise ConfigurationError(f"asset {code}: unknown key {min(unknown)!r}")
    for spelling in (code, *row.get("codes", ())):
        index.spell(spelling.upper(), code)
    for name in row.get("names", ()):
        index.claim(name, "name", code)
    for name in row.get("as_written", ()):
        index.claim(name, "name", code, as_written=True)
    for name in row.get("weak", ()):
        index.claim(name, "weak", code)
    for name in (*row.get("products", ()), *row.get("people", ())):
        index.claim(name, "product", code)
    if row.get("everyday"):
        index.everyday.add(code)
    names = (*row.get("names", ()), *row.get("as_written", ()), *row.get("weak", ()))
    ends = tuple({words_of(name)[-1].lower() for name in names})
    name = names[0] if names else ""
    index.assets[code] = Asset(
        code, name, ends, major=row.get("major", False), stable=row.get("stable", False)
    )


def _add_tail(index: _Index, called: str, text: str) -> None:
    lines = text.splitlines()
    if not lines or lines[0].split("\t") != _COLUMNS:
        raise ConfigurationError(f"{called}: its first line must name {', '.join(_COLUMNS)}")
    codes, assets, everyday = index.codes, index.assets, index.everyday
    for number, line in enumerate(lines[1:], start=2):
        columns = line.split("\t")
        if len(columns) != len(_COLUMNS) or not columns[0] or not _FLAGS.issuperset(columns[3]):
            raise ConfigurationError(
                f"{called}, line {number}: want {len(_COLUMNS)} columns, the last of the letters "
                f"{''.join(sorted(_FLAGS))}, have {line!r}"
            )
        code, name, sources, flags = columns
        if code in codes:
            continue
        codes[code] = (code,)
        if "e" in flags or len(code) < _SHORTEST_TELLING_CODE:
            everyday.add(code)
        ends: tuple[str, ...] = ()
        if name:
            words = tuple([word.lower() for word in words_of(name)])
            ends = words[-1:]
            if not index.known(words):
                if "n" in flags:
                    index.claim(name, "name", code)
                elif "t" in flags:
                    index.claim(name, "name", code, as_written=True)
        listed = sources != "npm cryptocurrencies"
        assets[code] = Asset(code, name, ends, own=False, listed=listed)


def _by_first_words(index: _Index) -> tuple[dict[str, Phrases], set[str]]:
    """Order the phrases by their first words, and give the words as written that begin them."""
    single: dict[str, list[Phrase]] = {}
    longer: dict[str, dict[str, list[Phrase]]] = {}
    triggers: set[str] = set()
    for (words, kind), meanings in index.meanings.items():
        first = words[0]
        written = index.cased.get((words, kind))
        phrase = Phrase(words, written, kind, meanings)
        if len(words) == 1:
            single.setdefault(first, []).append(phrase)
        else:
            longer.setdefault(first, {}).setdefault(words[1], []).append(phrase)
        if written is not None:
            triggers.add(written[0])
            continue
        triggers.update((first.capitalize(), first.upper(), *_camel(first)))
        if kind != "weak" and (len(words) == 1 or first not in COMMON_FIRSTS):
            triggers.add(first)
    triggers.update(index.spelled)
    return {
        first: Phrases(
            _ordered(single.get(first, [])),
            {second: _ordered(same) for second, same in longer.get(first, _NONE).items()},
        )
        for first in single.keys() | longer.keys()
    }, triggers


def _camel(word: str) -> Iterable[str]:
    """Give how a name of two glued words may be written: `SpookySwap`, `BadgerDAO`."""
    for end in _GLUED_ENDS:
        if word.endswith(end) and word != end:
            stem = word.removesuffix(end).capitalize()
            yield stem + end.capitalize()
            yield stem + end.upper()


def _ordered(phrases: list[Phrase]) -> tuple[Phrase, ...]:
    if len(phrases) > 1:  # at equal length a coin's own name goes before a firm of that name
        phrases.sort(key=lambda phrase: (-len(phrase.words), _ORDER[phrase.kind]))
    return tuple(phrases)


def load_universe(user_tables: Iterable[Path] = ()) -> Universe:
    """Read the tables that come with the project, then the user's own. Blocks for the disk.

    Pure but for the disk and safe in a thread: what it returns is new and shares nothing with a
    universe in use.

    Raises:
        ConfigurationError: a table is malformed; the message names it.
        OSError: a table cannot be read.
    """
    here = Path(__file__).parent
    tails = (here / "universe.tsv", *sorted(user_tables))
    return build_universe(
        tomllib.loads((here / "assets.toml").read_text(encoding="utf-8")),
        tomllib.loads((here / "actors.toml").read_text(encoding="utf-8")),
        [(path.name, path.read_text(encoding="utf-8")) for path in tails],
    )


@cache
def bundled_universe() -> Universe:
    """Read the tables that come with the project; once a process.

    Raises:
        ConfigurationError: a table is malformed.
    """
    return load_universe()


def names_of(universe: Universe) -> dict[str, str]:
    """Give a name for each asset of our own table that has one, by code."""
    return {code: one.name for code, one in universe.assets.items() if one.own and one.name}
