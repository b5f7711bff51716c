"""JSON Feed comes in by the same door as XML, and gives items or named refusals."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.event import EventKind
from crawlers.item import Item, RefusalReason, TextFormat
from crawlers.normalise import Limits, normalise
from crawlers.sources.rss.parse import parse
from tests.unit.crawlers.doubles import NOW_NS

VERSION = "https://jsonfeed.org/version/1.1"


def feed(*items: Any, **more: Any) -> bytes:  # noqa: ANN401 - whatever a server sends
    return json.dumps({"version": VERSION, "items": items, **more}).encode()


def test_item_is_read_with_its_feeds_author_and_language() -> None:
    document = feed(
        {
            "id": "7",
            "title": "A < B",
            "url": "https://example.com/7",
            "content_html": "<p>Body</p>",
            "content_text": "Body",
            "date_published": "2024-01-02T03:04:05Z",
        },
        language="en",
        authors=[{"name": "Jo"}, {"name": "Ann"}, {}, "x"],
    )
    assert parse(document, "application/feed+json").entries == (
        Item(
            native_id="7",
            title="A < B",
            text="<p>Body</p>",
            text_format=TextFormat.HTML,
            url="https://example.com/7",
            author="Jo, Ann",
            published="2024-01-02T03:04:05Z",
            language="en",
        ),
    )


def test_version_one_has_one_author() -> None:
    document = feed(
        {"id": 7, "summary": "short", "author": {"name": "Jo"}},
        version="https://jsonfeed.org/version/1",
    )
    (item,) = parse(document).entries
    assert isinstance(item, Item)
    assert (item.native_id, item.text, item.author) == ("7", "short", "Jo")
    assert item.text_format is TextFormat.PLAIN


def test_change_is_an_edit_and_dates_what_has_no_other_date() -> None:
    changed = {"title": "t", "date_modified": "2024-01-03T00:00:00Z"}
    document = parse(
        feed(
            {"id": "1", "date_published": "2024-01-02T00:00:00Z", **changed}, {"id": "2"} | changed
        )
    )
    edited, dated = document.entries
    assert isinstance(edited, Item)
    assert (edited.kind, edited.revision) == (EventKind.EDITED, 1_704_240_000)
    assert isinstance(dated, Item)
    assert (dated.kind, dated.published) == (EventKind.PUBLISHED, "2024-01-03T00:00:00Z")
    assert document.dated_by_update == {"2"}


def test_next_page_is_found() -> None:
    url = "https://example.com/feed.json?page=2"
    assert parse(feed({"id": "1", "title": "t"}, next_url=url)).older_url == url


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_no_obstacle(encoding: str) -> None:
    (item,) = parse(feed({"id": "1", "title": "t"}).decode().encode(encoding)).entries
    assert isinstance(item, Item)
    assert item.title == "t"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"{", RefusalReason.BAD_JSON),
        (b'{"version": "' + VERSION.encode() + b'", "items": [{"id"', RefusalReason.BAD_JSON),
        (b"{" * 100_000, RefusalReason.BAD_JSON),
        (b'{"error": "not found"}', RefusalReason.NOT_A_FEED),
        (b'{"version": 1, "items": []}', RefusalReason.NOT_A_FEED),
        (b'{"version": "' + VERSION.encode() + b'"}', RefusalReason.BAD_SHAPE),
        (feed(), RefusalReason.EMPTY_FEED),
        (feed("x"), RefusalReason.BAD_SHAPE),
        (feed({"id": "1", "title": " "}), RefusalReason.NO_TEXT),
    ],
)
def test_what_is_no_item_is_refused_by_name(document: bytes, reason: RefusalReason) -> None:
    (refusal,) = parse(document).entries
    assert not isinstance(refusal, Item)
    assert refusal.reason is reason


KEYS = ("id", "title", "url", "content_html", "summary", "date_published", "authors")


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(KEYS),
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([{}]),
        )
    )
)
def test_any_items_are_read(items: list[dict[str, Any]]) -> None:
    for entry in parse(feed(*items)).entries:
        if isinstance(entry, Item):
            normalise(entry, source="rss", channel="x", received_ns=NOW_NS, limits=Limits())
