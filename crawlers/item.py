"""What a parser yields for each entry of a document: an item, or the reason why there is none."""

from enum import StrEnum

import msgspec

from core.contracts.event import EventKind, OriginKind
from core.contracts.notice import Affected, Impact, NoticeKind, NoticeState


class TextFormat(StrEnum):
    """How a source writes its text."""

    PLAIN = "plain"
    HTML = "html"


class ItemOrigin(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The post that an item was made from, as the source wrote it; see `Origin`."""

    kind: OriginKind
    author: str | None = None
    native_id: str | None = None
    url: str | None = None
    text: str | None = None
    text_format: TextFormat = TextFormat.PLAIN
    published: str | float | None = None


class ItemNotice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an item says of an exchange's maintenance or incident; fields as in `VenueNotice`."""

    venue: str
    kind: NoticeKind
    state: NoticeState
    impact: Impact
    starts_ns: int
    ends_ns: int | None
    affects: tuple[Affected, ...]
    pairs: tuple[str, ...]
    components: tuple[str, ...]
    revision: int


class Item(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One post or article as the source wrote it; nothing in it is trusted or normalised.

    Attributes:
        native_id: the source's own name for the post, the same for all its versions.
        kind: published, edited or deleted; a deletion needs no text.
        revision: 0 as first published; for an edit the source's count of edits, or the edit's
            time in whole seconds since 1970, whichever every client of the source can tell.
            Not looked at for deletions.
        title: headline, where the source has one.
        title_format: plain or HTML.
        text: the body.
        text_format: plain or HTML.
        author: as written.
        url: as written.
        published: a date in words or digits, or an epoch number; None where the source gives none.
        language: as written.
        origin: what it repeats, quotes, forwards or answers.
        notice: what it means for trading at an exchange; told by `Newsroom.accept` and `take`.
    """

    native_id: str
    kind: EventKind = EventKind.PUBLISHED
    revision: int = 0
    title: str | None = None
    title_format: TextFormat = TextFormat.PLAIN
    text: str | None = None
    text_format: TextFormat = TextFormat.PLAIN
    author: str | None = None
    url: str | None = None
    published: str | float | None = None
    language: str | None = None
    origin: ItemOrigin | None = None
    notice: ItemNotice | None = None


class RefusalReason(StrEnum):
    """Why a document or an entry became no event."""

    # whole documents and messages
    EMPTY_DOCUMENT = "empty_document"
    TOO_LARGE = "too_large"
    ENTITY_BOMB = "entity_bomb"  # entity declarations that could blow the document up
    NOT_A_FEED = "not_a_feed"
    BAD_XML = "bad_xml"  # a feed too broken to find an entry in
    EMPTY_FEED = "empty_feed"
    BAD_JSON = "bad_json"
    BAD_SHAPE = "bad_shape"  # JSON, but not of the configured shape
    # single entries
    NO_ID = "no_id"
    NO_TEXT = "no_text"  # neither title nor text, once cleaned
    BAD_TIME = "bad_time"
    NO_ZONE = "no_zone"  # a time without a zone, and none is configured for the source
    UNKNOWN_ZONE = "unknown_zone"  # a zone name that isn't known, or that names several zones
    FUTURE = "future"
    BAD_WINDOW = "bad_window"  # a maintenance or incident without a start, or over before it began


class Refusal(msgspec.Struct, frozen=True):
    """Why a document or an entry became no event.

    Attributes:
        reason: for counting.
        detail: for a person: what was wrong with what.
        native_id: which entry; None where it is the whole document or the id is what's missing.
    """

    reason: RefusalReason
    detail: str
    native_id: str | None = None
