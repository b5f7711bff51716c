"""What is configured for exchanges' announcements: which lists and status pages, how often."""

import tomllib
from datetime import tzinfo
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, model_validator

from core.runtime.settings import Millis, Section
from crawlers.zones import ZoneName, zone

BUNDLED: Final = Path(__file__).with_name("bundled.toml")

Interval = Annotated[Millis, Field(ge=20)]


class ListKind(StrEnum):
    """What a list's answer looks like."""

    BINANCE = "binance"  # the JSON that Binance's announcement pages are made from
    FEED = "feed"  # RSS or Atom, as blogs have it


class ListSettings(Section):
    """One announcement list.

    Attributes:
        channel: our name for it; part of each event's identity, so keep it.
        kind: what its answers look like.
        url: `http://` or `https://`, without the parameters below.
        interval_ms: from the start of one request to the start of the next; by default 1.5 s for
            `binance` and 15 s for `feed`.
        catalog: which of the lists at this address (`binance`).
        page_size: entries a page (`binance`); the server knows 1, 2, 5, 10, 15, 20 and 50.
        page_param: name of the parameter that asks for an older page (`feed`); None where only
            the newest page can be had. WordPress calls it `paged`.
        default_zone: zone of times without one; empty refuses such entries.
    """

    channel: Annotated[str, Field(pattern=r"^[\w.:/@-]{1,100}$")]
    kind: ListKind
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
    interval_ms: Interval | None = None
    catalog: Annotated[int, Field(ge=1)] | None = None
    page_size: Annotated[int, Field(ge=1, le=50)] = 20
    page_param: str | None = None
    default_zone: ZoneName = "UTC"

    @model_validator(mode="after")
    def _says_which_list(self) -> "ListSettings":
        if (self.kind is ListKind.BINANCE) != (self.catalog is not None):
            raise ValueError(
                f"{self.channel}: catalog names one of Binance's lists (48 listings, 161 "
                "delistings, 49 news); set it for kind binance, and for no other"
            )
        return self

    @property
    def every_ms(self) -> int:
        """The interval, by kind where it is not set."""
        return self.interval_ms or (1_500 if self.kind is ListKind.BINANCE else 15_000)

    @property
    def zone(self) -> tzinfo | None:
        """The zone named by `default_zone`."""
        return zone(self.default_zone)


class StatusPageSettings(Section):
    """One status page made with Statuspage, or one that answers as such pages do.

    A component's name says what it is part of. It affects trading where it has one of
    `trading_words` and none of `other_words`, or has `spot`.

    Attributes:
        channel: our name for it; part of each event's identity, so keep it.
        venue: the exchange, named as orders name it.
        url: of the page itself; `/api/v2/...` is put after it.
        interval_ms: from the start of one request to the start of the next.
        lists_interval_ms: how often the lists of past notices are read although the page's
            summary stays the same.
        trading_words: parts of names of components that are needed for trading.
        other_words: parts of names of components that are not, whatever else they say.
    """

    channel: Annotated[str, Field(pattern=r"^[\w.:/@-]{1,100}$")]
    venue: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}$")]
    url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    interval_ms: Interval = 5_000
    lists_interval_ms: Interval = 300_000
    trading_words: tuple[str, ...] = (
        "trading",
        "trade",
        "spot",
        "order",
        "matching",
        "engine",
        "exchange",
        "api",
        "websocket",
        "platform",
    )
    other_words: tuple[str, ...] = (
        "futures",
        "derivatives",
        "mtf",
        "options",
        "deposit",
        "withdraw",
        "funding",
        "staking",
        "earn",
        "nft",
        "otc",
    )

    @property
    def page_url(self) -> str:
        """The page's address without a slash at its end."""
        return self.url.rstrip("/")


class AnnouncementSettings(Section):
    """All announcement lists and status pages.

    Attributes:
        lists: which announcement lists.
        status_pages: which status pages.
        bundled: read the bundled ones as well.
        jitter: each wait is longer or shorter by up to this part of the interval.
        timeout_ms: for one request, redirects and body included.
        max_document_bytes: a longer body (decompressed) is refused.
        max_redirects: how many are followed.
        connections_per_host: at once.
        robots: keep to robots.txt.
        allow_private: also ask loopback, private and link-local addresses; for tests and pages
            of one's own network only.
    """

    lists: tuple[ListSettings, ...] = ()
    status_pages: tuple[StatusPageSettings, ...] = ()
    bundled: bool = False
    jitter: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    timeout_ms: Millis = 10_000
    max_document_bytes: Annotated[int, Field(ge=1_000, le=4_000_000)] = 2_000_000
    max_redirects: Annotated[int, Field(ge=0, le=20)] = 5
    connections_per_host: Annotated[int, Field(ge=1)] = 2
    robots: bool = True
    allow_private: bool = False

    @model_validator(mode="after")
    def _channels_differ(self) -> "AnnouncementSettings":
        channels = [one.channel for one in self.all_lists]
        channels += [page.channel for page in self.all_status_pages]
        twice = {channel for channel in channels if channels.count(channel) > 1}
        if twice:
            raise ValueError(
                f"two lists or pages are named {', '.join(sorted(twice))}: "
                "give each channel its own name"
            )
        return self

    def __bool__(self) -> bool:
        return bool(self.all_lists or self.all_status_pages)

    @property
    def all_lists(self) -> tuple[ListSettings, ...]:
        """The configured lists, with the bundled ones where they are wanted."""
        return (*self.lists, *(bundled()[0] if self.bundled else ()))

    @property
    def all_status_pages(self) -> tuple[StatusPageSettings, ...]:
        """The configured status pages, with the bundled ones where they are wanted."""
        return (*self.status_pages, *(bundled()[1] if self.bundled else ()))


@cache
def bundled() -> tuple[tuple[ListSettings, ...], tuple[StatusPageSettings, ...]]:
    """Read the bundled lists and status pages."""
    found = tomllib.loads(BUNDLED.read_text(encoding="utf-8"))
    return (
        tuple(ListSettings.model_validate(one) for one in found["lists"]),
        tuple(StatusPageSettings.model_validate(one) for one in found["status_pages"]),
    )
