"""Matches one text's sentences against the rules and says which, if any, makes it news."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from core.contracts.errors import ConfigurationError
from core.contracts.signal import Direction, EventType, SkipReason
from signals.assets.mentions import AssetMention, Resolution
from signals.assets.resolve import Resolver
from signals.assets.universe import bundled_universe
from signals.rules.lead import Lead
from signals.rules.objections import Objection, Sentence, outside_groups

_NEEDED: Final = {
    "<x>": frozenset(("exchange",)),
    "<r>": frozenset(("authority",)),
    "{C}": frozenset(("company", "fund")),
}
_LIST_JOINT: Final = r"(?:,? and |, | & |/| \+ )"
_MACROS: Final = {
    "{A}": rf"(?P<a><a>(?:{_LIST_JOINT}(?:[\w.'\u2019-]+ ){{0,3}}?<a>)*)",
    "{C}": "(?:<c>|<f>)",
    "{W2}": r"(?: [^\s.;:!?<]+){0,2}?",
    "{W4}": r"(?: (?!<a>)[^\s;:!?]+){0,4}?",
    "{W8}": r"(?: (?!<a>)[^\s;!?]+){0,8}?",
    "{AUX}": r"(?:(?:will|to|has|have|is|are|was|were|just|now|officially|today|also|currently"
    r"|finally|set|going) )*",
}
_RULE_KEYS: Final = frozenset(
    (
        "name",
        "type",
        "direction",
        "confidence",
        "triggers",
        "patterns",
        "unless_words",
        "unless",
        "allows",
        "example",
        "counter_example",
    )
)
_VETO_KEYS: Final = frozenset(("name", "reason", "words", "patterns", "example"))


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of news; `rules.toml` explains its fields.

    Attributes:
        reasons: its name alone, as readings give it.
        parties: kinds of actors without one of which no pattern can match; empty if there are
            none such.
    """

    name: str
    event_type: EventType
    direction: Direction
    confidence: float
    reasons: tuple[str]
    triggers: frozenset[str]
    parties: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]
    unless: Objection
    allows: frozenset[str]

    def find(self, sentence: str) -> re.Match[str] | None:
        """Try the patterns in order."""
        for pattern in self.patterns:
            if found := pattern.search(sentence):
                return found
        return None


@dataclass(frozen=True, slots=True)
class Veto:
    """One way of not being news."""

    name: str
    reason: SkipReason
    against: Objection


class Match(NamedTuple):
    """A sentence that a rule reads as news.

    Attributes:
        rule: which.
        subjects: the coins it is about, as the sentence orders them.
        actors: names of exchanges, companies and authorities in the sentence, sorted.
    """

    rule: Rule
    subjects: tuple[AssetMention, ...]
    actors: tuple[str, ...]


class Refusal(NamedTuple):
    """Why a text is not news: a veto's reason and name, or a rule's own exception."""

    reason: SkipReason
    detail: str


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rules and vetoes.

    Attributes:
        rules: in the order they are tried.
        vetoes: in the order they are asked.
        any_veto: objects to all that one of the vetoes objects to.
        triggers: the words without one of which no rule can match.
    """

    rules: tuple[Rule, ...]
    vetoes: tuple[Veto, ...]
    any_veto: Objection
    triggers: frozenset[str]

    def judge(self, resolution: Resolution) -> Match | Refusal | None:
        """Find the first sentence of the lead that is news.

        Returns:
            The match; a refusal where a rule matched but a veto or exception forbids it, or
            where what looks like news is only doubted or denied; None
            where no rule matched and nothing is in doubt.
        """
        if not resolution.mentions or self.triggers.isdisjoint(resolution.words):
            return None
        triggers = self.triggers.intersection(resolution.words)
        kinds = {actor.kind for actor in resolution.actors}
        rules = [
            rule
            for rule in self.rules
            if not rule.triggers.isdisjoint(triggers)
            and (not rule.parties or not rule.parties.isdisjoint(kinds))
        ]
        refusal: Refusal | None = None
        lead = Lead(resolution)
        for number, sentence in enumerate(lead.sentences):
            found = self._judge_sentence(rules, lead, number, sentence)
            if isinstance(found, Match):
                return found
            refusal = refusal or found
            if refusal is not None and number == 0:
                return refusal  # what a headline takes back, the text below may not restore
        return refusal or (self._doubt(lead.sentences[0]) if lead.sentences else None)

    def _judge_sentence(
        self, rules: list[Rule], lead: Lead, number: int, text: str
    ) -> Match | Refusal | None:
        if "<a>" not in text and "<m>" not in text:
            return None
        refusal: Refusal | None = None
        sentence: Sentence | None = None
        for rule in rules:
            found = rule.find(text)
            if found is None:
                continue
            sentence = sentence or Sentence(text)
            if objection := rule.unless.find(sentence):
                refusal = refusal or Refusal(
                    SkipReason.NOT_NEWS, f"{rule.name} unless {objection!r}"
                )
                continue
            veto = self._veto(rule, sentence)
            if veto is None and number:
                veto = self._veto(rule, Sentence(lead.sentences[0]))
            return veto or Match(rule, lead.subjects_in(number, found), lead.actors)
        return refusal

    def _veto(self, rule: Rule, sentence: Sentence) -> Refusal | None:
        if not self.any_veto.may_find(sentence):
            return None
        for veto in self.vetoes:
            if veto.name not in rule.allows and (found := veto.against.find(sentence)):
                return Refusal(veto.reason, f"{veto.name}: {found!r}")
        return None

    def _doubt(self, headline: str) -> Refusal | None:
        """Find hearsay, a question or a denial in a headline that no rule matched."""
        sentence = Sentence(headline)
        if not self.any_veto.may_find(sentence):
            return None
        for veto in self.vetoes:
            if veto.reason is SkipReason.RUMOUR and (found := veto.against.find(sentence)):
                return Refusal(veto.reason, f"{veto.name}: {found!r}")
        return None


def compile_rules(tables: dict[str, Any], resolver: Resolver) -> RuleBook:
    """Compile rules and vetoes, and try each on its own examples.

    Raises:
        ConfigurationError: an unknown key, a malformed pattern, or an example that fails; the
            message names the rule.
    """
    rules = tuple(_rule(row) for row in tables["rule"])
    vetoes = tuple(_veto(row) for row in tables["veto"])
    book = RuleBook(
        rules=rules,
        vetoes=vetoes,
        any_veto=Objection(
            "vetoes",
            [word for row in tables["veto"] for word in row.get("words", ())],
            [pattern for row in tables["veto"] for pattern in row["patterns"]],
            _compiled,
        ),
        triggers=frozenset().union(*(rule.triggers for rule in rules)),
    )
    for row in tables["rule"]:
        found = book.judge(resolver.resolve(None, row["example"]))
        if not isinstance(found, Match) or found.rule.name != row["name"]:
            raise ConfigurationError(
                f"rule {row['name']}: its example is read as {found}; correct the one or the other"
            )
        found = book.judge(resolver.resolve(None, row["counter_example"]))
        if isinstance(found, Match):
            raise ConfigurationError(f"rule {row['name']}: its counter-example matches")
    for row in tables["veto"]:
        found = book.judge(resolver.resolve(None, row["example"]))
        if not isinstance(found, Refusal) or not found.detail.startswith(row["name"]):
            raise ConfigurationError(f"veto {row['name']}: its example is read as {found}")
    return book


def _compiled(name: str, pattern: str) -> re.Pattern[str]:
    for macro, meaning in _MACROS.items():
        pattern = pattern.replace(macro, meaning)
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(f"rule {name}: malformed pattern {pattern!r}: {error}") from error


def _rule(row: dict[str, Any]) -> Rule:
    if unknown := row.keys() - _RULE_KEYS:
        raise ConfigurationError(f"rule {row.get('name')}: unknown key {min(unknown)!r}")
    name = row["name"]
    return Rule(
        name=name,
        event_type=EventType(row["type"]),
        direction=Direction(row["direction"]),
        confidence=float(row["confidence"]),
        reasons=(name,),
        triggers=frozenset(row["triggers"]),
        parties=_parties(row["patterns"]),
        patterns=tuple(_compiled(name, pattern) for pattern in row["patterns"]),
        unless=Objection(name, row.get("unless_words", ()), row.get("unless", ()), _compiled),
        allows=frozenset(row.get("allows", ())),
    )


def _parties(patterns: list[str]) -> frozenset[str]:
    bare = [outside_groups(pattern).replace("<c>", "{C}") for pattern in patterns]
    for mark, kinds in _NEEDED.items():
        if all(mark in pattern and "|" not in pattern for pattern in bare):
            return kinds
    return frozenset()


def _veto(row: dict[str, Any]) -> Veto:
    if unknown := row.keys() - _VETO_KEYS:
        raise ConfigurationError(f"veto {row.get('name')}: unknown key {min(unknown)!r}")
    against = Objection(row["name"], row.get("words", ()), row["patterns"], _compiled)
    return Veto(row["name"], SkipReason(row["reason"]), against)


@cache
def bundled_rules() -> RuleBook:
    """Read the rules that come with the project; once a process.

    Raises:
        ConfigurationError: a rule is malformed or fails its example.
    """
    text = Path(__file__).with_name("rules.toml").read_text(encoding="utf-8")
    return compile_rules(tomllib.loads(text), Resolver(bundled_universe()))
