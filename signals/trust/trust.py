"""How far an event may be believed: the tier of whoever said it, and what speaks against it."""

import tomllib
from collections.abc import Iterable, Mapping
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from core.contracts.errors import ConfigurationError
from core.contracts.event import Event, OriginKind
from signals.trust.impostors import Impostors
from signals.trust.marks import of_false_office, of_scam

OPEN_TO_ALL: Final = frozenset({"twitter", "reddit", "telegram"})
"""Sources where anybody may write under a name that resembles another."""

_CARRIED: Final = frozenset({OriginKind.REPOST, OriginKind.FORWARD, OriginKind.CROSSPOST})


class Tier(IntEnum):
    """How far a source is believed; tiers.toml says what each means."""

    BLOCKED = 0
    LOW = 1
    NORMAL = 2
    TRUSTED = 3
    OFFICIAL = 4


class Verdict(NamedTuple):
    """What trust says of one event.

    Attributes:
        tier: of whoever said it.
        share: the part of the full size that may be staked on it alone, in (0, 1].
        objection: why it is not to be traded on at all; None where it may be.
        teller: who said it: events with the same teller don't confirm one another.
    """

    tier: Tier
    share: float
    objection: str | None
    teller: str


class Trust:
    """Judges events by a table of tiers. Pure.

    Args:
        sources: tier by kind of source.
        accounts: tier by kind of source and handle, small letters, without @.
        named: tier by `source:channel` or `source:@author` of the configuration; goes first.
        token_share: what may be staked on a low tier alone.
        confirmed_share: and when a second, independent low tier says the same.
    """

    def __init__(
        self,
        sources: Mapping[str, Tier],
        accounts: Mapping[str, Mapping[str, Tier]],
        named: Mapping[str, Tier] | None = None,
        *,
        token_share: float = 0.1,
        confirmed_share: float = 0.5,
    ) -> None:
        self._sources = dict(sources)
        self._accounts = {source: dict(tiers) for source, tiers in accounts.items()}
        self._named = {name.lower(): tier for name, tier in (named or {}).items()}
        self._token_share = token_share
        self._confirmed_share = confirmed_share
        self._impostors = {
            source: Impostors(h for h, tier in tiers.items() if tier >= Tier.TRUSTED)
            for source, tiers in self._accounts.items()
        }

    def judge(self, event: Event) -> Verdict:
        """Say how far an event may be believed."""
        handle = _handle(event.author)
        tier = self.tier_of(event.source, event.channel, handle)
        teller = f"{event.source}:{event.channel}:{_first_author(event, handle)}"
        share = self._token_share if tier is Tier.LOW else 1.0
        objection = None
        open_to_all = event.source in OPEN_TO_ALL
        if tier is Tier.BLOCKED:
            objection = "the source is blocked"
        elif open_to_all and (known := self._pretends(event.source, handle)):
            objection = f"@{handle} looks like @{known} and is not"
        elif (found := of_scam(event, open_to_all=open_to_all)) or (
            tier is Tier.LOW and (found := of_false_office(event))
        ):
            objection = found
        return Verdict(tier, share, objection, teller)

    def tier_of(self, source: str, channel: str, handle: str) -> Tier:
        """Find the tier: of the account, of the channel, of the kind of source."""
        named = self._named
        if named:
            for name in (f"{source}:@{handle}", f"{source}:{channel.lower()}", source):
                if name in named:
                    return named[name]
        accounts = self._accounts.get(source)
        if accounts is not None:
            for account in (handle, channel.lower().removeprefix("@")):
                if account in accounts:
                    return accounts[account]
        return self._sources.get(source, Tier.NORMAL)

    def raised_share(self, verdict: Verdict, already: float) -> float:
        """Give what may be added when an independent event confirms a story; 0 for nothing."""
        allowed = self._confirmed_share if verdict.tier is Tier.LOW else 1.0
        return max(0.0, round(allowed - already, 6))

    def _pretends(self, source: str, handle: str) -> str | None:
        impostors = self._impostors.get(source)
        return impostors.pretends(handle) if impostors is not None and handle else None


def _handle(author: str | None) -> str:
    return author.strip().lower().removeprefix("@").removeprefix("u/") if author else ""


def _first_author(event: Event, handle: str) -> str:
    """Name who said it first: carrying somebody else's words confirms nothing."""
    origin = event.origin
    if origin is not None and origin.kind in _CARRIED and origin.author:
        return _handle(origin.author)
    return handle


def independent(teller: str, other: str) -> bool:
    """Whether two tellers are two: another author, and another channel."""
    source, channel, author = _split(teller)
    other_source, other_channel, other_author = _split(other)
    if author and author == other_author:
        return False
    return (source, channel) != (other_source, other_channel) or bool(author and other_author)


def _split(teller: str) -> tuple[str, str, str]:
    source, _, rest = teller.partition(":")
    channel, _, author = rest.rpartition(":")
    return source, channel, author


def build_trust(
    table: Mapping[str, Any],
    named: Mapping[str, Iterable[str]] | None = None,
    *,
    token_share: float = 0.1,
    confirmed_share: float = 0.5,
) -> Trust:
    """Make the judge of a table as in tiers.toml and of the configuration's own names.

    Raises:
        ConfigurationError: a tier's name is unknown.
    """
    return Trust(
        {source: _tier(name) for source, name in table["sources"].items()},
        {
            source: {handle: _tier(name) for name, handles in tiers.items() for handle in handles}
            for source, tiers in table["accounts"].items()
        },
        {one: _tier(name) for name, ones in (named or {}).items() for one in ones},
        token_share=token_share,
        confirmed_share=confirmed_share,
    )


def _tier(name: str) -> Tier:
    try:
        return Tier[name.upper()]
    except KeyError as error:
        known = ", ".join(tier.name.lower() for tier in Tier)
        raise ConfigurationError(f"there is no tier {name!r}: name one of {known}") from error


@cache
def tiers_table() -> dict[str, Any]:
    """Read the tiers that come with the project; once a process."""
    path = Path(__file__).with_name("tiers.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def bundled_trust() -> Trust:
    """Make the judge of the tiers that come with the project; once a process."""
    return build_trust(tiers_table())
