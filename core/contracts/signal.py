"""The signal: what one event means for one asset, or why it means nothing to us."""

from enum import StrEnum

import msgspec


class Direction(StrEnum):
    """Which way the news points."""

    BUY = "buy"
    SELL = "sell"
    NEUTRAL = "neutral"  # only in a reading; a signal is never neutral


class Action(StrEnum):
    """What a signal wants of the trader."""

    OPEN = "open"  # the story's first mention
    RAISE = "raise"  # an independent source confirms what only a token was staked on
    CLOSE = "close"  # a trusted source denies or corrects the story


class EventType(StrEnum):
    """What kind of news it is; `core.contracts.event_types` says what each one means."""

    LISTING = "listing"
    DELISTING = "delisting"
    TRADING_SUSPENDED = "trading_suspended"
    TRADING_RESUMED = "trading_resumed"
    HACK = "hack"
    INSOLVENCY = "insolvency"
    PARTNERSHIP = "partnership"
    LAUNCH = "launch"
    UPGRADE = "upgrade"
    OUTAGE = "outage"
    REGULATION_FOR = "regulation_for"
    REGULATION_AGAINST = "regulation_against"
    ETF_FILED = "etf_filed"
    ETF_APPROVED = "etf_approved"
    ETF_REFUSED = "etf_refused"
    LAWSUIT = "lawsuit"
    SETTLEMENT = "settlement"
    FUNDING = "funding"
    BUYBACK = "buyback"
    UNLOCK = "unlock"
    WHALE = "whale"
    DEPEG = "depeg"
    MACRO = "macro"
    NOT_NEWS = "not_news"


class SkipReason(StrEnum):
    """Why an event gave no signal."""

    STALE = "stale"  # published too long before now
    FUTURE = "future"  # claims to be published after it was received
    UNDATED = "undated"  # no publication time precise enough to judge its age
    NO_TEXT = "no_text"
    NO_ASSET = "no_asset"
    AMBIGUOUS_ASSET = "ambiguous_asset"
    NOT_NEWS = "not_news"  # no rule and no confident prediction
    RUMOUR = "rumour"  # hearsay, question or denial
    LOW_CONFIDENCE = "low_confidence"
    KNOWN_STORY = "known_story"  # another event told it first
    UNTRUSTED = "untrusted"  # a blocked source, a look-alike, or the marks of a scam
    DELETED = "deleted"
    OTHER_PARTITION = "other_partition"  # the asset belongs to another key of the same event


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """Trade this asset this way, for this reason, until then.

    A pure function of the causing event and the story it opened: it holds no time of its own
    making, so that both lanes give the same bytes.

    Attributes:
        id: `signal_id(story_id, asset, direction, action)`.
        story_id: its story, which gives at most one signal of each action for an asset.
        event_id: the event that caused it; of an `OPEN` the one that told the story first.
        asset: canonical code, `IOTA`; never a venue's spelling.
        direction: buy or sell; of a `CLOSE` the way back.
        event_type: what kind of news.
        confidence: calibrated probability in (0, 1] that the reading is right.
        reasons: names of the rules and words that decided, most important first.
        headline: the first 160 characters of the title or text, for people.
        source: the event's source.
        channel: the event's channel.
        published_ns: the event's publication time, UTC ns.
        received_ns: the event's time of receipt, UTC ns.
        expires_ns: not to be traded at or after this time, UTC ns; a `CLOSE` is always good.
        action: open, raise or close.
        share: the part of the full size, in (0, 1], that the trust in its source allows; of a
            `RAISE` the rest; of a `CLOSE` without meaning.
        follows: of a `RAISE` or `CLOSE`, the id of its story's `OPEN`.
    """

    id: str
    story_id: str
    event_id: str
    asset: str
    direction: Direction
    event_type: EventType
    confidence: float
    reasons: tuple[str, ...]
    headline: str
    source: str
    channel: str
    published_ns: int
    received_ns: int
    expires_ns: int
    action: Action = Action.OPEN
    share: float = 1.0
    follows: str | None = None


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """An event (or one asset of it) that gives no signal, and why."""

    event_id: str
    reason: SkipReason
    asset: str | None = None
    detail: str = ""
