"""Answers that Reddit really gave, served again: every post in them is an event, and right."""

import json
from collections import deque
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from random import Random
from typing import Any

import pytest

from core.contracts.errors import Rejected
from core.contracts.event import Event, EventKind
from core.runtime.clock import SystemClock
from crawlers.item import Item, TextFormat
from crawlers.normalise import normalise
from crawlers.service import open_histories
from crawlers.settings import CrawlSettings
from crawlers.sources.reddit.parse import parse
from crawlers.text import clean
from crawlers.urls import canonical
from tests.integration.crawl_runs import crawling
from tests.integration.test_reddit_history import read_into
from tests.servers.reddit import RedditServer
from tests.unit.crawlers.doubles import NOW_NS, MemoryCursorStore

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT.parent / "shared" / "data" / "api" / "praw"
CASSETTES = (
    "TestListingGenerator.test_exhaust_items",
    "TestSubredditListings.test_hot",
    "TestSubredditListings.test_new",
    "TestSubredditStreams.test_comments",
    "TestSubredditStreams.test_submissions",
)

pytestmark = [
    pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded answers in {RECORDED}"),
]


def answers(cassette: str) -> list[bytes]:
    """Give the listings of a recording, in its order."""
    recorded = json.loads((RECORDED / f"{cassette}.json").read_text())
    bodies = [one["response"]["body"]["string"] for one in recorded["interactions"]]
    return [body.encode() for body in bodies if '"Listing"' in body[:100]]


def posts_in(bodies: list[bytes]) -> dict[str, dict[str, Any]]:
    """Give every post's fields by its name, as the last answer that holds it tells them."""
    children = [child for body in bodies for child in json.loads(body)["data"]["children"]]
    return {child["data"]["name"]: child["data"] for child in children}


def check(event: Event, data: dict[str, Any]) -> None:
    """Compare an event with what Reddit wrote, read in another way than the parser's."""
    plain = data["id"]
    if data["name"].startswith("t3_"):
        text = data["selftext"] if data["is_self"] else data["url"]
        assert event.title == clean(data["title"], TextFormat.PLAIN, 1_000)[0]
        assert event.origin is None
        path = data["permalink"]
    else:
        text = data["body"]
        assert event.title is None
        assert event.origin is not None
        assert event.origin.native_id == data["parent_id"]
        path = f"/r/{data['subreddit']}/comments/{data['link_id'][3:]}/_/{plain}/"
    assert event.text == clean(unescape(text), TextFormat.PLAIN, 50_000)[0]
    assert event.author == data["author"]
    assert event.published_ns == int(data["created_utc"]) * 10**9
    assert event.url == canonical(f"https://www.reddit.com{path}")
    edited = data["edited"]
    assert event.kind is (EventKind.EDITED if edited else EventKind.PUBLISHED)
    assert event.revision == int(edited)


@pytest.fixture
async def server() -> AsyncIterator[RedditServer]:
    running = RedditServer()
    await running.start()
    yield running
    await running.stop()


@pytest.mark.parametrize("cassette", CASSETTES)
def test_every_recorded_post_is_read_right(cassette: str) -> None:
    for body in answers(cassette):
        recorded = posts_in([body])
        entries = parse(body)
        assert len(entries) == len(json.loads(body)["data"]["children"])
        for entry in entries:
            assert isinstance(entry, Item)
            limits = CrawlSettings().limits()
            event = normalise(
                entry, source="reddit", channel="c", received_ns=NOW_NS, limits=limits
            )
            assert isinstance(event, Event)
            check(event, recorded[event.native_id])


@pytest.mark.parametrize(
    ("cassette", "channel", "path"),
    [
        (CASSETTES[2], {"subreddit": "AskReddit"}, "r/AskReddit/new"),
        (CASSETTES[3], {"subreddit": "all", "posts": "comments"}, "r/all/comments"),
        (CASSETTES[4], {"subreddit": "all"}, "r/all/new"),
    ],
)
async def test_recorded_polls_become_each_post_once(
    server: RedditServer, cassette: str, channel: dict[str, str], path: str
) -> None:
    bodies = answers(cassette)
    expected = posts_in(bodies)
    server.recorded[path] = deque(bodies)
    settings = {**server.settings, "channels": [{"channel": "c", **channel}], "recheck_posts": 0}
    async with crawling({"reddit": settings}, MemoryCursorStore()) as run:
        await run.until_events(len(expected))
        await server.until(lambda: not server.recorded[path])
        await server.until_polled()
    assert len({event.id for event in run.events}) == len(run.events)
    assert {event.native_id for event in run.events} == expected.keys()
    for event in run.events:
        check(event, expected[event.native_id])


async def test_recorded_thousand_is_read_back_page_by_page(server: RedditServer) -> None:
    bodies = answers(CASSETTES[0])
    expected = {name: data for name, data in posts_in(bodies).items() if name.startswith("t1_")}
    server.recorded["r/all/comments"] = deque(bodies)
    channel = {"channel": "c", "subreddit": "all", "posts": "comments"}
    crawl = CrawlSettings.model_validate({"reddit": {**server.settings, "channels": [channel]}})
    seen: set[str] = set()
    async with open_histories(crawl, "reddit", clock=SystemClock(), jitter=Random(1)) as histories:
        (history,) = histories
        with pytest.raises(Rejected, match="goes back to 2005"):  # longer ago than it lists
            await read_into(seen, history)
    assert seen == expected.keys()
