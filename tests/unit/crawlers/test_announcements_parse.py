"""Announcement lists and status pages: each entry an item, each update a revision, or a reason.

No answers of the real sites were recorded; these have the shapes that Statuspage's documentation
and public readers of Binance's list show.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.event import DELETED_REVISION, Event, EventKind
from core.contracts.notice import Affected, Impact, NoticeKind, NoticeState
from crawlers.item import Item, ItemNotice, Refusal
from crawlers.normalise import Limits, normalise
from crawlers.sources.announcements.components import affects_of, pairs_of
from crawlers.sources.announcements.parse import parse
from crawlers.sources.announcements.parse_status import StatusDocument, parse_status
from crawlers.sources.announcements.settings import ListKind, StatusPageSettings

Json = dict[str, Any]

LIST_URL = "https://www.binance.com/bapi/composite/v1/public/cms/article/list/query?catalogId=48"
PAGE = StatusPageSettings(channel="status", venue="hitbtc", url="https://status.example.com/")
SECOND_NS = 1_000_000_000
T0 = 1_790_000_000  # 2026-09-21T14:13:20Z

ARTICLE = {
    "id": 208595,
    "code": "84d4dc37762944828f3e91c4eabb6bb6",
    "title": "Binance Will List IOTA &amp; <b>Friends</b>",
    "type": 1,
    "releaseDate": 1_724_223_602_529,
}


def stamp(seconds: int) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def answer(*articles: object, **more: object) -> bytes:
    catalog = {"catalogId": 48, "total": 2_100, "articles": articles}
    return json.dumps({"code": "000000", "data": {"catalogs": [catalog]}, **more}).encode()


def update(status: str, at: int, body: str = "Told.", *, changed: int | None = None) -> Json:
    changed = at if changed is None else changed
    times = {"created_at": stamp(at), "updated_at": stamp(changed), "display_at": stamp(at)}
    return {"id": f"u{at}", "status": status, "body": body, **times}


def incident(*updates: Json, **fields: Any) -> Json:  # noqa: ANN401 - any JSON
    """Make an incident; updates as the API has them, the newest first."""
    newest = updates[0]
    return {
        "id": "cp306tmzcl0y",
        "name": "Trading is interrupted",
        "status": newest["status"],
        "impact": "critical",
        "created_at": updates[-1]["created_at"],
        "updated_at": newest["updated_at"],
        "started_at": updates[-1]["created_at"],
        "resolved_at": newest["created_at"] if newest["status"] == "resolved" else None,
        "incident_updates": list(updates),
        "components": [{"id": "b13yz5g2cw10", "name": "Spot trading", "group_id": None}],
        **fields,
    }


def maintenance(status: str, begins: str | None, ends: str | None, **fields: Any) -> Json:  # noqa: ANN401
    window = {"scheduled_for": begins, "scheduled_until": ends, "impact": "maintenance"}
    return incident(update(status, T0), **window, started_at=None, **fields)


def read(*posts: object, key: str = "incidents", **more: object) -> StatusDocument:
    return parse_status(json.dumps({key: posts, **more}).encode(), PAGE)


def items(document: StatusDocument) -> list[Item]:
    return [entry for entry in document.entries if isinstance(entry, Item)]


def refusals(document: StatusDocument) -> list[str]:
    return [entry.reason for entry in document.entries if isinstance(entry, Refusal)]


def notice(post: Json) -> ItemNotice:
    (found,) = [item.notice for item in items(read(post)) if item.notice is not None]
    return found


# --- announcement lists ---


def test_article_becomes_an_item_named_by_its_code() -> None:
    page = parse(answer(ARTICLE), ListKind.BINANCE, None, LIST_URL)
    (item,) = page.entries
    assert isinstance(item, Item)
    assert (page.total, page.whole, page.refused) == (2_100, True, None)
    event = normalise(
        item, source="announcements", channel="c", received_ns=T0 * SECOND_NS, limits=Limits()
    )
    assert isinstance(event, Event)
    assert event.native_id == ARTICLE["code"]
    assert event.title == "Binance Will List IOTA & Friends"
    assert event.published_ns == 1_724_223_602_529_000_000
    assert event.url == f"https://www.binance.com/en/support/announcement/{ARTICLE['code']}"


def test_older_answer_with_its_articles_in_data_is_read() -> None:
    body = json.dumps({"code": "000000", "data": {"articles": [ARTICLE]}}).encode()
    (item,) = parse(body, ListKind.BINANCE, None, LIST_URL).entries
    assert isinstance(item, Item)


def test_empty_list_is_no_fault() -> None:
    for body in (answer(), b'{"code":"000000","data":{"catalogs":[]}}'):
        page = parse(body, ListKind.BINANCE, None, LIST_URL)
        assert (page.entries, page.refused) == ((), None)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>blocked</html>", "bad_json"),
        (b"\xff\xfe", "bad_json"),
        (b"[" * 100_000, "bad_json"),
        (b"[]", "bad_shape"),
        (b'{"code":"000002","message":"illegal parameter","data":null}', "bad_shape"),
        (b'{"code":"000000","data":null}', "bad_shape"),
        (b'{"data":{"catalogs":7}}', "bad_shape"),
        (b'{"data":{"catalogs":[7]}}', "bad_shape"),
        (b'{"data":{"catalogs":[{"articles":{}}]}}', "bad_shape"),
    ],
)
def test_answer_that_is_no_list_is_refused_by_name(body: bytes, reason: str) -> None:
    page = parse(body, ListKind.BINANCE, None, LIST_URL)
    assert page.refused is not None
    assert (page.refused.reason, page.whole) == (reason, False)


@pytest.mark.parametrize(
    ("article", "reason"),
    [
        (7, "bad_shape"),
        ({**ARTICLE, "code": None}, "no_id"),
        ({**ARTICLE, "code": ""}, "no_id"),
        ({**ARTICLE, "releaseDate": True}, "bad_time"),
        ({**ARTICLE, "releaseDate": {}}, "bad_time"),
    ],
)
def test_bad_article_is_refused_and_leaves_the_others(article: object, reason: str) -> None:
    bad, good = parse(answer(article, ARTICLE), ListKind.BINANCE, None, LIST_URL).entries
    assert isinstance(bad, Refusal)
    assert bad.reason == reason
    assert isinstance(good, Item)


def test_feed_is_read_as_every_feed_is() -> None:
    body = (
        b"<rss version='2.0'><channel><item><guid>7</guid><title>New</title></item></channel></rss>"
    )
    (item,) = parse(body, ListKind.FEED, "application/rss+xml", "https://blog.example.com").entries
    assert isinstance(item, Item)
    assert item.native_id == "7"


# --- status pages ---


def test_each_update_is_a_revision_dated_like_the_post() -> None:
    post = incident(
        update("resolved", T0 + 300, "It works again."),
        update("identified", T0 + 60, "We know why."),
        update("investigating", T0, "We are looking."),
    )
    found = items(read(post))
    assert [(item.revision, item.kind, item.text) for item in found] == [
        (0, EventKind.PUBLISHED, "We are looking."),
        (T0 + 60, EventKind.EDITED, "We know why."),
        (T0 + 300, EventKind.EDITED, "It works again."),
    ]
    assert {item.published for item in found} == {stamp(T0)}
    assert {item.native_id for item in found} == {"cp306tmzcl0y"}
    assert found[0].url == "https://status.example.com/incidents/cp306tmzcl0y"
    assert [item.notice is not None for item in found] == [False, False, True]


def test_update_keeps_its_revision_when_others_come_after_it() -> None:
    first = [i.revision for i in items(read(incident(update("investigating", T0))))]
    later = items(read(incident(update("monitoring", T0 + 9), update("investigating", T0))))
    assert [i.revision for i in later][:1] == first


def test_update_that_was_corrected_is_another_revision() -> None:
    post = incident(update("investigating", T0, "We know more.", changed=T0 + 30))
    (item,) = items(read(post))
    assert (item.revision, item.kind) == (T0 + 30, EventKind.EDITED)


def test_two_updates_in_one_second_are_two_revisions() -> None:
    post = incident(
        update("resolved", T0 + 5, "b"),
        update("monitoring", T0 + 5, "a"),
        update("investigating", T0),
    )
    assert [(i.revision, i.text) for i in items(read(post))][1:] == [(T0 + 5, "a"), (T0 + 6, "b")]


def test_all_updates_of_a_document_come_in_the_order_they_were_written() -> None:
    older = incident(update("resolved", T0 + 50), update("investigating", T0), id="older")
    newer = incident(update("investigating", T0 + 20), id="newer")
    found = [(item.native_id, item.revision) for item in items(read(newer, older))]
    assert found == [("older", 0), ("newer", 0), ("older", T0 + 50)]


def test_incident_without_updates_is_one_item() -> None:
    post = {**incident(update("investigating", T0)), "incident_updates": []}
    (item,) = items(read(post))
    assert (item.title, item.revision) == ("Trading is interrupted", 0)
    assert item.notice is not None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("investigating", NoticeState.IN_PROGRESS),
        ("identified", NoticeState.IN_PROGRESS),
        ("monitoring", NoticeState.IN_PROGRESS),
        ("resolved", NoticeState.RESOLVED),
        ("postmortem", NoticeState.RESOLVED),
    ],
)
def test_incident_says_what_it_means(status: str, state: NoticeState) -> None:
    found = notice(incident(update(status, T0 + 60), update("investigating", T0)))
    assert (found.venue, found.kind, found.state) == ("hitbtc", NoticeKind.INCIDENT, state)
    assert (found.impact, found.affects) == (Impact.CRITICAL, (Affected.TRADING,))
    assert found.starts_ns == T0 * SECOND_NS
    assert found.ends_ns == ((T0 + 60) * SECOND_NS if status == "resolved" else None)
    assert (found.revision, found.components) == (T0 + 60, ("Spot trading",))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("scheduled", NoticeState.SCHEDULED),
        ("in_progress", NoticeState.IN_PROGRESS),
        ("verifying", NoticeState.IN_PROGRESS),
    ],
)
def test_maintenance_has_its_window(status: str, state: NoticeState) -> None:
    found = notice(maintenance(status, stamp(T0 + 3_600), stamp(T0 + 7_200)))
    assert (found.kind, found.state) == (NoticeKind.MAINTENANCE, state)
    assert (found.starts_ns, found.ends_ns) == (
        (T0 + 3_600) * SECOND_NS,
        (T0 + 7_200) * SECOND_NS,
    )


def test_time_in_another_zone_is_the_same_time() -> None:
    assert (
        notice(maintenance("scheduled", "2026-09-21T09:13:20.000-05:00", None)).starts_ns
        == notice(maintenance("scheduled", stamp(T0), None)).starts_ns
    )


def test_maintenance_given_up_before_it_began_is_over() -> None:
    post = maintenance("completed", stamp(T0 + 3_600), stamp(T0 + 7_200), resolved_at=stamp(T0))
    found = notice(post)
    assert (found.state, found.ends_ns) == (NoticeState.RESOLVED, T0 * SECOND_NS)
    assert found.starts_ns == found.ends_ns


@pytest.mark.parametrize(
    ("post", "reason"),
    [
        (maintenance("scheduled", None, stamp(T0)), "bad_window"),
        (maintenance("scheduled", stamp(T0 + 60), stamp(T0)), "bad_window"),
        (maintenance("in_progress", stamp(T0 + 60), stamp(T0)), "bad_window"),
        (maintenance("scheduled", "tomorrow", None), "bad_window"),
        (maintenance("scheduled", "2026-09-21T09:13:20", None), "bad_window"),
        (maintenance("scheduled", stamp(T0), "later"), "bad_window"),
        (incident(update("exploded", T0)), "bad_shape"),
        (incident(update("investigating", T0), impact="severe"), "bad_shape"),
        (incident(update("investigating", T0), created_at=None, started_at=None), "bad_window"),
    ],
)
def test_what_contradicts_itself_is_refused_as_a_notice_and_still_told(
    post: Json, reason: str
) -> None:
    document = read(post)
    assert refusals(document) == [reason]
    assert [item.notice for item in items(document)] == [None]


def test_revision_in_a_far_future_stays_below_a_deletion() -> None:
    post = incident(update("investigating", T0), updated_at="2090-01-01T00:00:00Z")
    assert notice(post).revision == datetime(2090, 1, 1, tzinfo=UTC).timestamp()
    assert notice(post).revision < DELETED_REVISION


def test_summary_has_both_and_names_groups() -> None:
    inside = [{"id": "c1", "name": "API", "group_id": "g1"}]
    body = {
        "page": {"id": "p"},
        "components": [{"id": "g1", "name": "Derivatives", "group": True}, *inside],
        "incidents": [incident(update("investigating", T0), components=inside)],
        "scheduled_maintenances": [maintenance("scheduled", stamp(T0), None, id="m")],
    }
    document = parse_status(json.dumps(body).encode(), PAGE)
    assert document.created_ns.keys() == {"cp306tmzcl0y", "m"}
    assert document.groups == {"g1": "Derivatives"}
    found = {i.native_id: i.notice for i in items(document)}
    first = found["cp306tmzcl0y"]
    assert first is not None
    assert (first.components, first.affects) == (("Derivatives - API",), (Affected.OTHER,))
    alone = json.dumps({"incidents": body["incidents"]}).encode()
    (again,) = items(parse_status(alone, PAGE, document.groups))
    assert again.notice == first


def test_updates_name_components_with_their_group() -> None:
    told = update("investigating", T0) | {
        "affected_components": [{"code": "c1", "name": "Wallets - Deposit", "new_status": "x"}]
    }
    assert notice(incident(told, components=None)).components == ("Wallets - Deposit",)
    named = [{"id": "c1", "name": "Deposit"}, {"id": "c2", "name": "Spot"}]
    assert notice(incident(told, components=named)).components == ("Wallets - Deposit", "Spot")


def test_one_incident_alone_is_read_too() -> None:
    document = parse_status(json.dumps(incident(update("investigating", T0))).encode(), PAGE)
    assert len(items(document)) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "bad_json"),
        (b"[]", "bad_shape"),
        (b'{"page":{}}', "bad_shape"),
        (b'{"incidents":{}}', "bad_shape"),
    ],
)
def test_document_that_is_none_is_refused_by_name(body: bytes, reason: str) -> None:
    document = parse_status(body, PAGE)
    assert document.refused is not None
    assert document.refused.reason == reason


def test_incident_without_an_id_is_refused_and_leaves_the_others() -> None:
    document = read(7, {"name": "x"}, incident(update("investigating", T0)))
    assert refusals(document) == ["no_id", "no_id"]
    assert len(items(document)) == 1


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from([*incident(update("resolved", T0)), "scheduled_for"]), anything)
)
def test_no_field_of_an_incident_can_make_it_raise(fields: Json) -> None:
    whole = {**incident(update("resolved", T0)), **fields}
    for document in (read(whole), read(fields), read(fields, key="scheduled_maintenances")):
        for item in items(document):
            normalise(item, source="s", channel="c", received_ns=T0 * SECOND_NS, limits=Limits())


@given(anything)
def test_no_json_can_make_a_parser_raise(found: object) -> None:
    for whole in (found, {"data": found}, {"data": {"catalogs": [{"articles": [found]}]}}):
        body = json.dumps(whole).encode()
        parse(body, ListKind.BINANCE, None, LIST_URL)
        parse_status(body, PAGE)
    parse_status(json.dumps({"incidents": [found], "components": found}).encode(), PAGE)


# --- components ---


@pytest.mark.parametrize(
    ("name", "affects"),
    [
        ("Spot trading", "trading"),
        ("Spot & Futures trading", "trading"),
        ("Futures trading", "other"),
        ("Trading Platform", "trading"),
        ("REST API", "trading"),
        ("Websocket API", "trading"),
        ("Kraken Derivatives (Websocket API)", "other"),
        ("Matching Engine", "trading"),
        ("Deposit And Withdraw - Deposit", "deposits withdrawals"),
        ("Bitcoin Deposits", "deposits"),
        ("ETH withdrawals", "withdrawals"),
        ("Funding - SEPA", "deposits withdrawals"),
        ("Bitcoin (BTC)", "other"),
        ("Website", "other"),
        ("BTC/USD", "trading"),
    ],
)
def test_name_of_a_component_says_what_it_is_needed_for(name: str, affects: str) -> None:
    found = affects_of((name,), PAGE.trading_words, PAGE.other_words)
    assert " ".join(found) == affects


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (("BTC/USD", "Markets - ETH-USDT"), ("BTC/USD", "ETH/USDT")),
        (("XBT/EUR", "XDG/USD"), ("BTC/EUR", "DOGE/USD")),
        (("BTC/USD", "Website"), ("BTC/USD",)),
        (("BTC/USD", "REST API"), ()),
        (("REST/FIX API",), ()),
        ((), ()),
    ],
)
def test_pairs_are_told_where_nothing_else_stops_trading(
    names: tuple[str, ...], pairs: tuple[str, ...]
) -> None:
    assert pairs_of(names, PAGE.trading_words, PAGE.other_words) == pairs
