"""Reads an event: which coins it is about, what happened to them, and how sure that is."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from core.contracts.event import Event
from core.contracts.signal import Direction, EventType, SkipReason
from models.predictor import Predictor
from signals.assets.mentions import AssetMention, Resolution, Role
from signals.assets.resolve import Resolver
from signals.assets.universe import bundled_universe
from signals.rules.engine import Match, RuleBook, bundled_rules
from signals.rules.lead import Lead

DENIAL: Final = "denial"
"""Begins the detail of a reading that denies or corrects something."""

MODEL_THRESHOLD: Final = 0.99
"""How sure a model must be: where on texts it had not seen 98 of 100 trades went the right way."""

NEWS_FROM: Final = 0.65
"""What a model is less sure of is no news: on held-out texts it is right more often so."""

COIN_SURE_OF_RULE: Final = 0.65
"""How surely a text must be about a coin that a rule found in its place, for it to be traded."""

COIN_SURE_OF_MODEL: Final = 0.9
"""The same where only a model says what happened: it does not know to which coin."""

GRAVE_NEWS: Final = (EventType.LISTING, EventType.HACK)
COIN_SURE_OF_GRAVE: Final = 0.95
"""What moves prices most must be surer still where only a model sees it: on held-out texts 0.98 of
such trades were right, 0.93 without."""

_NEW_COIN_NEWS: Final = (EventType.LISTING, EventType.DELISTING)


class ReadAsset(NamedTuple):
    """One coin in a reading: its canonical code and its role in the whole text."""

    code: str
    role: Role


class Reading(NamedTuple):
    """What a text was understood to say.

    Attributes:
        assets: every coin in it, once, subjects first, else in the text's order.
        subjects: codes of those it is about, sorted: the event's partition keys.
        doubtful: those of them that it is not surely about, so that they are not traded.
        ambiguous: spellings that may mean several coins; none of them is in `assets`.
        event_type: `NOT_NEWS` where no rule and no model saw news; news that names no coin has its
            type, too.
        direction: neutral where it is not news.
        confidence: in [0, 1]; 0 where it is not news.
        reasons: the rule or words that decided.
        actors: exchanges, companies and authorities in it, sorted.
        refusal: why it is not news, where it is not.
        detail: more on the refusal, for people.
    """

    assets: tuple[ReadAsset, ...]
    subjects: tuple[str, ...]
    ambiguous: tuple[str, ...]
    event_type: EventType = EventType.NOT_NEWS
    direction: Direction = Direction.NEUTRAL
    confidence: float = 0.0
    reasons: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    refusal: SkipReason | None = SkipReason.NOT_NEWS
    detail: str = ""
    doubtful: frozenset[str] = frozenset()

    @property
    def denies(self) -> bool:
        """Whether the text denies or corrects something about its subjects."""
        return self.refusal is SkipReason.RUMOUR and self.detail.startswith(DENIAL)


class Reader:
    """Reads events with rules first, then with a model where there is one.

    It remembers the last event it read: the crawler asks for its keys, then `decide` asks once
    for each key. Reading is a pure function of title and text; the memory only saves time.
    """

    __slots__ = (
        "_last",
        "_last_event",
        "_model_threshold",
        "_predictor",
        "_resolver",
        "_rules",
    )

    def __init__(
        self,
        resolver: Resolver | None = None,
        rules: RuleBook | None = None,
        predictor: Predictor | None = None,
        model_threshold: float = MODEL_THRESHOLD,
    ) -> None:
        """Take the bundled tables for what is not given.

        Args:
            resolver: finds coins and parties.
            rules: judge first.
            predictor: asked where no rule has an answer.
            model_threshold: what the predictor is less sure of is read, and not traded.

        Raises:
            ConfigurationError: a bundled table is malformed.
        """
        self._resolver = resolver or Resolver(bundled_universe())
        self._rules = rules or bundled_rules()
        self._predictor = predictor
        self._model_threshold = model_threshold
        self._last_event: Event | None = None
        self._last: Reading | None = None

    def take_over(self, other: "Reader") -> None:
        """Read with another's tables and model from now on; call it between two events."""
        self._resolver, self._rules = other._resolver, other._rules  # noqa: SLF001 - same class
        self._predictor = other._predictor  # noqa: SLF001
        self._model_threshold = other._model_threshold  # noqa: SLF001
        self._last_event = self._last = None

    def read(self, event: Event) -> Reading:
        """Read one event's title and text."""
        last = self._last_event
        if (
            last is not None
            and self._last is not None
            and (
                last is event
                or (last.id == event.id and last.title == event.title and last.text == event.text)
            )
        ):
            return self._last
        reading = self.read_text(event.title, event.text)
        self._last_event, self._last = event, reading
        return reading

    def keys_for(self, event: Event) -> tuple[str, ...]:
        """Give the event's partition keys: its subjects' codes, sorted; its id where none is."""
        return self.read(event).subjects or (event.id,)

    def read_text(self, title: str | None, text: str) -> Reading:
        """Read a text without an event around it."""
        resolution = self._resolver.resolve(title, text)
        lead = Lead(resolution)
        mentions = resolution.mentions
        found = self._rules.judge(resolution, lead) if mentions else None
        if isinstance(found, Match):
            return _news(resolution, found)
        subjects = {m.code for m in mentions if m.known and m.role is Role.SUBJECT}
        assets, codes = _assets(mentions, subjects)
        if found is not None:
            return Reading(
                assets,
                codes,
                resolution.ambiguous,
                actors=_actors(resolution) if found.detail.startswith(DENIAL) else (),
                refusal=found.reason,
                detail=found.detail,
            )
        silent = Reading(assets, codes, resolution.ambiguous)
        if self._predictor is None:
            return silent
        prediction = self._predictor.predict(lead.masked)
        if prediction is None or prediction.event_type is EventType.NOT_NEWS:
            return silent if prediction is None else silent._replace(detail=prediction.detail)
        if prediction.confidence < NEWS_FROM:
            return silent._replace(detail=f"the model is {prediction.confidence:.2f} sure")
        if objection := self._rules.object_to(lead):
            return silent._replace(refusal=objection.reason, detail=objection.detail)
        grave = prediction.event_type in GRAVE_NEWS
        refusal, detail = None, ""
        if not codes:
            refusal = SkipReason.NO_ASSET
        elif prediction.confidence < self._model_threshold:
            refusal = SkipReason.LOW_CONFIDENCE
            detail = f"the model is {prediction.confidence:.2f} sure"
        return Reading(
            assets=assets,
            subjects=codes,
            ambiguous=resolution.ambiguous,
            event_type=prediction.event_type,
            direction=prediction.direction,
            confidence=prediction.confidence,
            reasons=prediction.reasons,
            actors=_actors(resolution),
            refusal=refusal,
            detail=detail,
            doubtful=_doubtful(
                mentions, subjects, COIN_SURE_OF_GRAVE if grave else COIN_SURE_OF_MODEL
            ),
        )


def _news(resolution: Resolution, match: Match) -> Reading:
    """Make the reading of a rule's match.

    A ticker that is in no table counts where exchanges list new coins, and nowhere else.
    """
    rule, found, actors = match
    new_coins = rule.event_type in _NEW_COIN_NEWS
    subjects = {m.code for m in found if m.known or new_coins}
    assets, codes = _assets(resolution.mentions, subjects)
    return Reading(
        assets,
        codes,
        resolution.ambiguous,
        rule.event_type,
        rule.direction,
        rule.confidence,
        rule.reasons,
        actors,
        None,
        doubtful=_doubtful(found, subjects, COIN_SURE_OF_RULE),
    )


def _doubtful(
    mentions: Iterable[AssetMention], subjects: AbstractSet[str], least: float
) -> frozenset[str]:
    """Give the subjects of which no mention is surely one."""
    return frozenset(subjects - {m.code for m in mentions if m.chance >= least})


def _assets(
    mentions: Iterable[AssetMention], subjects: AbstractSet[str]
) -> tuple[tuple[ReadAsset, ...], tuple[str, ...]]:
    """Merge mentions by coin, and drop tickers that are neither in a table nor subjects."""
    first: dict[str, ReadAsset] = {}
    rest: dict[str, ReadAsset] = {}
    for mention in mentions:
        code = mention.code
        if code in subjects:
            first[code] = ReadAsset(code, Role.SUBJECT)
        elif mention.known:
            rest[code] = ReadAsset(code, Role.MENTIONED)
    return (*first.values(), *rest.values()), tuple(sorted(first))


def _actors(resolution: Resolution) -> tuple[str, ...]:
    return tuple(sorted({actor.name for actor in resolution.actors}))
