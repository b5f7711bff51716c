"""What each kind of news means: its definition, the way it usually points, how long it works."""

from enum import StrEnum
from typing import Final

import msgspec

from core.contracts.signal import Direction, EventType

_MINUTE_S: Final = 60
_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400


class NotNews(StrEnum):
    """What a text is that is no news: the finer kinds of `EventType.NOT_NEWS`."""

    PRICE_TALK = "price_talk"  # what a price did, does or reaches
    ANALYSIS = "analysis"  # charts, forecasts, on-chain metrics, market reports
    OPINION = "opinion"  # somebody's view, interview, prediction
    QUESTION = "question"  # asks, or wonders
    HEARSAY = "hearsay"  # may, reportedly, in talks, sources say; also what is denied
    ADVERTISEMENT = "advertisement"  # sells something: presales, referral links, sponsored posts
    SCAM = "scam"  # doubling offers, false claims of an official source, address to send to
    GIVEAWAY = "giveaway"  # contests, airdrop campaigns, trading competitions
    RECAP = "recap"  # tells again what happened before: anniversaries, weekly reviews, trials
    CHAT = "chat"  # small talk, jokes, complaints, memes
    ROUTINE = "routine"  # true and dull: pairs, futures, limits, maintenance, reports, hirings


class Meaning(msgspec.Struct, frozen=True):
    """What a kind of news is.

    Attributes:
        definition: one sentence; docs/signals/event-types.md shows it.
        direction: which way it usually points; neutral where the text itself must tell.
        horizon_s: seconds within which most of the move happens, in our own judgement.
    """

    definition: str
    direction: Direction
    horizon_s: int


_BUY, _SELL, _EITHER = Direction.BUY, Direction.SELL, Direction.NEUTRAL

MEANINGS: Final[dict[EventType, Meaning]] = {
    EventType.LISTING: Meaning(
        "An exchange says that it opens, or will open, spot trading of a coin it did not have.",
        _BUY,
        15 * _MINUTE_S,
    ),
    EventType.DELISTING: Meaning(
        "An exchange says that it ends, or will end, spot trading of a coin.", _SELL, _HOUR_S
    ),
    EventType.TRADING_SUSPENDED: Meaning(
        "An exchange stops trading, deposits or withdrawals of a coin for a reason that is not "
        "planned maintenance, or puts it under watch.",
        _SELL,
        _HOUR_S,
    ),
    EventType.TRADING_RESUMED: Meaning(
        "Trading, deposits or withdrawals of a coin go on after such a stop.", _BUY, _HOUR_S
    ),
    EventType.HACK: Meaning(
        "Funds of a protocol, chain, bridge or exchange were stolen, or an exploit is under way.",
        _SELL,
        _HOUR_S,
    ),
    EventType.INSOLVENCY: Meaning(
        "A firm or protocol behind a coin cannot pay: it halts withdrawals, files for bankruptcy "
        "or shuts down.",
        _SELL,
        _DAY_S,
    ),
    EventType.PARTNERSHIP: Meaning(
        "A known company, bank or state works with a coin's project, takes the coin as payment, "
        "or buys it for its treasury.",
        _BUY,
        _HOUR_S,
    ),
    EventType.LAUNCH: Meaning(
        "A main net, token or product that was awaited is live.", _BUY, _HOUR_S
    ),
    EventType.UPGRADE: Meaning(
        "A chain's upgrade or fork is live, or its date is fixed.", _BUY, _DAY_S
    ),
    EventType.OUTAGE: Meaning(
        "A chain or its bridge stands still, splits, or loses finality.", _SELL, _HOUR_S
    ),
    EventType.REGULATION_FOR: Meaning(
        "An authority, court or parliament decides in a coin's favour: a licence, a dropped case, "
        "legal tender, a ban lifted.",
        _BUY,
        _DAY_S,
    ),
    EventType.REGULATION_AGAINST: Meaning(
        "An authority, court or parliament decides against a coin: a ban, a fine, sanctions, an "
        "investigation, a warning.",
        _SELL,
        _DAY_S,
    ),
    EventType.ETF_FILED: Meaning(
        "A fund house files for, or amends its filing for, a spot fund on a coin.", _BUY, _HOUR_S
    ),
    EventType.ETF_APPROVED: Meaning(
        "The authority approves a spot fund on a coin, or it begins to trade.", _BUY, _HOUR_S
    ),
    EventType.ETF_REFUSED: Meaning(
        "The authority refuses or puts off a spot fund on a coin, or the filing is withdrawn.",
        _SELL,
        _HOUR_S,
    ),
    EventType.LAWSUIT: Meaning(
        "A coin's project or its heads are sued, charged or arrested.", _SELL, _DAY_S
    ),
    EventType.SETTLEMENT: Meaning(
        "A lawsuit against a coin's project ends in a settlement or in its favour.", _BUY, _HOUR_S
    ),
    EventType.FUNDING: Meaning("Known investors put money into a coin's project.", _BUY, _DAY_S),
    EventType.BUYBACK: Meaning(
        "A project buys back or burns a notable part of its coins, or decides to.", _BUY, _HOUR_S
    ),
    EventType.UNLOCK: Meaning(
        "A notable part of a coin's supply comes free, is minted or is sold by its project.",
        _SELL,
        _DAY_S,
    ),
    EventType.WHALE: Meaning(
        "A large holder moves a notable amount: to an exchange points down, from one up.",
        _EITHER,
        15 * _MINUTE_S,
    ),
    EventType.DEPEG: Meaning(
        "A coin that should be worth a fixed amount of money no longer is.", _SELL, _HOUR_S
    ),
    EventType.MACRO: Meaning(
        "A central bank's or government's decision on money or trade that moves every coin.",
        _EITHER,
        _HOUR_S,
    ),
}
"""Every kind of news but `NOT_NEWS`."""
