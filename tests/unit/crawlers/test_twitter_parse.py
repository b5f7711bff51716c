"""What a post on X becomes, whichever way it was read, and what X may send instead of one."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.event import Event, EventKind, OriginKind
from crawlers.item import Item, ItemOrigin, Refusal
from crawlers.normalise import Limits, normalise
from crawlers.sources.twitter.answers import (
    Rule,
    parse_count,
    parse_problem,
    parse_refused_rules,
    parse_rules,
    parse_users,
)
from crawlers.sources.twitter.parse import Answer, id_at, parse, time_of
from tests.servers.twitter import Post, answer, author_id, snowflake
from tests.unit.crawlers.doubles import NOW_NS

RECORDED = Path(__file__).resolve().parents[4] / "shared/data/api/tweepy"
AT = datetime(2024, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
AT_MS = 1_709_294_400_123


def read(*posts: Post) -> Answer:
    return parse(json.dumps(answer(*posts)).encode())


def item(post: Post) -> Item:
    (found,) = read(post).found
    assert isinstance(found.entry, Item)
    return found.entry


def origin(post: Post) -> ItemOrigin:
    found = item(post).origin
    assert found is not None
    return found


def refers(kind: str, post_id: str) -> dict[str, Any]:
    return {"referenced_tweets": [{"type": kind, "id": post_id}]}


def post(text: str = "coin", number: int = 0, **more: Any) -> Post:  # noqa: ANN401 - any field
    return Post(snowflake(AT, number), text, published=AT, **more)


def test_post_has_author_address_language_and_the_millisecond_of_its_id() -> None:
    found = item(post("Coin lists", author="Desk"))
    assert (found.text, found.author, found.language) == ("Coin lists", "Desk", "en")
    assert found.url == f"https://x.com/Desk/status/{snowflake(AT)}"
    assert found.published == AT_MS
    assert (found.kind, found.revision) == (EventKind.PUBLISHED, 0)


def test_written_time_goes_before_an_id_that_says_another() -> None:
    found = item(Post(snowflake(AT), published=datetime(2025, 1, 1, tzinfo=UTC)))
    assert found.published == "2025-01-01T00:00:00.000Z"


def test_id_from_before_snowflake_tells_no_time() -> None:
    assert item(Post("20")).published is None
    assert time_of("20") is time_of("not a number") is time_of("9" * 30) is None


def test_lowest_id_of_a_time_is_of_that_time() -> None:
    assert time_of(str(id_at(AT_MS))) == AT_MS
    assert time_of(str(id_at(AT_MS) - 1)) == AT_MS - 1


def test_long_post_gives_its_whole_text_with_its_own_links() -> None:
    note = {
        "text": "long " * 100 + "https://t.co/2",
        "entities": {"urls": [{"url": "https://t.co/2", "expanded_url": "https://a.example/2"}]},
    }
    found = item(post("long...", extra={"note_tweet": note}))
    assert found.text == "long " * 100 + "https://a.example/2"


def test_short_links_are_expanded_as_far_as_x_unwound_them() -> None:
    urls = [
        {"url": "https://t.co/1", "expanded_url": "https://bit.example/1"},
        {
            "url": "https://t.co/2",
            "expanded_url": "https://bit.example/2",
            "unwound_url": "https://news.example/two",
        },
        {"url": "https://t.co/3"},
    ]
    text = "a https://t.co/1 b https://t.co/2 c https://t.co/3"
    found = item(post(text, extra={"entities": {"urls": urls}}))
    assert found.text == "a https://bit.example/1 b https://news.example/two c https://t.co/3"


def test_escaped_characters_are_what_was_typed() -> None:
    assert item(post("<b> & &lt; A&B")).text == "<b> & &lt; A&B"


def test_repost_says_all_of_the_original_and_when_and_by_whom_it_was() -> None:
    original = Post(snowflake(AT, 1), "all of it " * 20, "exchange", AT)
    found = item(
        post("RT @exchange: all of...", 2, extra=refers("retweeted", original.id))._replace(
            included=(original,)
        )
    )
    assert found.text == original.text
    assert found.origin == ItemOrigin(
        kind=OriginKind.REPOST,
        author="exchange",
        native_id=original.id,
        url=f"https://x.com/exchange/status/{original.id}",
        published=AT_MS,
    )


def test_repost_of_a_long_post_says_all_of_it() -> None:
    original = Post(snowflake(AT, 1), "short", extra={"note_tweet": {"text": "the long one"}})
    repost = post("RT @somebody: short", 2, extra=refers("retweeted", original.id))
    assert item(repost._replace(included=(original,))).text == "the long one"


def test_repost_of_what_is_not_included_still_names_author_and_time() -> None:
    found = item(post("RT @exchange: lists Co…", 2, extra=refers("retweeted", snowflake(AT, 1))))
    assert found.text == "lists Co…"
    assert found.origin is not None
    assert (found.origin.author, found.origin.published) == ("exchange", AT_MS)


def test_quote_keeps_its_own_text_and_the_quoted_one() -> None:
    quoted = Post(snowflake(AT, 1), "we list A&B", "exchange", AT)
    found = item(post("big", 2, extra=refers("quoted", quoted.id))._replace(included=(quoted,)))
    assert found.text == "big"
    assert found.origin is not None
    assert (found.origin.kind, found.origin.text) == (OriginKind.QUOTE, "we list A&B")
    assert (found.origin.author, found.origin.published) == ("exchange", AT_MS)


def test_reply_names_whom_it_answers() -> None:
    reply = post("no", 2, reply_to="exchange", extra=refers("replied_to", snowflake(AT, 1)))
    found = origin(reply)
    assert (found.kind, found.author) == (OriginKind.REPLY, "exchange")
    assert read(reply).found[0].answered == "exchange"


def test_quote_within_a_reply_is_a_quote() -> None:
    both = {
        "referenced_tweets": [
            {"type": "replied_to", "id": "1"},
            {"type": "quoted", "id": snowflake(AT, 1)},
        ]
    }
    assert origin(post(extra=both)).kind is OriginKind.QUOTE


def test_edit_is_a_revision_of_the_first_version_with_its_time() -> None:
    first, second = snowflake(AT), snowflake(datetime(2024, 3, 1, 12, 20, tzinfo=UTC))
    edited = Post(
        second,
        "now right",
        published=datetime(2024, 3, 1, 12, 20, tzinfo=UTC),
        extra={"edit_history_tweet_ids": [first, second]},
    )
    found = item(edited)
    assert (found.native_id, found.revision, found.kind) == (first, 1, EventKind.EDITED)
    assert found.published == AT_MS
    assert found.url == f"https://x.com/somebody/status/{second}"


def test_post_withheld_for_copyright_is_withdrawn_and_one_withheld_by_country_is_not() -> None:
    gone = item(post("notice", extra={"withheld": {"copyright": True, "country_codes": ["XX"]}}))
    assert (gone.kind, gone.text) == (EventKind.DELETED, None)
    assert item(post("news", extra={"withheld": {"country_codes": ["DE"]}})).text == "news"


@pytest.mark.parametrize(("said", "language"), [("und", None), ("iw", "he"), ("pt", "pt")])
def test_language_is_a_tag_or_nothing(said: str, language: str | None) -> None:
    assert item(post(extra={"lang": said})).language == language


def test_problems_beside_posts_leave_the_posts() -> None:
    body = answer(post()) | {"errors": [{"detail": "Could not find tweet with id: [7]."}]}
    found = parse(json.dumps(body).encode())
    assert len(found.found) == 1
    assert found.problems == ("Could not find tweet with id: [7].",)
    assert not found.disconnects


@pytest.mark.parametrize(
    "line",
    [
        {"errors": [{"title": "operational-disconnect", "disconnect_type": "UpstreamOperational"}]},
        {"title": "ConnectionException", "detail": "x", "connection_issue": "TooManyConnections"},
    ],
)
def test_word_that_the_stream_ends_is_heard(line: dict[str, Any]) -> None:
    assert parse(json.dumps(line).encode()).disconnects


def test_matching_rules_are_told() -> None:
    body = answer(post()) | {"matching_rules": [{"id": "7", "tag": "tidings/accounts"}, {"id": 8}]}
    assert parse(json.dumps(body).encode()).rules == (("7", "tidings/accounts"), ("8", ""))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "bad_json"),
        (b'{"data":{"id":"15', "bad_json"),
        (b'{"data":' + b"[" * 100_000, "bad_json"),
        (b"\xff\xfe", "bad_json"),
        (b"[]", "bad_shape"),
        (b'"text"', "bad_shape"),
    ],
)
def test_answer_that_is_none_is_a_named_refusal(body: bytes, reason: str) -> None:
    broken = parse(body).broken
    assert broken is not None
    assert broken.reason == reason


def test_bad_post_leaves_the_others_of_its_page() -> None:
    body = {"data": [5, {"text": "no id"}, {"id": 7}, {"id": "8", "text": "good"}]}
    entries = [one.entry for one in parse(json.dumps(body).encode()).found]
    reasons = [one.reason if isinstance(one, Refusal) else "item" for one in entries]
    assert reasons == ["bad_shape", "no_id", "bad_shape", "item"]


NAMES = [
    *("data", "includes", "users", "tweets", "errors", "meta", "matching_rules", "tag", "type"),
    *("id", "text", "entities", "urls", "url", "expanded_url", "note_tweet", "created_at"),
    *("referenced_tweets", "edit_history_tweet_ids", "username", "author_id"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(JSON)
def test_any_json_is_read_without_an_error(body: Any) -> None:  # noqa: ANN401 - any JSON
    written = json.dumps(body).encode()
    for one in parse(written).found:
        if isinstance(one.entry, Item):
            normalise(one.entry, source="twitter", channel="c", received_ns=NOW_NS, limits=Limits())
    for read_other in (parse_users, parse_rules, parse_refused_rules, parse_count, parse_problem):
        read_other(written)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(body: bytes) -> None:
    parse(body)
    parse_problem(body)


def test_answers_without_posts_are_read() -> None:
    users = json.dumps({"data": [{"id": author_id("Desk"), "username": "Desk"}, {"id": 1}]})
    assert parse_users(users.encode()) == {"desk": author_id("Desk")}
    rules = {"data": [{"id": "1", "value": "from:a", "tag": "t"}, {"value": "no id"}]}
    assert parse_rules(json.dumps(rules).encode()) == (Rule("1", "from:a", "t"),)
    refused = {"errors": [{"value": "bad:", "title": "Invalid Rule", "details": ["no operator"]}]}
    assert parse_refused_rules(json.dumps(refused).encode()) == {
        "bad:": "Invalid Rule; no operator"
    }
    count = {"meta": {"total_tweet_count": 7, "next_token": "n"}}
    assert parse_count(json.dumps(count).encode()) == (7, "n")
    assert parse_problem(b'{"title":"Forbidden","detail":"not enrolled"}') == (
        "Forbidden: not enrolled"
    )
    assert parse_problem(b"<html>") == ""


def recorded(name: str) -> bytes:
    file = RECORDED / f"test_asyncclient_{name}.yaml"
    if not file.exists():
        pytest.skip(f"no recorded answers at {RECORDED}")
    (interaction,) = yaml.safe_load(file.read_text(encoding="utf-8"))["interactions"]
    body: str = interaction["response"]["body"]["string"]
    return body.encode()


@pytest.mark.parametrize(
    ("name", "author"),
    [
        ("get_home_timeline", None),
        ("get_list_tweets", None),
        ("get_tweet", None),
        ("get_tweets", None),
        ("get_users_mentions", None),
        ("get_users_tweets", "Twitter"),
        ("search_recent_tweets", None),
    ],
)
def test_every_recorded_post_becomes_an_event(name: str, author: str | None) -> None:
    body = recorded(name)
    data = json.loads(body)["data"]
    posts = data if isinstance(data, list) else [data]
    found = parse(body, author).found
    assert len(found) == len(posts) > 0
    for one, written in zip(found, posts, strict=True):
        assert isinstance(one.entry, Item)
        event = normalise(
            one.entry, source="twitter", channel="c", received_ns=NOW_NS, limits=Limits()
        )
        assert isinstance(event, Event)
        versions = written["edit_history_tweet_ids"]  # one of them was edited
        assert (event.native_id, event.revision) == (versions[0], versions.index(written["id"]))
        assert event.published_ns == ((int(versions[0]) >> 22) + 1_288_834_974_657) * 10**6
        assert event.author == author
        typed = written["text"]
        for escaped, plain in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
            typed = typed.replace(escaped, plain)
        kept = [word for word in typed.split() if word.isascii()]
        assert [word for word in event.text.split() if word.isascii()][: len(kept)] == kept


def test_recorded_account_is_read() -> None:
    assert parse_users(
        b'{"data":[' + json.dumps(json.loads(recorded("get_user"))["data"]).encode() + b"]}"
    ) == {"twitter": "783214"}
