"""Reads tables of rules and vetoes, compiles them, and tries each on its own examples."""

import re
import tomllib
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from core.contracts.errors import ConfigurationError
from core.contracts.signal import Direction, EventType, SkipReason
from signals.assets.resolve import Resolver
from signals.assets.universe import bundled_universe
from signals.rules.book import Match, Refusal, Rule, RuleBook, Veto
from signals.rules.objections import Objection
from signals.rules.patterns import outside_groups
from signals.rules.short_forms import expanded

__all__ = ["Match", "Refusal", "RuleBook", "bundled_rules", "compile_rules", "load_rules"]

BUNDLED: Final = Path(__file__).with_name("bundled")

_FILES: Final = (
    "thefts.toml",
    "trading.toml",
    "funds.toml",
    "law.toml",
    "chain.toml",
    "supply.toml",
    "business.toml",
    "macro.toml",
    "vetoes.toml",
)
_NEEDED: Final = {
    "<x>": frozenset(("exchange",)),
    "<r>": frozenset(("authority",)),
    "{C}": frozenset(("company", "fund")),
}
_RULE_KEYS: Final = frozenset(
    (
        "name",
        "type",
        "direction",
        "confidence",
        "coins",
        "triggers",
        "also",
        "patterns",
        "unless_words",
        "unless",
        "allows",
        "disabled",
        "example",
        "counter_example",
    )
)
_VETO_KEYS: Final = frozenset(
    ("name", "reason", "words", "patterns", "throughout", "disabled", "example")
)
_TABLES: Final = ("rule", "veto")


def load_rules(paths: Iterable[Path], resolver: Resolver) -> RuleBook:
    """Compile the bundled rules together with users' own.

    A user's rule or veto takes the place of the bundled one of its name, and its rank; a new one
    is tried before all that are bundled. One with `disabled = true` is left out; it needs no
    other key but its name then.

    Args:
        paths: files of users' rules; where two define one name, the later one counts.
        resolver: what the examples are read with.

    Raises:
        ConfigurationError: a file can't be read, or a rule is malformed or fails its example; the
            message names the file or the rule.
    """
    tables: Mapping[str, Any] = bundled_tables()
    own: set[str] = set()
    for path in paths:
        mine = read_tables(path)
        tables = merged(tables, mine)
        own.update(row["name"] for table in _TABLES for row in mine.get(table, ()))
    return compile_rules(tables, resolver, own)


def read_tables(path: Path) -> dict[str, Any]:
    """Read one file of rules.

    Raises:
        ConfigurationError: it can't be read, is no TOML, or has other tables than rules and vetoes.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"rules {path}: {error}") from error
    if unknown := tables.keys() - set(_TABLES):
        raise ConfigurationError(
            f"rules {path}: unknown table {min(unknown)!r}: [[rule]] or [[veto]]"
        )
    for table in _TABLES:
        rows = tables.get(table, [])
        if not isinstance(rows, list) or not all(isinstance(row.get("name"), str) for row in rows):
            raise ConfigurationError(f"rules {path}: every [[{table}]] needs a name")
    return tables


@cache
def _bundled_text() -> tuple[str, ...]:
    return tuple((BUNDLED / name).read_text(encoding="utf-8") for name in _FILES)


def bundled_tables() -> dict[str, Any]:
    """Give the rules and vetoes that come with the project, as written, in order."""
    found: dict[str, Any] = {table: [] for table in _TABLES}
    for text in _bundled_text():
        tables = tomllib.loads(text)
        for table in _TABLES:
            found[table] += tables.get(table, [])
    return found


def merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Put one file's rules and vetoes over others, as `load_rules` says."""
    found: dict[str, Any] = {}
    for table in _TABLES:
        mine = {row["name"]: row for row in own.get(table, ())}
        known = {row["name"] for row in base[table]}
        new = [row for name, row in mine.items() if name not in known]
        found[table] = new + [mine.get(row["name"], row) for row in base[table]]
    return found


def compile_rules(
    tables: Mapping[str, Any], resolver: Resolver, tried: Container[str] | None = None
) -> RuleBook:
    """Compile rules and vetoes, and try each on its own examples.

    Args:
        tables: rules and vetoes, as written.
        resolver: what the examples are read with.
        tried: names of those whose examples are tried; None for all. The bundled ones need not
            be right any more where a user has replaced others.

    Raises:
        ConfigurationError: a key is unknown or missing, a pattern malformed, or an example fails;
            the message names the rule.
    """
    rows = {table: [r for r in tables[table] if not r.get("disabled")] for table in _TABLES}
    try:
        rules = tuple(_rule(row) for row in rows["rule"])
        vetoes = tuple(_veto(row) for row in rows["veto"])
    except (TypeError, AttributeError) as error:
        raise ConfigurationError(f"a rule has a value of the wrong kind: {error}") from error
    book = RuleBook(
        rules,
        vetoes,
        denials=[
            w for row in rows["veto"] if row["name"] == "denial" for w in row.get("words", ())
        ],
        any_veto=_joined(rows["veto"]),
        any_doubt=_joined(row for row in rows["veto"] if row["reason"] == SkipReason.RUMOUR),
    )
    if tried is not None:
        rows = {table: [r for r in rows[table] if r["name"] in tried] for table in _TABLES}
    _try_examples(book, rows, resolver)
    return book


def _try_examples(
    book: RuleBook, rows: Mapping[str, Sequence[Mapping[str, Any]]], resolver: Resolver
) -> None:
    for row in rows["rule"]:
        name = row["name"]
        found = book.judge(resolver.resolve(None, row["example"]))
        if not isinstance(found, Match) or found.rule.name != name:
            raise ConfigurationError(
                f"rule {name}: its example is read as {_shown(found)}; correct the one or the other"
            )
        found = book.judge(resolver.resolve(None, row["counter_example"]))
        if isinstance(found, Match) and found.rule.name == name:
            raise ConfigurationError(f"rule {name}: its counter-example matches")
    for row in rows["veto"]:
        verdict = book.judge(resolver.resolve(None, row["example"]))
        if not isinstance(verdict, Refusal) or not verdict.detail.startswith(f"{row['name']}:"):
            raise ConfigurationError(
                f"veto {row['name']}: its example is read as {_shown(verdict)}"
            )


def _shown(found: Match | Refusal | None) -> str:
    if isinstance(found, Match):
        return f"news by rule {found.rule.name}"
    return "nothing" if found is None else f"refused ({found.detail})"


def _compiled(name: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(expanded(pattern))
    except re.error as error:
        raise ConfigurationError(f"rule {name}: malformed pattern {pattern!r}: {error}") from error


def _rule(row: Mapping[str, Any]) -> Rule:
    name = row["name"]
    _check_keys("rule", row, _RULE_KEYS, ("type", "direction", "confidence", "triggers"))
    _check_keys("rule", row, _RULE_KEYS, ("patterns", "example", "counter_example"))
    try:
        kind, direction = EventType(row["type"]), Direction(row["direction"])
    except ValueError as error:
        raise ConfigurationError(f"rule {name}: {error}") from error
    confidence = float(row["confidence"])
    if not 0 < confidence <= 1 or kind is EventType.NOT_NEWS or direction is Direction.NEUTRAL:
        raise ConfigurationError(
            f"rule {name}: needs a kind of news, buy or sell, and a confidence in (0, 1]"
        )
    patterns = tuple(_compiled(name, pattern) for pattern in row["patterns"])
    if any("a" not in pattern.groupindex for pattern in patterns):
        raise ConfigurationError(f"rule {name}: a pattern without {{A}} names no coin")
    return Rule(
        name=name,
        event_type=kind,
        direction=direction,
        confidence=confidence,
        reasons=(name,),
        triggers=frozenset(row["triggers"]),
        coins=frozenset(row.get("coins", ())),
        also=frozenset(row.get("also", ())),
        parties=_parties(row["patterns"]),
        patterns=patterns,
        unless=Objection(name, row.get("unless_words", ()), row.get("unless", ()), _compiled),
        allows=frozenset(row.get("allows", ())),
    )


def _check_keys(
    table: str, row: Mapping[str, Any], known: frozenset[str], needed: Iterable[str]
) -> None:
    if unknown := row.keys() - known:
        raise ConfigurationError(f"{table} {row['name']}: unknown key {min(unknown)!r}")
    if missing := [key for key in needed if key not in row]:
        raise ConfigurationError(f"{table} {row['name']}: needs {missing[0]!r}")


def _parties(patterns: list[str]) -> frozenset[str]:
    bare = [outside_groups(pattern).replace("<c>", "{C}") for pattern in patterns]
    for mark, kinds in _NEEDED.items():
        if all(mark in pattern and "|" not in pattern for pattern in bare):
            return kinds
    return frozenset()


def _veto(row: Mapping[str, Any]) -> Veto:
    _check_keys("veto", row, _VETO_KEYS, ("reason", "patterns", "example"))
    try:
        reason = SkipReason(row["reason"])
    except ValueError as error:
        raise ConfigurationError(f"veto {row['name']}: {error}") from error
    against = Objection(row["name"], row.get("words", ()), row["patterns"], _compiled)
    return Veto(row["name"], reason, against, bool(row.get("throughout")))


def _joined(vetoes: Iterable[Mapping[str, Any]]) -> Objection:
    rows = list(vetoes)
    words = [word for row in rows for word in row.get("words", ())]
    return Objection("vetoes", words, [p for row in rows for p in row["patterns"]], _compiled)


@cache
def bundled_rules() -> RuleBook:
    """Compile the rules that come with the project; once a process.

    Raises:
        ConfigurationError: a rule is malformed or fails its example.
    """
    return compile_rules(bundled_tables(), Resolver(bundled_universe()))
