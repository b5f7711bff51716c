import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.event import EventKind, OriginKind
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.sources.reddit.parse import (
    parse,
    read_line,
    read_listing,
    read_more,
    read_subreddits,
    read_thread,
)
from crawlers.sources.reddit.posts import Post
from tests.servers.reddit import Thing, body_of, comment, submission

CREATED = 1_790_000_000.0


def only(thing: Thing) -> Item:
    (entry,) = parse(body_of([thing]))
    assert isinstance(entry, Item)
    return entry


def refused(thing: Thing) -> Refusal:
    (entry,) = parse(body_of([thing]))
    assert isinstance(entry, Refusal)
    return entry


def test_text_submission_is_title_and_text_with_its_permalink() -> None:
    item = only(submission("t3_abc", "Exchange & friends", selftext="Read *this* &#x200B;first"))
    assert (item.native_id, item.kind, item.revision) == ("t3_abc", EventKind.PUBLISHED, 0)
    assert item.title == "Exchange & friends"
    assert item.text == "Read *this* \u200bfirst"
    assert (item.author, item.published) == ("satoshi", CREATED)
    assert item.url == "https://www.reddit.com/r/Bitcoin/comments/abc/slug/"
    assert item.origin is None


def test_link_submission_says_its_link_in_the_text() -> None:
    item = only(submission("t3_abc", "News", is_self=False, url="https://example.com/a?b=1"))
    assert item.text == "https://example.com/a?b=1"


def test_link_with_text_keeps_both() -> None:
    link = {"url_overridden_by_dest": "https://example.com/a", "url": "https://redirect.example/"}
    item = only(submission("t3_abc", "News", is_self=False, selftext="Why", **link))
    assert item.text == "Why\nhttps://example.com/a"


def test_edit_has_its_time_as_revision() -> None:
    item = only(submission("t3_abc", "News", edited=CREATED + 61.0))
    assert (item.kind, item.revision) == (EventKind.EDITED, 1_790_000_061)
    assert item.published == CREATED


def test_edit_of_unknown_time_is_an_edit() -> None:
    item = only(submission("t3_abc", "News", edited=True))
    assert (item.kind, item.revision) == (EventKind.EDITED, 1)


@pytest.mark.parametrize("by", ["moderator", "deleted", "automod_filtered", "reddit"])
def test_removed_submission_is_a_deletion(by: str) -> None:
    item = only(submission("t3_abc", "News", removed_by_category=by, selftext="[removed]"))
    assert item.kind is EventKind.DELETED
    assert (item.native_id, item.published, item.title, item.text) == (
        "t3_abc",
        CREATED,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("body", "author", "kind"),
    [
        ("[deleted]", "[deleted]", EventKind.DELETED),
        ("[removed]", "[deleted]", EventKind.DELETED),
        ("[ Removed by Reddit ]", "hal", EventKind.DELETED),
        ("[removed]", "hal", EventKind.PUBLISHED),  # somebody's joke
        ("still here", "[deleted]", EventKind.PUBLISHED),  # the account is gone, the text is not
    ],
)
def test_comment_is_deleted_where_mark_and_author_say_so(
    body: str, author: str, kind: EventKind
) -> None:
    assert only(comment("t1_x", body, "t3_abc", author=author)).kind is kind


def test_author_of_a_deleted_account_is_unknown() -> None:
    assert only(comment("t1_x", "still here", "t3_abc", author="[deleted]")).author is None


def test_crosspost_tells_the_original() -> None:
    original = submission(
        "t3_old", "Original", subreddit="btc", author="nick", created_utc=CREATED - 500
    )["data"]
    item = only(
        submission(
            "t3_new",
            "Look at this",
            is_self=False,
            url="/r/btc/comments/old/slug/",
            crosspost_parent="t3_old",
            crosspost_parent_list=[original],
        )
    )
    assert item.text is None
    origin = item.origin
    assert origin is not None
    assert origin.kind is OriginKind.CROSSPOST
    assert (origin.native_id, origin.author, origin.published) == ("t3_old", "nick", CREATED - 500)
    assert origin.url == "https://www.reddit.com/r/btc/comments/old/slug/"
    assert origin.text == "Original"


def test_crosspost_of_what_is_gone_keeps_its_name() -> None:
    item = only(submission("t3_new", "Look", crosspost_parent="t3_old", crosspost_parent_list=[]))
    assert item.origin is not None
    assert (item.origin.kind, item.origin.native_id) == (OriginKind.CROSSPOST, "t3_old")
    assert item.origin.url == "https://www.reddit.com/comments/old/"


def test_comment_on_a_submission_answers_it() -> None:
    item = only(comment("t1_x", "Indeed", "t3_abc"))
    assert (item.title, item.text, item.author) == (None, "Indeed", "hal")
    origin = item.origin
    assert origin is not None
    assert (origin.kind, origin.native_id) == (OriginKind.REPLY, "t3_abc")
    assert (origin.author, origin.text) == ("satoshi", "title of the thread")
    assert origin.url == "https://www.reddit.com/r/Bitcoin/comments/abc/"


def test_comment_on_a_comment_answers_that() -> None:
    origin = only(comment("t1_y", "No", "t3_abc", parent_id="t1_x")).origin
    assert origin is not None
    assert (origin.native_id, origin.author, origin.text) == ("t1_x", None, None)
    assert origin.url == "https://www.reddit.com/r/Bitcoin/comments/abc/_/x/"


def test_comment_without_a_permalink_gets_one() -> None:
    item = only(comment("t1_x", "Indeed", "t3_abc", permalink=None))
    assert item.url == "https://www.reddit.com/r/Bitcoin/comments/abc/_/x/"


def test_post_without_id_is_refused() -> None:
    assert refused(submission("t3_abc", "News", name=None, id=7)).reason is RefusalReason.NO_ID


@pytest.mark.parametrize("created", ["yesterday", [1], True, 1e300])
def test_post_with_a_strange_time_is_refused(created: object) -> None:
    refusal = refused(submission("t3_abc", "News", created_utc=created))
    assert (refusal.reason, refusal.native_id) == (RefusalReason.BAD_TIME, "t3_abc")


def test_listing_keeps_order_next_page_and_what_is_no_post() -> None:
    listing = read_listing(
        {
            "kind": "Listing",
            "data": {
                "after": "t3_a",
                "children": [submission("t3_b", "B", stickied=True), {"kind": "t5", "data": {}}, 7],
            },
        }
    )
    assert not isinstance(listing, Refusal)
    assert [post.fullname for post in listing.posts] == ["t3_b"]
    assert listing.posts[0].stickied
    assert listing.after == "t3_a"
    assert len(listing.refusals) == 2


def test_thread_is_flattened_and_what_was_left_out_is_named() -> None:
    deep = {"kind": "more", "data": {"id": "_", "children": [], "parent_id": "t1_y"}}
    more = {"kind": "more", "data": {"id": "p", "children": ["p", "q"], "parent_id": "t3_abc"}}
    inner = comment("t1_y", "2", "t3_abc", parent_id="t1_x", replies=json.loads(body_of([deep])))
    outer = comment("t1_x", "1", "t3_abc", replies=json.loads(body_of([inner])))
    thread = [json.loads(body_of([submission("t3_abc", "T")])), json.loads(body_of([outer, more]))]
    listing = read_thread(thread)
    assert not isinstance(listing, Refusal)
    assert [post.fullname for post in listing.posts] == ["t3_abc", "t1_x", "t1_y"]
    assert (listing.more, listing.deeper) == (("p", "q"), ("y",))
    assert len(parse(json.dumps(thread).encode())) == 3


def test_more_comments_are_read() -> None:
    things = [comment("t1_x", "1", "t3_abc")]
    answer = {"json": {"errors": [], "data": {"things": things}}}
    listing = read_more(answer)
    assert not isinstance(listing, Refusal)
    assert [post.fullname for post in listing.posts] == ["t1_x"]
    assert len(parse(json.dumps(answer).encode())) == 1


def test_very_deep_thread_is_read_without_recursion() -> None:
    replies: Any = ""
    for number in range(400):
        thing = comment(f"t1_{number}", "1", "t3_abc", replies=replies)
        replies = {"kind": "Listing", "data": {"children": [thing]}}
    listing = read_listing(replies)
    assert not isinstance(listing, Refusal)
    assert len(listing.posts) == 400


def test_subreddits_say_how_they_may_be_read() -> None:
    def about(name: str, kind: str, *, quarantine: bool = False) -> Thing:
        data = {"display_name": name, "subreddit_type": kind, "quarantine": quarantine}
        return {"kind": "t5", "data": data}

    things = [about("A", "public"), about("b", "private"), about("c", "public", quarantine=True)]
    told = read_subreddits(json.loads(body_of(things)))
    assert told == {"a": "public", "b": "private", "c": "quarantined"}


def test_line_of_a_dump_is_the_post_that_live_gives() -> None:
    live = only(submission("t3_abc", "A & B", selftext="x &gt; y &amp; z"))
    data = submission("t3_abc", "A &amp; B", selftext="x &amp;gt; y &amp;amp; z")["data"]
    read = read_line(json.dumps(data).encode())
    assert isinstance(read, Post)
    assert read.entry == live


def test_old_line_of_a_dump_has_no_name_and_its_time_in_quotes() -> None:
    line = b'{"id":"c02","body":"hi","author":"a","subreddit":"Btc","link_id":"t3_5",'
    read = read_line(line + b'"parent_id":"t3_5","created_utc":"1388534400","edited":false}')
    assert isinstance(read, Post)
    assert (read.fullname, read.subreddit, read.thread) == ("t1_c02", "btc", "t3_5")
    assert read.created_s == 1_388_534_400


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 5_000, b"\xff", b'{"a":' * 3_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    (entry,) = parse(body)
    assert isinstance(entry, Refusal)
    assert entry.reason is RefusalReason.BAD_JSON


@pytest.mark.parametrize(
    "body", [b"{}", b"7", b'{"data":{"children":7}}', b"[{},{}]", b'{"json":1}']
)
def test_json_of_another_shape_is_refused(body: bytes) -> None:
    (entry,) = parse(body)
    assert isinstance(entry, Refusal)
    assert entry.reason is RefusalReason.BAD_SHAPE


FIELDS = st.sampled_from(
    [
        "kind",
        "data",
        "children",
        "name",
        "id",
        "title",
        "selftext",
        "body",
        "url",
        "permalink",
        "created_utc",
        "edited",
        "author",
        "subreddit",
        "link_id",
        "parent_id",
        "replies",
        "more",
        "crosspost_parent",
        "crosspost_parent_list",
        "json",
        "things",
        "removed_by_category",
        "stickied",
        "is_self",
        "after",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner, max_size=6),
    max_leaves=12,
)


@given(kind=st.sampled_from(["t1", "t3", "more", "x"]), data=st.dictionaries(FIELDS, JSON))
def test_nothing_a_server_may_send_raises(kind: str, data: dict[str, Any]) -> None:
    body = json.dumps({"kind": "Listing", "data": {"children": [{"kind": kind, "data": data}]}})
    assert all(isinstance(entry, Item | Refusal) for entry in parse(body.encode()))
    assert isinstance(read_line(json.dumps(data).encode()), Post | Refusal)
