"""What is configured for Medium: whose posts, and how often they are asked for."""

from datetime import tzinfo
from typing import Annotated

from pydantic import Field, model_validator

from core.runtime.settings import Millis
from crawlers.sources.rss.settings import FeedSettings, PollSettings, WebAddress
from crawlers.zones import ZoneName, zone

Publication = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,99}$")]
User = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,99}$")]
Tag = Annotated[str, Field(pattern=r"^[\w-]{1,90}$")]


class MediumSettings(PollSettings):
    """All of Medium that is read.

    Attributes:
        publications: by the name in their address, or their own domain.
        users: by the name in their address, without the @.
        tags: as in their address, such as `bitcoin` or `smart-contracts`.
        base_url: where Medium is.
        interval_ms: the shortest, from one request for a feed to the next.
        longest_interval_ms: the longest, when nothing new comes; None is five times the shortest.
        default_zone: zone of times without one; Medium's have one.
    """

    publications: tuple[Publication, ...] = ()
    users: tuple[User, ...] = ()
    tags: tuple[Tag, ...] = ()
    base_url: WebAddress = "https://medium.com"
    interval_ms: Annotated[Millis, Field(ge=1)] = 120_000
    longest_interval_ms: Millis | None = None
    default_zone: ZoneName = "UTC"

    @model_validator(mode="after")
    def _names_differ(self) -> "MediumSettings":
        channels = [feed.channel for feed in self.all_feeds]
        if len({channel.lower() for channel in channels}) < len(channels):
            raise ValueError("a publication, user or tag is named twice: name each once")
        return self

    def __bool__(self) -> bool:
        return bool(self.publications or self.users or self.tags)

    @property
    def zone(self) -> tzinfo | None:
        """The zone named by `default_zone`."""
        return zone(self.default_zone)

    @property
    def all_feeds(self) -> tuple[FeedSettings, ...]:
        """The feeds of all that is named; a channel is what follows `/feed/` in its address."""
        base = self.base_url.rstrip("/")
        addresses = {
            **{name: f"{self.home(name)}/feed" for name in self.publications if "." in name},
            **{name: f"{base}/feed/{name}" for name in self.publications if "." not in name},
            **{f"@{name}": f"{base}/feed/@{name}" for name in self.users},
            **{f"tag/{name}": f"{base}/feed/tag/{name}" for name in self.tags},
        }
        return tuple(
            FeedSettings(
                channel=channel,
                url=url,
                interval_ms=self.interval_ms,
                longest_interval_ms=self.longest_interval_ms,
                default_zone=self.default_zone,
            )
            for channel, url in addresses.items()
        )

    def home(self, publication: str) -> str:
        """Give the address of a publication, or of a tag (`tag/NAME`)."""
        if "." in publication:
            return f"https://{publication}"
        return f"{self.base_url.rstrip('/')}/{publication}"
