"""Rules and vetoes as compiled, and how they judge one text."""

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from core.contracts.signal import Direction, EventType, SkipReason
from signals.assets.mentions import AssetMention, Resolution
from signals.rules.lead import Lead
from signals.rules.objections import Objection, Sentence
from signals.rules.patterns import Screen, members, needs_of


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


class RuleBook:
    """All rules and vetoes.

    Attributes:
        rules: in the order they are tried.
        vetoes: in the order they are asked.
    """

    __slots__ = (
        "_any_doubt",
        "_any_veto",
        "_by_word",
        "_conditional",
        "_denials",
        "_patterns",
        "_screen",
        "rules",
        "vetoes",
    )

    def __init__(
        self,
        rules: Sequence[Rule],
        vetoes: Sequence[Veto],
        *,
        denials: Iterable[str],
        any_veto: Objection,
        any_doubt: Objection,
    ) -> None:
        """Index the rules by the words that trigger them.

        Args:
            rules: in the order they are tried.
            vetoes: in the order they are asked.
            denials: words that may deny something, so that vetoes are asked without a rule, too.
            any_veto: objects to all that one of the vetoes objects to.
            any_doubt: objects to all that a veto of rumours objects to.
        """
        self.rules = rules
        self.vetoes = vetoes
        self._denials = frozenset(denials)
        self._any_veto = any_veto
        self._any_doubt = any_doubt
        self._patterns: list[tuple[Rule, re.Pattern[str]]] = []
        self._by_word: dict[str, int] = dict.fromkeys(self._denials, 0)
        self._conditional: list[tuple[int, Rule]] = []
        for rule in rules:
            numbers = ((1 << len(rule.patterns)) - 1) << len(self._patterns)
            self._patterns += [(rule, pattern) for pattern in rule.patterns]
            for word in rule.triggers:
                self._by_word[word] = self._by_word.get(word, 0) | numbers
            for word in rule.also:
                self._by_word.setdefault(word, 0)
            if rule.parties or rule.also:
                self._conditional.append((numbers, rule))
        self._screen = Screen(needs_of(pattern.pattern) for _, pattern in self._patterns)

    def judge(self, resolution: Resolution, lead: Lead | None = None) -> Match | Refusal | None:
        """Find the first sentence of the lead that is news.

        Args:
            resolution: what was found in the text.
            lead: the same text's, where it is at hand.

        Returns:
            The match; a refusal where a rule matched but a veto or exception forbids it, or
            where what looks like news is only doubted or denied; None
            where no rule matched and nothing is in doubt.
        """
        if not resolution.mentions:
            return None
        words = self._by_word.keys() & resolution.words
        if not words:
            return None
        wanted = self._triggered(words, resolution)
        if not wanted and self._denials.isdisjoint(words):
            return None
        refusal: Refusal | None = None
        lead = Lead(resolution) if lead is None else lead
        for number in range(len(lead.sentences)):
            found = self._judge_sentence(wanted, lead, number)
            if isinstance(found, Match):
                return found
            refusal = refusal or found
            if refusal is not None and number == 0:
                return refusal  # what a headline takes back, the text below may not restore
        return refusal or (self._doubt(lead.sentence(0)) if lead.sentences else None)

    def object_to(self, lead: Lead) -> Refusal | None:
        """Ask the vetoes about a headline that something other than a rule takes for news.

        Those of price talk are not asked: a model tells it from news by more than single words.
        """
        if not lead.sentences:
            return None
        sentence = lead.sentence(0)
        if self._any_veto.may_find(sentence):
            for veto in self.vetoes:
                if veto.name != "price" and (found := veto.against.find(sentence)):
                    return Refusal(veto.reason, f"{veto.name}: {found!r}")
        return None

    def _triggered(self, words: AbstractSet[str], resolution: Resolution) -> int:
        """Give the patterns of all rules that these words and the parties trigger."""
        wanted = 0
        for word in words:
            wanted |= self._by_word[word]
        if not wanted:
            return 0
        kinds = {actor.kind for actor in resolution.actors}
        for numbers, rule in self._conditional:
            if wanted & numbers and (
                (rule.parties and rule.parties.isdisjoint(kinds))
                or (rule.also and rule.also.isdisjoint(words))
            ):
                wanted &= ~numbers
        return wanted

    def _fitting(self, wanted: int, sentence: Sentence) -> Iterator[tuple[Rule, re.Match[str]]]:
        """Give each rule of which a pattern fits, and the first match, in the rules' order."""
        done: Rule | None = None
        for number in members(wanted & self._screen.passing(sentence.stems)):
            rule, pattern = self._patterns[number]
            if rule is not done and (found := pattern.search(sentence.text)):
                yield rule, found
                done = rule

    def _judge_sentence(self, wanted: int, lead: Lead, number: int) -> Match | Refusal | None:
        text = lead.sentences[number]
        if "<a>" not in text and "<m>" not in text:
            return None
        refusal: Refusal | None = None
        sentence = lead.sentence(number)
        for rule, found in self._fitting(wanted, sentence):
            subjects = lead.subjects_in(number, found)
            if rule.coins and not rule.coins.issuperset(coin.code for coin in subjects):
                continue
            objection = rule.unless.find(sentence)
            if objection is None and number:
                objection = rule.unless.find(lead.sentence(0))
            if objection is not None:
                refusal = refusal or Refusal(
                    SkipReason.NOT_NEWS, f"{rule.name} unless {objection!r}"
                )
                continue
            veto = self._veto(rule, sentence) or self._veto_around(rule, lead, number)
            return veto or Match(rule, subjects, lead.actors)
        return refusal

    def _veto(self, rule: Rule, sentence: Sentence, *, around: bool = False) -> Refusal | None:
        if not self._any_veto.may_find(sentence):
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
        for other in range(len(lead.sentences)):
            if other != number and (
                veto := self._veto(rule, lead.sentence(other), around=bool(other))
            ):
                return veto
        return None

    def _doubt(self, sentence: Sentence) -> Refusal | None:
        """Find hearsay, a question or a denial in a headline that no rule matched."""
        if not self._any_doubt.may_find(sentence):
            return None
        for veto in self.vetoes:
            if veto.reason is SkipReason.RUMOUR and (found := veto.against.find(sentence)):
                return Refusal(veto.reason, f"{veto.name}: {found!r}")
        return None
