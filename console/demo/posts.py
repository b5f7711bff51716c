"""What an invented outlet publishes, and how: the records that the news server serves."""

from enum import StrEnum

import msgspec


class Form(StrEnum):
    """How an outlet reaches its readers."""

    RSS = "rss"
    ATOM = "atom"
    WIRE = "wire"  # JSON messages over a websocket


class DateStyle(StrEnum):
    """How an outlet writes when something was published; each is in use somewhere."""

    GMT = "gmt"  # Sun, 22 Nov 2026 14:03:05 GMT
    EST = "est"  # the same, five hours earlier and named EST
    JST = "jst"
    OFFSET = "offset"  # RFC 822 with +0530
    ZULU = "zulu"  # RFC 3339 with Z
    ISO_OFFSET = "iso_offset"  # RFC 3339 with +02:00
    ISO_MILLIS = "iso_millis"  # RFC 3339 with milliseconds and Z
    MILLIS = "millis"  # epoch number; in feeds, digits
    SECONDS = "seconds"
    NONE = "none"  # not at all


class Outlet(msgspec.Struct, frozen=True, kw_only=True):
    """Who publishes.

    Attributes:
        slug: in addresses; the crawler's channel.
        name: for readers.
        form: how it is read.
        dates: how it writes times.
        html: bodies of a wire are HTML; those of a feed always are.
        language: BCP 47 tag.
    """

    slug: str
    name: str
    form: Form
    dates: DateStyle
    html: bool = False
    language: str = "en"


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One thing published.

    Attributes:
        outlet: slug of who publishes it.
        id: the outlet's own name for it.
        title: plain text.
        body: HTML in feeds, as `Outlet.html` says on wires.
        age_s: published so many seconds before its release; negative: it claims to be later.
        author: as signed; empty for the outlet's name.
        dates: written otherwise than the outlet does.
        raw: sent as it is in place of the post: a wire's message, or a feed's entry, which is
            gone with the feed's next version.
    """

    outlet: str
    id: str
    title: str = ""
    body: str = ""
    age_s: int = 0
    author: str = ""
    dates: DateStyle | None = None
    raw: str | None = None
