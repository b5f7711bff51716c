"""Where a post belongs, and the fewest rules and queries that find it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from crawlers.sources.twitter.answers import Rule
from crawlers.sources.twitter.routes import ACCOUNTS, REPLIES, Query, Routes, pack
from crawlers.sources.twitter.rules import plan
from crawlers.sources.twitter.settings import TwitterSettings

TERMS = [
    {"channel": "listings", "query": "lists COIN"},
    {"channel": "listings", "query": "will list"},
    {"channel": "hacks", "query": "hacked OR exploit"},
]


def settings(**more: Any) -> TwitterSettings:  # noqa: ANN401 - any setting
    return TwitterSettings.model_validate({"keys": {"a": "bearer-token-of-the-test"}, **more})


def routes(**more: Any) -> Routes:  # noqa: ANN401 - any setting
    return Routes(settings(accounts=["@Desk", "exchange"], terms=TERMS, replies=True, **more))


def test_channels_are_accounts_their_replies_and_terms() -> None:
    assert routes().channels == (
        "@desk", "@exchange", "@desk/replies", "@exchange/replies", "listings", "hacks"
    )  # fmt: skip


def test_post_by_an_account_is_in_its_channel_alone_however_it_was_found() -> None:
    for tags in ((ACCOUNTS,), ("term:hacks",), (REPLIES, "term:listings"), ()):
        assert routes().of("DESK", "exchange", tags) == ("@desk",)


def test_post_of_others_is_in_each_channel_whose_terms_it_matches() -> None:
    assert routes().of("x", None, ("term:hacks", "term:listings", "term:hacks")) == (
        "hacks",
        "listings",
    )


def test_reply_to_an_account_is_in_its_replies() -> None:
    assert routes().of("x", "Exchange", (REPLIES,)) == ("@exchange/replies",)
    assert routes().of("x", "Exchange", ("term:hacks",)) == ("hacks",)
    assert routes().of("x", "stranger", (REPLIES,)) == ()


def test_queries_are_packed_and_terms_of_one_channel_share_one() -> None:
    assert routes().queries(512) == (
        Query("from:desk OR from:exchange", ACCOUNTS, ("@desk", "@exchange")),
        Query("to:desk OR to:exchange", REPLIES, ("@desk/replies", "@exchange/replies")),
        Query("(lists COIN) OR (will list)", "term:listings", ("listings",)),
        Query("hacked OR exploit", "term:hacks", ("hacks",)),
    )


def test_each_packed_query_knows_its_own_channels() -> None:
    many = Routes(settings(accounts=[f"account{number:02}" for number in range(40)]))
    queries = many.queries(128)
    assert len(queries) > 1
    assert tuple(name for query in queries for name in query.channels) == many.channels
    for query in queries:
        assert len(query.text) <= 128
        assert [f"from:{name[1:]}" for name in query.channels] == query.text.split(" OR ")


@given(
    st.lists(st.from_regex(r"\A\([a-z]{1,30}\)\Z"), min_size=1, max_size=30), st.integers(32, 99)
)
def test_packing_keeps_every_part_in_order_within_the_limit(parts: list[str], limit: int) -> None:
    packed = pack(parts, limit)
    assert all(len(text) <= limit for text, _ in packed)
    assert sum(count for _, count in packed) == len(parts)
    again = [f"({one.strip('()')})" for text, _ in packed for one in text.split(" OR ")]
    assert again == parts


WANTED = (
    Query("from:a", ACCOUNTS, ("@a",)),
    Query("coin", "term:coins", ("coins",)),
)


def test_missing_rules_are_added_and_old_ones_of_ours_deleted() -> None:
    present = [Rule("1", "from:a", "tidings/accounts"), Rule("2", "from:b", "tidings/accounts")]
    todo = plan(present, WANTED, "tidings")
    assert todo.add == (WANTED[1],)
    assert todo.delete == ("2",)
    assert todo.kept == {"1": WANTED[0]}


def test_rules_of_others_are_never_touched_but_serve_where_they_are_the_same() -> None:
    present = [
        Rule("1", "from:a", "somebody else's"),
        Rule("2", "from:z", "tidings2/accounts"),
        Rule("3", "from:y", ""),
    ]
    todo = plan(present, WANTED, "tidings")
    assert todo.delete == ()
    assert todo.kept == {"1": WANTED[0]}
    assert todo.add == (WANTED[1],)


def test_rule_of_ours_whose_tag_changed_is_replaced() -> None:
    todo = plan([Rule("1", "coin", "tidings/term:old")], WANTED, "tidings")
    assert todo.delete == ("1",)
    assert todo.add == WANTED


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"accounts": ["a"], "keys": {}}, "no key"),
        ({"accounts": ["a", "@A"]}, "named twice"),
        ({"accounts": ["a b"]}, "accounts"),
        ({"accounts": ["a"], "ways": []}, "ways"),
        ({"accounts": ["a"], "ways": ["stream", "stream"]}, "ways"),
        ({"accounts": ["a"], "terms": TERMS, "ways": ["timelines"]}, "timelines hold no terms"),
        ({"terms": TERMS, "replies": True}, "replies to nobody"),
        ({"terms": [{"channel": "x", "query": "a" * 513}]}, "limit is 512"),
        ({"terms": [{"channel": "@x", "query": "a"}]}, "channel"),
    ],
)
def test_settings_that_can_not_work_are_refused_with_the_reason(
    wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        settings(**wrong)


def test_without_accounts_and_terms_nothing_is_followed_and_no_key_needed() -> None:
    assert not TwitterSettings()
    assert settings(accounts=["a"])


def test_keys_are_not_shown() -> None:
    assert "bearer-token" not in repr(settings(accounts=["a"]))
