"""All that reading one text comes to, step by step, as data: what `tidings explain` shows."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from core.contracts.event import Event
from core.contracts.signal import Signal, Skipped
from models.flat import FlatModel
from models.predictor import Prediction, Predictor
from signals.assets.mentions import Resolution, Role
from signals.assets.resolve import Resolver
from signals.pipeline import Context, Limits, decide
from signals.reader import Reader, Reading
from signals.rules.book import Rule, RuleBook
from signals.rules.lead import Lead
from signals.rules.objections import Sentence
from signals.trust.trust import Trust, Verdict

CLASSES: Final = 5
WORDS: Final = 10
"""How many of the model's classes and words are told."""

_LETTERS: Final = {"exchange": "X", "company": "C", "fund": "F", "authority": "R"}
_LEAST_SHARE: Final = 0.001


class Tools(NamedTuple):
    """What texts are read with.

    Attributes:
        resolver: finds coins and parties.
        rules: the rules in use.
        model: None where none is in use.
        version: the model's.
        limits: the thresholds.
        trust: says how far sources are believed.
    """

    resolver: Resolver
    rules: RuleBook
    model: Predictor | None
    version: str
    limits: Limits
    trust: Trust


class Span(NamedTuple):
    """One place in the text that means something.

    Attributes:
        start: in `Explanation.content`.
        end: behind its last character.
        letter: A subject, M mentioned coin, X exchange, C company, F fund, R authority,
            ? ambiguous.
        name: the coin's code, the party's name, or the ambiguous spelling.
        how: by what a coin was recognised; the kind of another party.
    """

    start: int
    end: int
    letter: str
    name: str
    how: str


class RuleTried(NamedTuple):
    """A rule whose trigger words and parties stand in the text.

    Attributes:
        name: the rule's.
        says: type, direction and confidence of its news.
        sentence: number of the first sentence that a pattern matches; None where none does.
        matched: what matched, masked.
        unless: what of the rule's own exceptions stands there.
    """

    name: str
    says: str
    sentence: int | None = None
    matched: str | None = None
    unless: str | None = None


class VetoHit(NamedTuple):
    """A veto with the words that it objects to; whether it counts depends on what it is against."""

    name: str
    reason: str
    sentence: int
    words: str


class ModelView(NamedTuple):
    """What the model makes of the masked lead, whether or not it was asked.

    Attributes:
        version: the model's.
        news: the first stage's probability of news; None for models of other kinds.
        prediction: its answer; None where it sees no news at first sight.
        classes: the likeliest classes with their probabilities.
        words: what each word adds to the likeliest class, heaviest first.
    """

    version: str
    news: float | None
    prediction: Prediction | None
    classes: tuple[tuple[str, float], ...]
    words: tuple[tuple[str, float], ...]


class Outcome(NamedTuple):
    """What is decided for one key: the signal, or why not; and the story that it opens."""

    key: str
    outcome: Signal | Skipped
    story: str | None


class Explanation(NamedTuple):
    """The reading of one text, in the order of its steps."""

    content: str
    spans: tuple[Span, ...]
    ambiguous: tuple[str, ...]
    lead: tuple[str, ...]
    rules: tuple[RuleTried, ...]
    vetoes: tuple[VetoHit, ...]
    model: ModelView | None
    reading: Reading
    trust: Verdict
    outcomes: tuple[Outcome, ...]


def explain(event: Event, tools: Tools) -> Explanation:
    """Read and decide about an event as if it came now, with no story told before."""
    resolution = tools.resolver.resolve(event.title, event.text)
    lead = Lead(resolution)
    reader = Reader(tools.resolver, tools.rules, tools.model)
    return Explanation(
        content=resolution.content,
        spans=tuple(sorted(_spans(resolution))),
        ambiguous=resolution.ambiguous,
        lead=tuple(lead.sentences),
        rules=tuple(_tried(tools.rules, resolution, lead)),
        vetoes=tuple(_vetoes(tools.rules, lead)),
        model=None if tools.model is None else _view(tools.model, tools.version, lead.masked),
        reading=reader.read(event),
        trust=tools.trust.judge(event),
        outcomes=tuple(_outcomes(event, reader, tools)),
    )


def _spans(resolution: Resolution) -> Iterator[Span]:
    for coin in resolution.mentions:
        letter = "A" if coin.role is Role.SUBJECT else "M"
        how = coin.how.value if coin.known else f"{coin.how.value}, in no table"
        if coin.role is Role.SUBJECT:
            how += f", chance {coin.chance:.2f}"
        yield Span(*coin.span, letter, coin.code, how)
    for actor in resolution.actors:
        yield Span(*actor.span, _LETTERS[actor.kind], actor.name, actor.kind)
    for spelling in resolution.ambiguous:
        for found in re.finditer(rf"(?<!\w){re.escape(spelling)}(?!\w)", resolution.content):
            yield Span(*found.span(), "?", spelling, "ambiguous")


def _tried(book: RuleBook, resolution: Resolution, lead: Lead) -> Iterator[RuleTried]:
    words = set(resolution.words)
    kinds = {actor.kind for actor in resolution.actors}
    for rule in book.rules:
        if (
            not rule.triggers.isdisjoint(words)
            and (not rule.parties or not rule.parties.isdisjoint(kinds))
            and (not rule.also or not rule.also.isdisjoint(words))
        ):
            yield _try(rule, lead)


def _try(rule: Rule, lead: Lead) -> RuleTried:
    says = f"{rule.event_type} {rule.direction} {rule.confidence:.2f}"
    for number, sentence in enumerate(lead.sentences):
        if ("<a>" in sentence or "<m>" in sentence) and (found := rule.find(sentence)):
            unless = rule.unless.find(Sentence(sentence))
            return RuleTried(rule.name, says, number, found.group().strip(), unless)
    return RuleTried(rule.name, says)


def _vetoes(book: RuleBook, lead: Lead) -> Iterator[VetoHit]:
    for number, text in enumerate(lead.sentences):
        sentence = Sentence(text)
        for veto in book.vetoes:
            if found := veto.against.find(sentence):
                yield VetoHit(veto.name, veto.reason.value, number, found)


def _view(model: Predictor, version: str, lead: str) -> ModelView:
    prediction = model.predict(lead)
    if not isinstance(model, FlatModel):
        return ModelView(version, None, prediction, (), ())
    chances = model.probabilities(lead).tolist()
    likeliest = sorted(zip(chances, model.labels, strict=True), reverse=True)[:CLASSES]
    words = model.weigh(lead, likeliest[0][1])[:WORDS]
    return ModelView(
        version,
        model.news_probability(lead),
        prediction,
        tuple((label, chance) for chance, label in likeliest if chance >= _LEAST_SHARE),
        tuple(words),
    )


def _outcomes(event: Event, reader: Reader, tools: Tools) -> Iterator[Outcome]:
    for key in reader.keys_for(event):
        context = Context(event.received_ns, reader, (), tools.limits, tools.trust)
        decision = decide(event, key, context)
        story = decision.stories[-1].id if decision.stories else None
        yield Outcome(key, decision.outcome, story)
