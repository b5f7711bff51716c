"""Decides what one event means for one asset: a signal, or why not. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from msgspec import structs

from core.contracts.event import Event, EventKind, OriginKind, TimePrecision
from core.contracts.identity import signal_id
from core.contracts.signal import Action, Direction, EventType, Signal, Skipped, SkipReason
from core.contracts.story import Story
from signals.reader import Reader, Reading
from signals.stories import (
    NS_PER_MS,
    changed_by,
    deniable,
    match,
    open_story,
    opened_by,
    prune,
    tell_again,
)
from signals.trust.trust import Tier, Trust, Verdict, independent

HEADLINE_CHARACTERS: Final = 160

_CARRIES: Final = frozenset({OriginKind.REPOST, OriginKind.FORWARD, OriginKind.CROSSPOST})
_UNJUDGED: Final = Verdict(Tier.NORMAL, 1.0, None, "")


class Limits(NamedTuple):
    """What a signal has to keep to.

    Attributes:
        max_age_ms: news published longer before `now` than this is stale.
        max_ahead_ms: news that claims to be published later than this after its receipt is
            refused; sources' clocks differ by less.
        story_window_ms: how long after its last mention a story may be told again.
        min_confidence: a less sure reading gives no signal.
        signal_ttl_ms: how long after its event's receipt a signal may be traded.
        max_age_by_source_ms: by kind of source, in place of `max_age_ms`.
        denial_window_ms: how long after a story's last mention a denial closes it.
    """

    max_age_ms: int = 120_000
    max_ahead_ms: int = 5_000
    story_window_ms: int = 86_400_000
    min_confidence: float = 0.7
    signal_ttl_ms: int = 30_000
    max_age_by_source_ms: Mapping[str, int] = MappingProxyType({})
    denial_window_ms: int = 14_400_000


class Context(NamedTuple):
    """All that `decide` may know besides the event.

    Attributes:
        now_ns: the present time, UTC ns.
        reader: reads texts.
        stories: the open stories of the asset decided about.
        limits: the thresholds.
        trust: says how far sources are believed; None believes every one.
    """

    now_ns: int
    reader: Reader
    stories: tuple[Story, ...]
    limits: Limits
    trust: Trust | None = None


class Decision(NamedTuple):
    """What came of an event for one asset.

    Attributes:
        outcome: the signal, or why there is none.
        stories: the asset's stories from now on; None where they have not changed.
    """

    outcome: Signal | Skipped
    stories: tuple[Story, ...] | None = None


def decide(event: Event, key: str, context: Context) -> Decision:
    """Turn one event, for one of its keys, into at most one signal.

    Pure: same event, key and context, same answer. The first step that objects ends it. An event
    that comes again while the story it opened, raised or closed is known gives the same signal
    again, byte for byte, whatever the time is then: its id makes it harmless, and its expiry
    stops a late one. News that is too old still opens its story, so that its retelling does not
    trade either; news of unknown age, or from whoever is not believed, opens none.

    Args:
        event: what was said.
        key: the asset's code, or the event's id where it has no subject; as `Reader.keys_for`
            gave it.
        context: time, reader, the asset's stories, limits, trust.
    """
    limits = context.limits
    reading = context.reader.read(event)
    if reading.denies and key in reading.subjects and event.kind is not EventKind.DELETED:
        return _deny(event, key, reading, context)
    if skipped := _not_tradable(event, key, reading, limits):
        return Decision(skipped)
    verdict = _UNJUDGED if context.trust is None else context.trust.judge(event)
    if verdict.objection is not None:
        return _skip(event, SkipReason.UNTRUSTED, key, verdict.objection)
    return _hear(event, key, reading, verdict, context)


def _hear(event: Event, key: str, reading: Reading, verdict: Verdict, context: Context) -> Decision:
    """Take news that may be believed: it opens a story, or tells one again."""
    limits = context.limits
    if own := opened_by(context.stories, event.id):
        if own.signalled:
            return Decision(_open(event, key, reading, own, limits))
        return _skip(event, SkipReason.STALE, key, "it was too old when it opened its story")
    if (mine := changed_by(context.stories, event.id)) and mine.raised_by == event.id:
        return Decision(_raise(event, key, reading, mine, _rest(verdict, mine, context), limits))
    objection = _age(event, context.now_ns, limits)
    if told := match(context.stories, event, reading, limits.story_window_ms):
        return _tell_again(event, key, reading, told, verdict, objection, context)
    if objection is SkipReason.FUTURE or objection is SkipReason.UNDATED:
        return _skip(event, objection, key)
    story = open_story(
        event,
        key,
        reading,
        signalled=objection is None,
        share=verdict.share,
        teller=verdict.teller,
    )
    stories = prune((*context.stories, story), event.received_ns, limits.story_window_ms)
    if objection is not None:
        return _skip(event, objection, key, stories=stories)
    return Decision(_open(event, key, reading, story, limits), stories)


def _tell_again(
    event: Event,
    key: str,
    reading: Reading,
    told: Story,
    verdict: Verdict,
    objection: SkipReason | None,
    context: Context,
) -> Decision:
    """Take one more mention of a story: it may confirm what only a token was staked on."""
    rest = _rest(verdict, told, context)
    if (
        rest <= 0
        or objection is not None
        or not told.signalled
        or told.raised_by is not None
        or told.closed_by is not None
        or not independent(verdict.teller, told.teller)
    ):
        stories = tell_again(context.stories, told, event.received_ns)
        return _skip(event, SkipReason.KNOWN_STORY, key, told.id, stories)
    stories = tell_again(context.stories, told, event.received_ns, raised_by=event.id)
    return Decision(_raise(event, key, reading, told, rest, context.limits), stories)


def _rest(verdict: Verdict, told: Story, context: Context) -> float:
    """Give the part of the full size that may be added to a story; 0 where all is staked."""
    return 0.0 if context.trust is None else context.trust.raised_share(verdict, told.share)


def _deny(event: Event, key: str, reading: Reading, context: Context) -> Decision:
    """Take a denial or correction: where a trusted source denies what was traded, close it."""
    limits = context.limits
    if (mine := changed_by(context.stories, event.id)) and mine.closed_by == event.id:
        return Decision(_close(event, key, mine, reading, limits))
    verdict = _UNJUDGED if context.trust is None else context.trust.judge(event)
    told = deniable(context.stories, event, reading, limits.denial_window_ms)
    if told is None or told.closed_by is not None or verdict.objection is not None:
        return _skip(event, SkipReason.RUMOUR, key, reading.detail)
    if verdict.tier < Tier.TRUSTED and verdict.teller != told.teller:
        return _skip(event, SkipReason.RUMOUR, key, f"{reading.detail}; not by a trusted source")
    if event.published_ns < told.first_received_ns - limits.max_age_ms * NS_PER_MS:
        return _skip(event, SkipReason.STALE, key, "it denies something older than the story")
    stories = tell_again(context.stories, told, event.received_ns, closed_by=event.id)
    return Decision(_close(event, key, told, reading, limits), stories)


def _not_tradable(event: Event, key: str, reading: Reading, limits: Limits) -> Skipped | None:
    """Object to an event that says nothing tradable about this key, whenever it was said."""
    reason: SkipReason | None = None
    asset: str | None = key
    detail = reading.detail
    if event.kind is EventKind.DELETED:
        reason, asset = SkipReason.DELETED, None
    elif not event.text and not event.title:
        reason, asset = SkipReason.NO_TEXT, None
    elif key not in reading.subjects and key != event.id:
        reason = SkipReason.OTHER_PARTITION
    elif key not in reading.subjects:
        reason, asset, detail = _without_asset(reading)
    elif reading.refusal is not None:
        reason = reading.refusal
    elif reading.direction is Direction.NEUTRAL or reading.event_type is EventType.NOT_NEWS:
        reason, detail = SkipReason.NOT_NEWS, "points no way"
    elif reading.confidence < limits.min_confidence:
        reason, detail = SkipReason.LOW_CONFIDENCE, f"{reading.confidence:.2f}"
    elif key in reading.doubtful:
        reason, detail = SkipReason.LOW_CONFIDENCE, "perhaps it is only mentioned"
    if reason is None:
        return None
    return Skipped(event_id=event.id, reason=reason, asset=asset, detail=detail)


def _without_asset(reading: Reading) -> tuple[SkipReason, None, str]:
    if reading.ambiguous:
        return SkipReason.AMBIGUOUS_ASSET, None, ", ".join(reading.ambiguous)
    if reading.refusal is SkipReason.RUMOUR:
        return SkipReason.RUMOUR, None, reading.detail
    return SkipReason.NO_ASSET, None, ""


def _age(event: Event, now_ns: int, limits: Limits) -> SkipReason | None:
    """Object to what is too old, from the future, or of unknown age."""
    if event.published_precision is not TimePrecision.EXACT:
        return SkipReason.UNDATED
    if event.published_ns > event.received_ns + limits.max_ahead_ms * NS_PER_MS:
        return SkipReason.FUTURE
    by_source = limits.max_age_by_source_ms
    max_age_ms = by_source.get(event.source, limits.max_age_ms) if by_source else limits.max_age_ms
    if now_ns - _told_ns(event) > max_age_ms * NS_PER_MS:
        return SkipReason.STALE
    return None


def _told_ns(event: Event) -> int:
    """Give when the news was told first: a post carried on is as old as what it carries."""
    origin = event.origin
    if origin is None or origin.published_ns is None or origin.kind not in _CARRIES:
        return event.published_ns
    return min(event.published_ns, origin.published_ns)


def _skip(
    event: Event,
    reason: SkipReason,
    asset: str | None = None,
    detail: str = "",
    stories: tuple[Story, ...] | None = None,
) -> Decision:
    skipped = Skipped(event_id=event.id, reason=reason, asset=asset, detail=detail)
    return Decision(skipped, stories)


def _open(event: Event, asset: str, reading: Reading, story: Story, limits: Limits) -> Signal:
    """Write the signal: a function of the event, its reading and the story it opened alone.

    The story says which way: an event that comes again after the model was replaced may be read
    otherwise, and must not give a second signal.
    """
    return Signal(
        id=signal_id(story.id, asset, story.direction),
        story_id=story.id,
        event_id=event.id,
        asset=asset,
        direction=story.direction,
        event_type=story.event_type,
        confidence=reading.confidence,
        reasons=reading.reasons,
        headline=(event.title or event.text)[:HEADLINE_CHARACTERS],
        source=event.source,
        channel=event.channel,
        published_ns=event.published_ns,
        received_ns=event.received_ns,
        expires_ns=event.received_ns + limits.signal_ttl_ms * NS_PER_MS,
        share=story.share,
    )


def _raise(
    event: Event, asset: str, reading: Reading, story: Story, rest: float, limits: Limits
) -> Signal:
    signal = _follow(event, asset, story, Action.RAISE, ("confirmed", *reading.reasons), limits)
    return structs.replace(signal, confidence=reading.confidence, share=rest)


def _close(event: Event, asset: str, story: Story, reading: Reading, limits: Limits) -> Signal:
    signal = _follow(event, asset, story, Action.CLOSE, (reading.detail,), limits)
    back = Direction.SELL if story.direction is Direction.BUY else Direction.BUY
    return structs.replace(signal, direction=back)


def _follow(
    event: Event,
    asset: str,
    story: Story,
    action: Action,
    reasons: tuple[str, ...],
    limits: Limits,
) -> Signal:
    """Write the signal that follows a story's first: it raises or closes what that one opened."""
    return Signal(
        id=signal_id(story.id, asset, story.direction, action),
        story_id=story.id,
        event_id=event.id,
        asset=asset,
        direction=story.direction,
        event_type=story.event_type,
        confidence=1.0,
        reasons=reasons,
        headline=(event.title or event.text)[:HEADLINE_CHARACTERS],
        source=event.source,
        channel=event.channel,
        published_ns=event.published_ns,
        received_ns=event.received_ns,
        expires_ns=event.received_ns + limits.signal_ttl_ms * NS_PER_MS,
        action=action,
        follows=signal_id(story.id, asset, story.direction),
    )
