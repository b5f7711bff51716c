"""What is configured for Reddit: which subreddits and threads, with which app, how often."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from core.runtime.settings import Millis, Secret, Section

AGGREGATES: Final = frozenset({"all", "popular"})  # listings of many subreddits under one name

_THREAD: Final = re.compile(
    r"(?:https?://[^\s/]+)?(?:/r/\w+)?/comments/([0-9a-z]{1,13})(?:[/?#]\S*)?|([0-9a-z]{1,13})"
)


class Posts(StrEnum):
    """Which posts of a subreddit a channel has."""

    SUBMISSIONS = "submissions"
    COMMENTS = "comments"


def _plain_name(name: str) -> str:
    return name.removeprefix("/").removeprefix("r/")


def _thread_id(thread: str) -> str:
    found = _THREAD.fullmatch(thread)
    if found is None:
        raise ValueError(
            "give the thread's id, such as 1abc2d, or its address with /comments/ in it"
        )
    return found[1] or found[2]


class ChannelSettings(Section):
    """One subreddit's submissions, its comments, or one thread of it.

    Attributes:
        channel: our name for it; part of each event's identity, so keep it.
        subreddit: its name, with or without `r/`; `all` and `popular` are Reddit's own sums.
        posts: submissions or comments; a thread has both.
        thread: a submission's id or address: it and all its comments, and nothing else.
        dumps: files of the past for `tidings backfill`, in this order: JSON lines, also `.zst`.
    """

    channel: Annotated[str, Field(pattern=r"^[\w.:/@-]{1,100}$")]
    subreddit: Annotated[
        str, Field(pattern=r"^(?:/?r/)?[A-Za-z0-9_]{2,24}$"), AfterValidator(_plain_name)
    ]
    posts: Posts = Posts.SUBMISSIONS
    thread: Annotated[str, Field(max_length=400), AfterValidator(_thread_id)] | None = None
    dumps: tuple[Path, ...] = ()

    @property
    def listing(self) -> str:
        """The path of the listing in which the channel's posts appear, newest first."""
        comments = self.thread is not None or self.posts is Posts.COMMENTS
        return f"r/{self.subreddit}/{'comments' if comments else 'new'}"

    @property
    def name(self) -> str:
        """What the channel is of, in messages and in its cursor."""
        return f"{self.listing}/{self.thread}" if self.thread else self.listing


class RedditSettings(Section):
    """All of Reddit.

    Attributes:
        client_id: of a "script" app, from https://www.reddit.com/prefs/apps; without it nothing
            is asked of Reddit, and only dumps can be read.
        client_secret: of the same app.
        username: the Reddit account answerable for the app; Reddit wants it in the user agent.
        channels: see `ChannelSettings`.
        interval_ms: from the start of one poll of a listing to the start of the next; longer
            where the quota asks for it.
        jitter: each wait is longer or shorter by up to this part of the interval.
        subreddits_per_request: how many subreddits share one poll.
        recheck_interval_ms: how often recent posts are looked at for edits and deletions.
        recheck_window_ms: for how long after its publication.
        recheck_posts: at most so many of a channel, the newest; 0 looks at none.
        refused_interval_ms: when a subreddit that was refused is asked for again.
        timeout_ms: for one request.
        max_answer_bytes: a longer answer is refused.
        reddit_url: where tokens are fetched.
        oauth_url: where everything else is asked.
        short_url: Reddit's short links.
        allow_private: also ask loopback, private and link-local addresses, and plain http; for
            tests only.
    """

    client_id: Secret | None = None
    client_secret: Secret | None = None
    username: Annotated[str, Field(pattern=r"^[\w-]{3,20}$")] | None = None
    channels: tuple[ChannelSettings, ...] = ()
    interval_ms: Annotated[Millis, Field(ge=1)] = 2_000
    jitter: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    subreddits_per_request: Annotated[int, Field(ge=1, le=100)] = 25
    recheck_interval_ms: Annotated[Millis, Field(ge=1)] = 300_000
    recheck_window_ms: Millis = 86_400_000
    recheck_posts: Annotated[int, Field(ge=0, le=10_000)] = 500
    refused_interval_ms: Annotated[Millis, Field(ge=1)] = 600_000
    timeout_ms: Annotated[Millis, Field(ge=1_000)] = 16_000
    max_answer_bytes: Annotated[int, Field(ge=100_000, le=64_000_000)] = 8_000_000
    reddit_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+$")] = "https://www.reddit.com"
    oauth_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+$")] = "https://oauth.reddit.com"
    short_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+$")] = "https://redd.it"
    allow_private: bool = False

    @model_validator(mode="after")
    def _fits_together(self) -> "RedditSettings":
        names = [one.channel for one in self.channels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"two channels are named {', '.join(twice)}: give each channel its own name"
            )
        if (self.client_id is None) != (self.client_secret is None):
            raise ValueError("client_id and client_secret belong together: give both or neither")
        keyless = [one.channel for one in self.channels if not one.dumps]
        if self.client_id is None and keyless:
            raise ValueError(
                f"{', '.join(keyless)} can't be read without client_id and client_secret: give "
                "those of a script app (https://www.reddit.com/prefs/apps), or name dumps"
            )
        if not self.allow_private and not (
            self.reddit_url.startswith("https:") and self.oauth_url.startswith("https:")
        ):
            raise ValueError(
                "the secret would travel in clear: give reddit_url and oauth_url https"
            )
        return self

    def __bool__(self) -> bool:
        return self.client_id is not None and bool(self.channels)
