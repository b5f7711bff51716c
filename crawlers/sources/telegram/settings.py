"""What is configured for Telegram: an account's session, and which channels and groups to read."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from core.runtime.settings import Millis, Secret, Section

LOGIN_STEPS = (
    "1. get an api_id and api_hash at https://my.telegram.org, 2. run "
    "`python -m crawlers.sources.telegram.login --api-id API_ID --session FILE` and enter the code "
    "that Telegram sends, 3. set session = FILE in [crawl.telegram]"
)

_CHANNEL_MARK = 1_000_000_000_000  # clients show channel 1234567890 as -1001234567890


class ChannelSettings(Section):
    """One channel or group, found by its number: titles and names can be taken by others.

    Attributes:
        channel: our name for it; part of each event's identity, so keep it.
        id: its number as clients show it: -100... for channels and supergroups, another negative
            number for small groups; a positive number is a channel's.
        username: the public name, where it has one: finds the channel when the account has not
            joined it, and makes its posts' addresses. Refused when it leads to another number.
    """

    channel: Annotated[str, Field(pattern=r"^[\w.:/@-]{1,100}$")]
    id: Annotated[int, Field(ge=-(1 << 52), le=1 << 52)]
    username: Annotated[str, Field(pattern=r"^[A-Za-z]\w{3,31}$")] | None = None

    @model_validator(mode="after")
    def _id_is_one(self) -> Self:
        if self.bare_id == 0:
            raise ValueError("id 0 is no channel: take the number that clients show, -100...")
        return self

    @property
    def is_small_group(self) -> bool:
        """Whether it is a group that is no supergroup: its messages count with the account's."""
        return -_CHANNEL_MARK < self.id < 0

    @property
    def bare_id(self) -> int:
        """The number without its mark, as the protocol has it."""
        return -self.id - _CHANNEL_MARK if self.id <= -_CHANNEL_MARK else abs(self.id)

    @property
    def marked_id(self) -> int:
        """The number with its mark, as clients show it."""
        return -self.bare_id if self.is_small_group else -_CHANNEL_MARK - self.bare_id


class TelegramSettings(Section):
    """One account that reads channels and groups.

    Attributes:
        channels: which ones.
        api_id: of the application, from https://my.telegram.org.
        api_hash: its secret.
        session: the file that the login command wrote; it is only read.
        session_string: instead of the file, telethon's `StringSession`.
        connect_to: `host:port` instead of the session's data centre; for tests.
        timeout_ms: for connecting, and for one request.
        check_interval_ms: how often each channel is asked for what was not sent by itself; also the
            delay of channels that the account has not joined.
        album_window_ms: how long the parts of an album are waited for, after the last one.
    """

    channels: tuple[ChannelSettings, ...] = ()
    api_id: Annotated[int, Field(ge=0)] = 0
    api_hash: Secret | None = None
    session: str | None = None
    session_string: Secret | None = None
    connect_to: Annotated[str, Field(pattern=r"^[\w.-]+:\d{1,5}$")] | None = None
    timeout_ms: Millis = 10_000
    check_interval_ms: Millis = 300_000
    album_window_ms: Millis = 400

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.channels:
            return self
        for what, values in (
            ("name", [one.channel for one in self.channels]),
            ("id", [str(one.marked_id) for one in self.channels]),
        ):
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"two telegram channels have the {what} {', '.join(twice)}")
        if not self.api_id or self.api_hash is None:
            raise ValueError(f"telegram needs api_id and api_hash: {LOGIN_STEPS}")
        if (self.session is None) == (self.session_string is None):
            raise ValueError(f"telegram needs either session or session_string: {LOGIN_STEPS}")
        return self

    def __bool__(self) -> bool:
        return bool(self.channels)
