"""Bulk stories are distinct: each gives one signal, on every run the same."""

import pytest

from console.demo.bulk import BulkAsset, bulk_outlets, bulk_posts, most_stories
from console.demo.posts import Form
from core.contracts.event import Event
from core.contracts.signal import Signal
from core.contracts.story import Story
from signals.pipeline import Context, Limits, decide
from signals.reader import Reader

NOW_NS = 1_790_000_000_000_000_000
ASSETS = tuple(
    BulkAsset(code, name)
    for code, name in (
        *(("BTC", "Bitcoin"), ("ETH", "Ethereum"), ("XRP", "XRP"), ("ADA", "Cardano")),
        *(("DOGE", "Dogecoin"), ("IOTA", "IOTA"), ("NEAR", "NEAR Protocol"), ("LINK", "Chainlink")),
        *(("XTZ", "Tezos"), ("SUI", "Sui"), ("INJ", "Injective"), ("AAVE", "Aave")),
    )
)


def test_every_bulk_story_gives_one_signal_of_its_own() -> None:
    reader, limits = Reader(), Limits()
    stories: dict[str, tuple[Story, ...]] = {}
    signals = set()
    count = most_stories(ASSETS)
    for post in bulk_posts(count, ASSETS, 0):
        event = Event(
            id=post.id,
            source="newswire",
            channel=post.outlet,
            native_id=post.id,
            title=post.title,
            published_ns=NOW_NS,
            received_ns=NOW_NS,
        )
        (key,) = reader.keys_for(event)
        decision = decide(event, key, Context(NOW_NS, reader, stories.get(key, ()), limits))
        assert isinstance(decision.outcome, Signal), (post.title, decision.outcome)
        stories[key] = decision.stories or ()
        signals.add(decision.outcome.id)
    assert count > 800
    assert len(signals) == count


def test_equal_arguments_give_equal_posts() -> None:
    assert list(bulk_posts(50, ASSETS, 3)) == list(bulk_posts(50, ASSETS, 3))


def test_every_second_post_is_on_a_feed_in_turns() -> None:
    outlets = [post.outlet for post in bulk_posts(8, ASSETS, 2)]
    wire, one, two = "bulk-wire", "bulk-feed-1", "bulk-feed-2"
    assert outlets == [wire, one, wire, two, wire, one, wire, two]
    assert [outlet.form for outlet in bulk_outlets(2)] == [Form.WIRE, Form.RSS, Form.ATOM]


def test_more_stories_than_the_assets_are_good_for_are_refused() -> None:
    with pytest.raises(ValueError, match="12 assets are good for 876 stories, not 5000"):
        list(bulk_posts(5_000, ASSETS, 0))
