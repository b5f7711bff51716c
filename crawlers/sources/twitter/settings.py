"""What is configured for X: whose posts, which terms, by which ways, with which keys."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from core.runtime.settings import Millis, Secret, Section

RULE_CHARS: Final = 1_024  # docs.x.com, Filtered Stream, access levels
RECENT_QUERY_CHARS: Final = 512  # docs.x.com, Rate limits
ALL_QUERY_CHARS: Final = 1_024


class Way(StrEnum):
    """How posts are read as they come."""

    STREAM = "stream"
    SEARCH = "search"
    TIMELINES = "timelines"


class Archive(StrEnum):
    """Where the past is read."""

    RECENT = "recent"  # recent search: seven days
    ALL = "all"  # full-archive search
    TIMELINES = "timelines"  # accounts only, their last 3,200 posts


class GapFill(StrEnum):
    """What fills the gap that a lost stream leaves."""

    SEARCH = "search"
    TIMELINES = "timelines"  # accounts only
    OFF = "off"


def _handle(name: str) -> str:
    return name.removeprefix("@").lower()


Handle = Annotated[str, Field(pattern=r"^@?[A-Za-z0-9_]{1,15}$"), AfterValidator(_handle)]
Label = Annotated[str, Field(pattern=r"^[\w.-]{1,40}$")]


class TermSettings(Section):
    """Posts of anybody that match a query.

    Attributes:
        channel: our name for it; part of each event's identity, so keep it. Several terms may
            share one, and a post that matches more than one of them is then one event.
        query: in X's query language, such as `(lists OR listing) $BTC -is:retweet`.
    """

    channel: Annotated[str, Field(pattern=r"^[\w.:/-][\w.:/@-]{0,99}$")]
    query: Annotated[str, Field(min_length=1, max_length=4_096)]


class TwitterSettings(Section):
    """All of X.

    Attributes:
        keys: bearer tokens of apps by a label of ours; labels stand in messages, tokens never.
        accounts: handles, with or without `@`; each is the channel `@handle` in small letters.
        terms: see `TermSettings`.
        replies: read what others answer to the accounts as well, as `@handle/replies`.
        ways: how posts are read live; of several at once, the first to bring a post wins.
        archive: where `tidings backfill twitter` reads.
        fill_gaps: what fills the gap that a lost stream leaves.
        gap_pages: most pages read for one gap of one query, 100 posts each.
        overlap_ms: each poll and gap begins so long before the last post read, since X's index
            takes some seconds; what was read before is dropped.
        backfill_minutes: have the stream itself send what was missed, where the access level
            allows it; 0 to 5.
        rule_tag: how the tags of our stream rules begin; rules with other tags are left alone.
        rule_chars: longest stream rule of the access level.
        search_interval_ms: from one recent search of a query to the next.
        timeline_interval_ms: from one reading of a timeline to the next.
        jitter: each wait is longer or shorter by up to this part of the interval.
        keep_alive_timeout_ms: reconnect when the stream sent nothing at all for so long.
        timeout_ms: for one request.
        max_message_bytes: a longer line of the stream is refused, and so is a longer answer.
        stale_after_ms: a channel is unhealthy when it brought nothing for so long; None learns it
            from its habit.
        connect_to: `host:port` to connect to in place of X's, such as a TLS proxy of one's own or
            a test server; the certificate must still be for X's name.
        ca_file: PEM file of the authorities to trust instead of the system's.
    """

    keys: dict[Label, Secret] = Field(default_factory=dict)
    accounts: tuple[Handle, ...] = ()
    terms: tuple[TermSettings, ...] = ()
    replies: bool = False
    ways: tuple[Way, ...] = (Way.STREAM,)
    archive: Archive = Archive.RECENT
    fill_gaps: GapFill = GapFill.SEARCH
    gap_pages: Annotated[int, Field(ge=1, le=10_000)] = 100
    overlap_ms: Annotated[int, Field(ge=0, le=3_600_000)] = 30_000
    backfill_minutes: Annotated[int, Field(ge=0, le=5)] = 0
    rule_tag: Annotated[str, Field(pattern=r"^[\w.-]{1,40}$")] = "tidings"
    rule_chars: Annotated[int, Field(ge=64, le=4_096)] = RULE_CHARS
    search_interval_ms: Millis = 30_000
    timeline_interval_ms: Millis = 30_000
    jitter: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    keep_alive_timeout_ms: Millis = 20_000
    timeout_ms: Millis = 20_000
    max_message_bytes: Annotated[int, Field(ge=10_000, le=64_000_000)] = 4_000_000
    stale_after_ms: Millis | None = None
    connect_to: Annotated[str, Field(pattern=r"^[^\s:]+:\d{1,5}$")] | None = None
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "TwitterSettings":
        if not self:
            return self
        if not self.keys:
            raise ValueError("no key: put an app's bearer token under keys")
        if len(set(self.accounts)) < len(self.accounts):
            raise ValueError("an account is named twice: name it once")
        if not self.ways or len(set(self.ways)) < len(self.ways):
            raise ValueError(
                "ways: name stream, search and timelines at most once, and one of them"
            )
        if self.ways == (Way.TIMELINES,) and (self.terms or self.replies):
            raise ValueError("timelines hold no terms or replies: add search or stream to ways")
        if self.replies and not self.accounts:
            raise ValueError("replies to nobody: name accounts")
        longest = RECENT_QUERY_CHARS if self.searches else self.rule_chars
        for term in self.terms:
            if len(term.query) > longest:
                raise ValueError(
                    f"the query of {term.channel} has {len(term.query)} characters, the limit is "
                    f"{longest}: split it into terms of the same channel"
                )
        return self

    def __bool__(self) -> bool:
        return bool(self.accounts or self.terms)

    @property
    def searches(self) -> bool:
        """Whether recent search is used live, be it for gaps only."""
        gaps = Way.STREAM in self.ways and self.fill_gaps is GapFill.SEARCH
        return Way.SEARCH in self.ways or gaps
