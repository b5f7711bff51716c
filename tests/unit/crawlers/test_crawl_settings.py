"""The crawlers' configuration: what it takes, and what it says about mistakes."""

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from crawlers.http import is_public
from crawlers.settings import CrawlSettings
from crawlers.sources.rss.settings import public_feeds

FEED = {"channel": "desk", "url": "https://example.com/rss"}
WIRE = {"channel": "wire", "url": "wss://example.com/"}


def test_defaults_crawl_nothing() -> None:
    settings = CrawlSettings()
    assert settings.rss.all_feeds == ()
    assert settings.newswire == ()


def test_bundled_feeds_are_read_when_wanted() -> None:
    settings = CrawlSettings.model_validate({"rss": {"feeds": [FEED], "public_feeds": True}})
    assert settings.rss.all_feeds[0].channel == "desk"
    assert settings.rss.all_feeds[1:] == public_feeds()
    assert len(public_feeds()) >= 12
    assert all(feed.url.startswith("https://") for feed in public_feeds())


def test_zones_are_found() -> None:
    settings = CrawlSettings.model_validate(
        {
            "rss": {"feeds": [{**FEED, "default_zone": "Asia/Seoul"}]},
            "newswire": [{**WIRE, "default_zone": ""}],
        }
    )
    assert settings.rss.feeds[0].zone == ZoneInfo("Asia/Seoul")
    assert settings.newswire[0].zone is None
    assert public_feeds()[0].zone is UTC


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rss": {"feeds": [{**FEED, "default_zone": "Mars/Base"}]}}, "IANA"),
        ({"rss": {"feeds": [{**FEED, "url": "file:///etc/passwd"}]}}, "url"),
        ({"rss": {"feeds": [FEED, FEED]}}, "give each channel its own name"),
        ({"newswire": [WIRE, WIRE]}, "give each its own"),
        ({"newswire": [{**WIRE, "url": "https://example.com"}]}, "url"),
        ({"newswire": [{**WIRE, "channel": "a b"}]}, "channel"),
        ({"rss": {"feed": []}}, "feed"),
    ],
)
def test_mistake_is_named(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        CrawlSettings.model_validate(settings)


def test_secrets_are_not_shown() -> None:
    settings = CrawlSettings.model_validate(
        {"newswire": [{**WIRE, "headers": {"X-Key": "very-secret"}, "query": {"k": "hidden-too"}}]}
    )
    assert "very-secret" not in repr(settings)
    assert "hidden-too" not in repr(settings)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("2606:4700::1111", True),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
    ],
)
def test_only_addresses_of_the_open_internet_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public
