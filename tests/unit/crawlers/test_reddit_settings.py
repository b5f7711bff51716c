import json
from typing import Any

import pytest
from pydantic import ValidationError

from crawlers.sources.reddit.settings import ChannelSettings, RedditSettings

KEYS = {"client_id": "an id", "client_secret": "a secret"}


def read(**settings: Any) -> RedditSettings:  # noqa: ANN401
    return RedditSettings.model_validate_json(json.dumps(settings), strict=True)


def channel(**settings: Any) -> ChannelSettings:  # noqa: ANN401
    return ChannelSettings.model_validate({"channel": "c", "subreddit": "Bitcoin", **settings})


def test_nothing_configured_follows_nothing() -> None:
    assert not RedditSettings()
    assert not read(**KEYS)
    assert read(**KEYS, channels=[{"channel": "c", "subreddit": "Bitcoin"}])


def test_dumps_need_no_keys_and_are_not_followed() -> None:
    assert not read(channels=[{"channel": "c", "subreddit": "Bitcoin", "dumps": ["RS.zst"]}])


def test_channel_without_keys_or_dumps_says_what_is_missing() -> None:
    with pytest.raises(ValidationError, match="client_id and client_secret"):
        read(channels=[{"channel": "c", "subreddit": "Bitcoin"}])


def test_half_a_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="belong together"):
        read(client_id="an id")


def test_two_channels_of_one_name_are_refused() -> None:
    one = {"channel": "c", "subreddit": "Bitcoin"}
    with pytest.raises(ValidationError, match="two channels are named c"):
        read(**KEYS, channels=[one, one])


def test_secret_is_not_sent_in_clear() -> None:
    with pytest.raises(ValidationError, match="https"):
        read(**KEYS, reddit_url="http://www.reddit.com")


def test_secrets_are_not_shown() -> None:
    assert "a secret" not in repr(read(**KEYS))


@pytest.mark.parametrize("name", ["Bitcoin", "r/Bitcoin", "/r/Bitcoin"])
def test_subreddit_is_named_with_or_without_its_prefix(name: str) -> None:
    assert channel(subreddit=name).listing == "r/Bitcoin/new"
    assert channel(subreddit=name, posts="comments").listing == "r/Bitcoin/comments"


@pytest.mark.parametrize(
    "thread",
    [
        "1abc2d",
        "/r/Bitcoin/comments/1abc2d/daily/",
        "https://www.reddit.com/r/Bitcoin/comments/1abc2d/daily/?sort=new",
        "https://old.reddit.com/comments/1abc2d",
    ],
)
def test_thread_is_given_by_id_or_address(thread: str) -> None:
    assert channel(thread=thread).thread == "1abc2d"
    assert channel(thread=thread).listing == "r/Bitcoin/comments"


def test_thread_that_is_no_thread_is_refused() -> None:
    with pytest.raises(ValidationError, match="/comments/"):
        channel(thread="https://www.reddit.com/r/Bitcoin/")


@pytest.mark.parametrize("name", ["a+b", "../api", "a/b", "", "x" * 30])
def test_subreddit_that_is_more_than_a_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        channel(subreddit=name)
