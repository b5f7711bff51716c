"""The event: one post or article, normalised."""

from enum import StrEnum
from typing import Final

import msgspec

DELETED_REVISION: Final = 2**53 - 1  # nothing comes after a deletion; JSON's largest integer


class EventKind(StrEnum):
    """What happened to the post."""

    PUBLISHED = "published"
    EDITED = "edited"
    DELETED = "deleted"


class TimePrecision(StrEnum):
    """How sure `published_ns` is."""

    EXACT = "exact"  # the source gave a time with its zone
    DAY = "day"  # the source gave a date only: midnight UTC stands for it
    RECEIVED = "received"  # the source gave none: the time of receipt stands for it


class OriginKind(StrEnum):
    """How a post relates to the one it was made from."""

    REPOST = "repost"  # says what the other one said, and nothing else
    QUOTE = "quote"  # says something about the other one
    FORWARD = "forward"  # carries the other one into another channel
    CROSSPOST = "crosspost"
    REPLY = "reply"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The post that another one was made from; news is as old as its origin.

    Attributes:
        kind: repost, quote, forward, crosspost or reply.
        author: as the source writes it.
        native_id: the source's own name for the post.
        url: canonical address.
        text: what it said, where the source tells and the event's own text does not hold it.
        published_ns: when it was published (UTC ns); None where the source does not tell.
    """

    kind: OriginKind
    author: str | None = None
    native_id: str | None = None
    url: str | None = None
    text: str = ""
    published_ns: int | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Who said what, where, when it was published and when it was received.

    All times are UTC nanoseconds since 1970; a naive time has no way in. Text is plain Unicode
    (NFC, no HTML, no control or zero-width characters), at most the source's size limit long.

    Attributes:
        id: `event_id(source, channel, native_id, revision)`: the same post is the same event.
        source: the kind of source: `rss`, `newswire`, `twitter` ...
        channel: the feed, account, group or subreddit within the source.
        native_id: the source's own name for the post.
        revision: 0 for a post as first published; higher with each edit: the source's own count,
            or the edit's time in seconds, so that every client names the same version the same;
            `DELETED_REVISION` for its deletion.
        kind: published, edited or deleted. A deletion may have no text.
        title: headline, where the source has one apart from the text.
        text: the body; may be empty where the title says everything.
        author: as the source writes it.
        url: canonical address of the post.
        language: BCP 47 tag, as the source says or as the text tells; None where neither does.
        published_ns: when the source says it was published; for an edit or a deletion, the post.
        published_precision: how sure that is.
        received_ns: when its bytes reached us.
        truncated: the text was cut at the size limit.
        removed_characters: how many control, zero-width and direction characters were removed.
        lookalikes: words whose letters pretend to be others, such as a ticker in Cyrillic.
        origin: the post that this one repeats, quotes, forwards or answers.
    """

    id: str
    source: str
    channel: str
    native_id: str
    revision: int = 0
    kind: EventKind = EventKind.PUBLISHED
    title: str | None = None
    text: str = ""
    author: str | None = None
    url: str | None = None
    language: str | None = None
    published_ns: int
    published_precision: TimePrecision = TimePrecision.EXACT
    received_ns: int
    truncated: bool = False
    removed_characters: int = 0
    lookalikes: tuple[str, ...] = ()
    origin: Origin | None = None
