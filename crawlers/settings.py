"""What is configured for the crawlers: their sources and limits."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from core.runtime.settings import Millis, Section
from crawlers.normalise import Limits
from crawlers.seen import DEFAULT_CAPACITY
from crawlers.sources.announcements.settings import AnnouncementSettings
from crawlers.sources.file.settings import FileSettings
from crawlers.sources.medium.settings import MediumSettings
from crawlers.sources.newswire.settings import NewswireSettings
from crawlers.sources.reddit.settings import RedditSettings
from crawlers.sources.rss.settings import RssSettings
from crawlers.sources.telegram.settings import TelegramSettings
from crawlers.sources.twitter.settings import TwitterSettings
from crawlers.sources.webhook.settings import WebhookSettings


class CrawlSettings(Section):
    """All sources.

    Attributes:
        rss: feeds over HTTP.
        medium: publications, users and tags of Medium.
        twitter: accounts and terms on X.
        reddit: subreddits and threads.
        telegram: channels and groups, read with one account.
        announcements: exchanges' announcement lists and status pages.
        newswire: JSON news websockets.
        webhook: events that other tools post.
        file: past posts, for backfills.
        title_chars: longest title of an event.
        text_chars: longest text of an event.
        save_interval_ms: how often cursors are saved; what a crash makes come again.
        seen_days: how long a post is remembered as published.
        seen_capacity: how many posts of one kind of source are remembered.
    """

    rss: RssSettings = RssSettings()
    medium: MediumSettings = MediumSettings()
    twitter: TwitterSettings = TwitterSettings()
    reddit: RedditSettings = RedditSettings()
    telegram: TelegramSettings = TelegramSettings()
    announcements: AnnouncementSettings = AnnouncementSettings()
    newswire: tuple[NewswireSettings, ...] = ()
    webhook: WebhookSettings = WebhookSettings()
    file: tuple[FileSettings, ...] = ()
    title_chars: Annotated[int, Field(ge=50, le=10_000)] = 1_000
    text_chars: Annotated[int, Field(ge=100, le=200_000)] = 50_000
    save_interval_ms: Millis = 250
    seen_days: Annotated[int, Field(ge=1, le=365)] = 7
    seen_capacity: Annotated[int, Field(ge=1_000)] = DEFAULT_CAPACITY

    @model_validator(mode="after")
    def _channels_differ(self) -> "CrawlSettings":
        for source, listed in (("newswire", self.newswire), ("file", self.file)):
            channels = [one.channel for one in listed]
            if len(set(channels)) < len(channels):
                raise ValueError(
                    f"two channels of {source} share a name ({', '.join(channels)}): "
                    "give each its own"
                )
        return self

    def sources(self) -> dict[str, Any]:
        """Give every source's settings by its name, which is that of its folder."""
        return {
            "rss": self.rss,
            "medium": self.medium,
            "twitter": self.twitter,
            "reddit": self.reddit,
            "telegram": self.telegram,
            "announcements": self.announcements,
            "newswire": self.newswire,
            "webhook": self.webhook,
            "file": self.file,
        }

    def live_sources(self) -> dict[str, Any]:
        """Give the settings of the sources that are to be followed; each is true where it is."""
        return {name: part for name, part in self.sources().items() if part}

    def limits(self) -> Limits:
        """Give what `normalise` needs, but for the channel's zone."""
        return Limits(title_chars=self.title_chars, text_chars=self.text_chars)
