"""An item of any source becomes an event, or a named refusal."""

from datetime import UTC

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.codec import encode
from core.contracts.event import Event, OriginKind, TimePrecision
from core.contracts.identity import event_id
from core.contracts.topics import EVENTS
from crawlers.item import Item, ItemOrigin, Refusal, RefusalReason, TextFormat
from crawlers.normalise import Limits, normalise
from tests.unit.crawlers.doubles import NOW_NS

LIMITS = Limits(title_chars=60, text_chars=200, default_zone=UTC)


def run(item: Item) -> Event | Refusal:
    return normalise(item, source="rss", channel="desk", received_ns=NOW_NS, limits=LIMITS)


def event(item: Item) -> Event:
    result = run(item)
    assert isinstance(result, Event), result
    return result


def test_event_holds_all_that_the_item_says() -> None:
    item = Item(
        native_id="7",
        title="A &amp; B",
        title_format=TextFormat.HTML,
        text="<p>Body\u200b</p>",
        text_format=TextFormat.HTML,
        author=" Jo\tDoe ",
        url=" https://example.com/7 ",
        published="2026-09-21T14:13:19Z",
        language="en-US",
    )
    assert event(item) == Event(
        id=event_id("rss", "desk", "7"),
        source="rss",
        channel="desk",
        native_id="7",
        title="A & B",
        text="Body",
        author="Jo Doe",
        url="https://example.com/7",
        language="en-US",
        published_ns=NOW_NS - 1_000_000_000,
        published_precision=TimePrecision.EXACT,
        received_ns=NOW_NS,
        removed_characters=1,
    )


def test_same_item_seen_again_has_the_same_id() -> None:
    again = Item(native_id="7", title="another title", published=1_700_000_000)
    assert event(Item(native_id="7", title="title")).id == event(again).id


def test_item_that_says_nothing_is_refused() -> None:
    item = Item(native_id="7", title="\u200b", text="<p> </p>", text_format=TextFormat.HTML)
    assert run(item) == Refusal(RefusalReason.NO_TEXT, "neither title nor text", "7")


def test_item_without_id_is_refused() -> None:
    refused = run(Item(native_id=" ", title="t"))
    assert isinstance(refused, Refusal)
    assert refused.reason is RefusalReason.NO_ID


def test_item_of_the_future_is_refused_with_its_time() -> None:
    refused = run(Item(native_id="7", title="t", published="2039-01-01"))
    assert refused == Refusal(RefusalReason.FUTURE, "published '2039-01-01'", "7")


@pytest.mark.parametrize("native_id", ["x" * 301, "a\x1fb", "a\nb", "\ud800"])
def test_unfit_id_is_replaced_by_a_fixed_one(native_id: str) -> None:
    first = event(Item(native_id=native_id, title="t"))
    assert first.native_id.startswith("hash:")
    assert first.id == event(Item(native_id=native_id, title="u")).id


def test_unfit_id_of_an_origin_is_replaced_too() -> None:
    origin = ItemOrigin(kind=OriginKind.REPLY, native_id="a\nb")
    found = event(Item(native_id="7", title="t", origin=origin)).origin
    assert found is not None
    assert found.native_id is not None
    assert found.native_id.startswith("hash:")


def test_separator_in_an_id_cannot_forge_another_events_id() -> None:
    forged = event(Item(native_id="7\x1f0", title="t"))
    assert forged.id != event(Item(native_id="7", title="t")).id


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "/relative",
        "file:///etc/passwd",
        "https://a b",
        "http://" + "a" * 2000,
    ],
)
def test_unfit_address_is_left_out(url: str) -> None:
    assert event(Item(native_id="7", title="t", url=url)).url is None


def test_address_is_canonical_in_the_event_and_its_origin() -> None:
    written = "http://mobile.twitter.com/desk/status/7?s=20"
    origin = ItemOrigin(kind=OriginKind.QUOTE, url=written)
    found = event(Item(native_id="7", title="t", url=written, origin=origin))
    assert found.url == "https://x.com/desk/status/7"
    assert found.origin is not None
    assert found.origin.url == found.url


def test_lookalikes_are_found_in_title_and_text() -> None:
    found = event(Item(native_id="7", title="$\u0405\u041eL is listed", text="E\u0422H too"))
    assert found.lookalikes == ("$\u0405\u041eL", "E\u0422H")
    assert event(Item(native_id="7", title="SOL is listed", text="\u20ac5")).lookalikes == ()


def test_language_is_told_from_the_text_only_where_wanted_and_not_said() -> None:
    item = Item(native_id="7", title="The exchange lists the coin", text="on Tuesday")
    assert event(item).language is None
    telling = msgspec.structs.replace(LIMITS, detect_language=True)
    for said, expected in ((None, "en"), ("de", "de"), ("<x>", "en")):
        said_so = msgspec.structs.replace(item, language=said)
        found = normalise(said_so, source="rss", channel="desk", received_ns=NOW_NS, limits=telling)
        assert isinstance(found, Event)
        assert found.language == expected


@pytest.mark.parametrize("language", ["", "en us", "x" * 36, "<en>"])
def test_unfit_language_is_left_out(language: str) -> None:
    assert event(Item(native_id="7", title="t", language=language)).language is None


def test_cut_title_marks_the_event() -> None:
    cut = event(Item(native_id="7", title="x" * 61))
    assert cut.truncated
    assert cut.title == "x" * 60


ANY_TEXT = st.none() | st.text(max_size=80)


@given(
    st.builds(
        Item,
        native_id=st.text(max_size=20),
        title=ANY_TEXT,
        title_format=st.sampled_from(TextFormat),
        text=ANY_TEXT,
        text_format=st.sampled_from(TextFormat),
        author=ANY_TEXT,
        url=ANY_TEXT,
        published=st.none() | st.text(max_size=30) | st.floats() | st.integers(),
        language=ANY_TEXT,
    )
)
def test_any_item_is_an_event_that_survives_the_wire_or_a_refusal(item: Item) -> None:
    result = run(item)
    if isinstance(result, Event):
        assert EVENTS.decode(encode(result)) == result
