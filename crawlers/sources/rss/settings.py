"""What is configured for feeds: which ones, how often, and how much of them is read."""

import tomllib
from datetime import tzinfo
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, model_validator

from core.runtime.settings import Millis, Section
from crawlers.zones import ZoneName, zone

MAX_DOCUMENT_BYTES: Final = 4_000_000  # hostile documents take seconds a megabyte to parse
PUBLIC_FEEDS: Final = Path(__file__).with_name("public_feeds.toml")

_LONGEST_FACTOR: Final = 5

WebAddress = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class FeedSettings(Section):
    """One feed.

    Attributes:
        channel: our name for it; part of each event's identity, so keep it.
        url: `http://` or `https://`.
        mirrors: other addresses of the same feed; each is asked, too, and the first wins.
        interval_ms: the shortest, from one request to the next: after something new.
        longest_interval_ms: the longest, when nothing new comes; None is five times the
            shortest. The same as `interval_ms` keeps the interval as it is.
        default_zone: zone of times without one; empty refuses such entries.
    """

    channel: Annotated[str, Field(pattern=r"^[\w.:/@-]{1,100}$")]
    url: WebAddress
    mirrors: tuple[WebAddress, ...] = ()
    interval_ms: Annotated[Millis, Field(ge=1)] = 60_000
    longest_interval_ms: Millis | None = None
    default_zone: ZoneName = "UTC"

    @model_validator(mode="after")
    def _limits_in_order(self) -> "FeedSettings":
        if self.longest_ms < self.interval_ms:
            raise ValueError(
                f"longest_interval_ms of {self.channel} is below its interval_ms: raise it"
            )
        if len({self.url, *self.mirrors}) <= len(self.mirrors):
            raise ValueError(f"{self.channel} names one address twice: its mirrors are others")
        return self

    @property
    def zone(self) -> tzinfo | None:
        """The zone named by `default_zone`."""
        return zone(self.default_zone)

    @property
    def longest_ms(self) -> int:
        """The longest interval in effect."""
        if self.longest_interval_ms is None:
            return _LONGEST_FACTOR * self.interval_ms
        return self.longest_interval_ms


class PollSettings(Section):
    """How servers are asked.

    Attributes:
        jitter: each wait is longer or shorter by up to this part of the interval.
        timeout_ms: for one request, redirects and body included.
        max_document_bytes: a longer body (decompressed) is refused.
        max_redirects: how many are followed.
        connections_per_host: at once.
        allow_private: also ask loopback, private and link-local addresses; for tests and feeds
            of one's own network only.
        robots: keep to robots.txt.
        contact: an e-mail or web address for the servers' operators, sent with each request.
    """

    jitter: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    timeout_ms: Millis = 20_000
    max_document_bytes: Annotated[int, Field(ge=1_000, le=MAX_DOCUMENT_BYTES)] = 2_000_000
    max_redirects: Annotated[int, Field(ge=0, le=20)] = 5
    connections_per_host: Annotated[int, Field(ge=1)] = 2
    allow_private: bool = False
    robots: bool = True
    contact: Annotated[str, Field(pattern=r"^[!-'*-~]{3,200}$")] | None = None


class RssSettings(PollSettings):
    """All feeds.

    Attributes:
        feeds: which ones.
        public_feeds: read the bundled list of public feeds as well.
    """

    feeds: tuple[FeedSettings, ...] = ()
    public_feeds: bool = False

    @model_validator(mode="after")
    def _channels_differ(self) -> "RssSettings":
        channels = [feed.channel for feed in self.all_feeds]
        twice = {channel for channel in channels if channels.count(channel) > 1}
        if twice:
            raise ValueError(
                f"two feeds are named {', '.join(sorted(twice))}: give each channel its own name"
            )
        return self

    def __bool__(self) -> bool:
        return bool(self.all_feeds)

    @property
    def all_feeds(self) -> tuple[FeedSettings, ...]:
        """The configured feeds, with the bundled ones where they are wanted."""
        return (*self.feeds, *(public_feeds() if self.public_feeds else ()))


@cache
def public_feeds() -> tuple[FeedSettings, ...]:
    """Read the bundled list of public feeds."""
    bundled = tomllib.loads(PUBLIC_FEEDS.read_text(encoding="utf-8"))
    return tuple(FeedSettings.model_validate(feed) for feed in bundled["feeds"])
