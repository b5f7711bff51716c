"""Rules and vetoes as compiled, and how they judge one text."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from core.contracts.signal import Direction, EventType, SkipReason
from signals.assets.mentions import AssetMention, Resolution
from signals.rules.lead import Lead
from signals.rules.objections import Objection, Sentence


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of news; `bundled/trading.toml` explains its fields.

    Attributes:
        reasons: its name alone, as readings give it.
        coins: the codes that it is for; empty for all.
        parties: kinds of actors without one of which no pattern can match; empty if there are
            none such.
    """

    name: str
    event_type: EventType
    direction: Direction
    confidence: float
    reasons: tuple[str]
    coins: frozenset[str]
    triggers: frozenset[str]
    also: frozenset[str]
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
    """One way of not being news.

    Attributes:
        throughout: it objects wherever in the lead it is found, not only beside the news.
    """

    name: str
    reason: SkipReason
    against: Objection
    throughout: bool


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
        by_trigger: for each word without one of which nothing can match, the ranks of the rules
            that it triggers; none for words of denial.
    """

    rules: tuple[Rule, ...]
    vetoes: tuple[Veto, ...]
    any_veto: Objection
    by_trigger: Mapping[str, tuple[int, ...]]
    denials: frozenset[str]

    def judge(self, resolution: Resolution) -> Match | Refusal | None:
        """Find the first sentence of the lead that is news.

        Returns:
            The match; a refusal where a rule matched but a veto or exception forbids it, or
            where what looks like news is only doubted or denied; None
            where no rule matched and nothing is in doubt.
        """
        if not resolution.mentions:
            return None
        words = self.by_trigger.keys() & resolution.words
        if not words:
            return None
        rules = self._triggered(words, resolution)
        if not rules and self.denials.isdisjoint(words):
            return None
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

    def object_to(self, lead: Lead) -> Refusal | None:
        """Ask the vetoes about a headline that something other than a rule takes for news.

        Those of price talk are not asked: a model tells it from news by more than single words.
        """
        if not lead.sentences:
            return None
        sentence = Sentence(lead.sentences[0])
        if self.any_veto.may_find(sentence):
            for veto in self.vetoes:
                if veto.name != "price" and (found := veto.against.find(sentence)):
                    return Refusal(veto.reason, f"{veto.name}: {found!r}")
        return None

    def _triggered(self, words: Iterable[str], resolution: Resolution) -> list[Rule]:
        ranks: set[int] = set()
        for word in words:
            ranks.update(self.by_trigger[word])
        kinds = {actor.kind for actor in resolution.actors}
        return [
            rule
            for rule in map(self.rules.__getitem__, sorted(ranks))
            if (not rule.parties or not rule.parties.isdisjoint(kinds))
            and (not rule.also or not rule.also.isdisjoint(resolution.words))
        ]

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
            subjects = lead.subjects_in(number, found)
            if rule.coins and not rule.coins.issuperset(coin.code for coin in subjects):
                continue
            if sentence is None:
                sentence = Sentence(text)
            objection = rule.unless.find(sentence)
            if objection is None and number:
                objection = rule.unless.find(Sentence(lead.sentences[0]))
            if objection is not None:
                refusal = refusal or Refusal(
                    SkipReason.NOT_NEWS, f"{rule.name} unless {objection!r}"
                )
                continue
            veto = self._veto(rule, sentence) or self._veto_around(rule, lead, number)
            return veto or Match(rule, subjects, lead.actors)
        return refusal

    def _veto(self, rule: Rule, sentence: Sentence, *, around: bool = False) -> Refusal | None:
        if not self.any_veto.may_find(sentence):
            return None
        for veto in self.vetoes:
            if (
                (veto.throughout or not around)
                and veto.name not in rule.allows
                and (found := veto.against.find(sentence))
            ):
                return Refusal(veto.reason, f"{veto.name}: {found!r}")
        return None

    def _veto_around(self, rule: Rule, lead: Lead, number: int) -> Refusal | None:
        """Ask the vetoes about the headline, and those that hold throughout about the rest."""
        for other, text in enumerate(lead.sentences):
            if other != number and (veto := self._veto(rule, Sentence(text), around=bool(other))):
                return veto
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
