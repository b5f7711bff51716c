"""Medium's posts have one id in every feed and on every page, and pages are read or refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.contracts.event import EventKind
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.sources.medium.archive import parse_archive
from crawlers.sources.medium.parse import parse, post_id_of
from crawlers.sources.medium.settings import MediumSettings

FEED = b"""<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>
<item><title>Title</title><link>https://medium.com/desk/a-title-0123456789ab?source=rss----9---4</link>
<guid isPermaLink="false">https://medium.com/p/0123456789ab</guid>
<pubDate>Tue, 02 Jan 2024 03:04:05 GMT</pubDate>
<atom:updated>2024-01-03T00:00:00.000Z</atom:updated></item>
<item><title>Elsewhere</title><guid>https://blog.example.com/another-title-ba9876543210</guid></item>
<item><title>Odd</title><guid>odd</guid></item></channel></rss>"""

BOX = """<div class="streamItem streamItem--postPreview js-streamItem">
<div class="postArticle" data-post-id="0123456789ab"><div class="postMetaInline">
<a data-action="show-user-card" href="https://medium.com/@jo"> Jo </a>
<a href="https://medium.com/desk/a-title-0123456789ab?source=collection_archive"><time
datetime="2020-03-14T15:09:26.535Z">Mar 14</time></a></div>
<h3 class="graf--title">A title</h3><h4 class="graf--subtitle">More of it</h4></div></div>"""


def test_posts_have_their_own_ids_and_updates_are_edits() -> None:
    edited, elsewhere, odd = parse(FEED).entries
    assert isinstance(edited, Item)
    assert (edited.native_id, edited.kind) == ("0123456789ab", EventKind.EDITED)
    assert edited.revision == 1_704_240_000
    assert isinstance(elsewhere, Item)
    assert elsewhere.native_id == "ba9876543210"
    assert odd.native_id == "odd"


@pytest.mark.parametrize(
    ("address", "post_id"),
    [
        ("https://medium.com/p/0123456789ab", "0123456789ab"),
        ("https://medium.com/@jo/a-title-0123456789ab?source=rss-1------2", "0123456789ab"),
        ("https://jo.medium.com/a-title-0123456789ab#7f", "0123456789ab"),
        ("https://medium.com/desk/0123456789ab/", "0123456789ab"),
        ("https://medium.com/desk/a-title", None),
        ("https://medium.com/desk?a=-0123456789ab0123456789", None),
        ("0123456789ab", None),
        ("", None),
    ],
)
def test_address_leads_to_a_post(address: str, post_id: str | None) -> None:
    assert post_id_of(address) == post_id


def test_archive_page_is_read() -> None:
    links = '<a href="/desk/archive/2020/04">April</a><a href="/desk/archive/2020">x</a>'
    page = parse_archive(f"{links}{BOX}{BOX}".encode())
    assert page.periods == ("2020", "2020/04")
    assert page.entries == (
        Item(
            native_id="0123456789ab",
            title="A title",
            text="More of it",
            author="Jo",
            url="https://medium.com/desk/a-title-0123456789ab?source=collection_archive",
            published="2020-03-14T15:09:26.535Z",
        ),
    )


def test_page_drawn_by_a_script_is_read_from_its_state() -> None:
    post = {"id": "0123456789ab", "title": "A title", "firstPublishedAt": 1_584_198_566_535}
    state = {
        "Post:0123456789ab": {
            **post,
            "latestPublishedAt": 1_584_198_600_000,
            "mediumUrl": "https://medium.com/desk/a-title-0123456789ab",
            "extendedPreviewContent": {"subtitle": "More of it"},
            "creator": {"__ref": "User:1"},
        },
        "Post:ba9876543210": {"id": "ba9876543210", "title": "only mentioned"},
        "Post:aaaaaaaaaaaa": {"id": "aaaaaaaaaaaa", "firstPublishedAt": 1_584_198_566_535},
        "User:1": {"name": "Jo"},
    }
    script = f"<script>window.__APOLLO_STATE__ = {json.dumps(state)}</script>"
    item, silent = parse_archive(script.encode()).entries
    assert isinstance(item, Item)
    assert (item.title, item.text, item.author) == ("A title", "More of it", "Jo")
    assert (item.kind, item.revision) == (EventKind.EDITED, 1_584_198_600)
    assert item.published == 1_584_198_566_535
    assert isinstance(silent, Refusal)
    assert silent.reason is RefusalReason.NO_TEXT


@pytest.mark.parametrize("page", ["", "<html>Just a moment...</html>", '{"error":"x"}', "\x00"])
def test_page_that_is_no_archive_is_refused(page: str) -> None:
    (refusal,) = parse_archive(page.encode()).entries
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.BAD_SHAPE


def test_archive_page_without_posts_is_empty() -> None:
    assert parse_archive(b'<div class="timebucket"></div>').entries == ()


@given(
    st.lists(
        st.sampled_from(
            ["<div class='postArticle'>", "</div>", "<a href='/p/0123456789ab'>", "<h3>", "text",
             "<time datetime='x'>", "<script>window.__APOLLO_STATE__ =", '{"Post:1":', "{}", "}",
             "</script>", '{"Post:1":{"id":[],"firstPublishedAt":-1}}', "\x00", "<!--", "&#xd800;"]
        )
    )
)  # fmt: skip
def test_any_page_is_read(parts: list[str]) -> None:
    page = parse_archive("".join(parts).encode())
    assert all(isinstance(entry, Item | Refusal) for entry in page.entries)


def test_names_are_addresses() -> None:
    settings = MediumSettings(
        publications=("desk", "blog.example.com"), users=("jo",), tags=("bitcoin",)
    )
    assert {feed.channel: feed.url for feed in settings.all_feeds} == {
        "desk": "https://medium.com/feed/desk",
        "blog.example.com": "https://blog.example.com/feed",
        "@jo": "https://medium.com/feed/@jo",
        "tag/bitcoin": "https://medium.com/feed/tag/bitcoin",
    }
    assert settings.home("tag/bitcoin") == "https://medium.com/tag/bitcoin"
    assert not MediumSettings()


@pytest.mark.parametrize(
    "mistake",
    [
        {"publications": ["a/b"]},
        {"users": ["@jo"]},
        {"tags": ["two words"]},
        {"tags": ["Coins", "coins"]},
        {"base_url": "medium.com"},
        {"interval_ms": 1_000, "longest_interval_ms": 10, "tags": ["coins"]},
    ],
)
def test_mistake_is_refused(mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MediumSettings.model_validate(mistake)
