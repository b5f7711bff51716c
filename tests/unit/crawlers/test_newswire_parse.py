"""A configured mapping reads a stream's messages, whatever the server sends."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.contracts.event import EventKind
from crawlers.item import Item, Refusal, RefusalReason, TextFormat
from crawlers.sources.newswire.parse import make_parse
from crawlers.sources.newswire.settings import Fields, NewswireSettings


def settings(**more: Any) -> NewswireSettings:  # noqa: ANN401 - any of the settings
    more.setdefault("fields", {"id": "id", "title": "title", "text": "body", "published": "time"})
    return NewswireSettings.model_validate({"channel": "wire", "url": "ws://localhost/", **more})


FLAT = make_parse(settings())


def reason(entry: Item | Refusal) -> RefusalReason:
    assert isinstance(entry, Refusal), entry
    return entry.reason


def test_flat_message_is_one_item() -> None:
    message = b'{"id":"8","title":"t","body":"b","time":1790000000123,"other":[1]}'
    assert FLAT(message) == (Item(native_id="8", title="t", text="b", published=1_790_000_000_123),)


def test_message_may_come_as_a_view_of_a_buffer() -> None:
    buffer = bytearray(b'{"id":"8","title":"t"}')
    (item,) = FLAT(memoryview(buffer))
    buffer[:] = b"x" * len(buffer)
    assert item == Item(native_id="8", title="t")


def test_every_field_may_be_nested() -> None:
    parse = make_parse(
        settings(
            items="data.items",
            type_field="meta.kind",
            item_types=["news"],
            format="html",
            fields=Fields(
                id="a.id",
                title="a.b.title",
                text="a.text",
                published="a.at",
                author="by.name",
                url="by.link",
                language="lang",
            ),
        )
    )
    one = (
        b'{"a":{"id":5,"b":{"title":"t"},"text":"x","at":"2024-01-02"},'
        b'"by":{"name":"n","link":"u"},"lang":"en"}'
    )
    message = b'{"meta":{"kind":"news"},"data":{"items":[%b,{"a":{"id":"6"}}]}}' % one
    assert parse(message) == (
        Item(
            native_id="5",
            title="t",
            title_format=TextFormat.HTML,
            text="x",
            text_format=TextFormat.HTML,
            published="2024-01-02",
            author="n",
            url="u",
            language="en",
        ),
        Item(native_id="6", title_format=TextFormat.HTML, text_format=TextFormat.HTML),
    )


@pytest.mark.parametrize("message", [b'{"type":"heartbeat"}', b"{}", b'{"type":7,"id":"1"}'])
def test_message_of_another_type_holds_no_item(message: bytes) -> None:
    assert make_parse(settings(type_field="type", item_types=["news"]))(message) == ()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"", RefusalReason.BAD_JSON),
        (b"{", RefusalReason.BAD_JSON),
        (b'{"id":"\xff"}', RefusalReason.BAD_JSON),
        (b"[" * 5_000, RefusalReason.BAD_JSON),
        (b"7", RefusalReason.BAD_SHAPE),
        (b"null", RefusalReason.BAD_SHAPE),
        (b"[7]", RefusalReason.BAD_SHAPE),
        (b'{"title":"t"}', RefusalReason.NO_ID),
        (b'{"id":null,"title":"t"}', RefusalReason.NO_ID),
        (b'{"id":true,"title":"t"}', RefusalReason.NO_ID),
        (b'{"id":"1","time":{}}', RefusalReason.BAD_TIME),
        (b'{"id":"1","time":true}', RefusalReason.BAD_TIME),
        (b'{"id":"1","time":' + b"[" * 500 + b"]" * 500 + b"}", RefusalReason.BAD_TIME),
    ],
)
def test_malformed_message_is_refused_by_name(message: bytes, expected: RefusalReason) -> None:
    (refused,) = FLAT(message)
    assert reason(refused) is expected


def test_bad_item_in_a_list_leaves_the_others() -> None:
    first, bad, last = FLAT(b'[{"id":"1","title":"t"},7,{"id":"2","title":"t"}]')
    assert (first.native_id, reason(bad), last.native_id) == ("1", RefusalReason.BAD_SHAPE, "2")


def test_field_of_another_type_is_left_out() -> None:
    assert FLAT(b'{"id":"1","title":["t"],"body":5}') == (Item(native_id="1"),)


def test_path_through_what_is_no_object_leads_nowhere() -> None:
    parse = make_parse(settings(fields={"id": "a.b.c"}))
    (refused,) = parse(b'{"a":{"b":[1]}}')
    assert reason(refused) is RefusalReason.NO_ID


VERSIONS = {"id": "id", "title": "title", "published": "time", "kind": "status"}


def versions(**fields: str) -> Any:  # noqa: ANN401 - the parse function
    return make_parse(
        settings(
            fields=VERSIONS | fields,
            edited_types=["corrected", "updated"],
            deleted_types=["kill"],
        )
    )


def kind_and_revision(entry: Item | Refusal) -> tuple[EventKind, int]:
    assert isinstance(entry, Item), entry
    return entry.kind, entry.revision


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b'{"id":"1","title":"t"}', (EventKind.PUBLISHED, 0)),
        (b'{"id":"1","title":"t","status":"new","n":3}', (EventKind.PUBLISHED, 0)),
        (b'{"id":"1","title":"t","status":7}', (EventKind.PUBLISHED, 0)),
        (b'{"id":"1","title":"t","status":"corrected","n":2}', (EventKind.EDITED, 2)),
        (b'{"id":"1","title":"t","status":"updated","n":"2"}', (EventKind.EDITED, 2)),
        (b'{"id":"1","status":"kill"}', (EventKind.DELETED, 0)),
    ],
)
def test_items_own_word_tells_corrections_and_kills(
    message: bytes, expected: tuple[EventKind, int]
) -> None:
    (entry,) = versions(revision="n")(message)
    assert kind_and_revision(entry) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (b'"at":1790000100123', 1_790_000_100),
        (b'"at":"2026-09-21T16:55:00.7+02:00"', 1_790_002_500),
    ],
)
def test_time_of_an_edit_is_its_revision_in_whole_seconds(fields: bytes, expected: int) -> None:
    (entry,) = versions(edited="at")(b'{"id":"1","title":"t","status":"corrected",%b}' % fields)
    assert kind_and_revision(entry) == (EventKind.EDITED, expected)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (b'"status":"corrected"', RefusalReason.BAD_SHAPE),
        (b'"status":"corrected","n":-1', RefusalReason.BAD_SHAPE),
        (b'"status":"corrected","n":true', RefusalReason.BAD_SHAPE),
        (b'"status":"corrected","n":[1]', RefusalReason.BAD_SHAPE),
        (b'"status":"corrected","at":"soon"', RefusalReason.BAD_TIME),
        (b'"status":"corrected","at":{}', RefusalReason.BAD_TIME),
    ],
)
def test_edit_that_can_not_be_told_from_another_is_refused(
    fields: bytes, expected: RefusalReason
) -> None:
    (entry,) = versions(revision="n", edited="at")(b'{"id":"1","title":"t",%b}' % fields)
    assert reason(entry) is expected
    assert isinstance(entry, Refusal)
    assert entry.native_id == "1"


def test_type_of_the_message_tells_corrections_and_kills() -> None:
    parse = make_parse(
        settings(
            items="item",
            fields={"id": "id", "title": "title", "revision": "v"},
            type_field="type",
            item_types=["news"],
            edited_types=["correction"],
            deleted_types=["kill"],
        )
    )
    (first,) = parse(b'{"type":"news","item":{"id":"1","title":"t","v":0}}')
    (edit,) = parse(b'{"type":"correction","item":{"id":"1","title":"u","v":1}}')
    (kill,) = parse(b'{"type":"kill","item":{"id":"1"}}')
    assert kind_and_revision(first) == (EventKind.PUBLISHED, 0)
    assert kind_and_revision(edit) == (EventKind.EDITED, 1)
    assert kind_and_revision(kill) == (EventKind.DELETED, 0)
    assert parse(b'{"type":"heartbeat","item":{"id":"1"}}') == ()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (b'"v":0', (EventKind.PUBLISHED, 0)),
        (b'"v":1', (EventKind.EDITED, 1)),
        (b'"time":1790000000,"at":"2026-09-21T14:13:20Z"', (EventKind.PUBLISHED, 0)),
        (b'"time":1790000000,"at":1790000001', (EventKind.EDITED, 1_790_000_001)),
        (b'"at":""', (EventKind.PUBLISHED, 0)),
    ],
)
def test_without_a_word_for_it_an_item_is_an_edit_once_it_was_edited(
    fields: bytes, expected: tuple[EventKind, int]
) -> None:
    parse = make_parse(
        settings(fields={"id": "id", "published": "time", "revision": "v", "edited": "at"})
    )
    (entry,) = parse(b'{"id":"1","title":"t",%b}' % fields)
    assert kind_and_revision(entry) == expected


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        ({"edited_types": ["correction"], "type_field": "type"}, "fields.revision"),
        ({"deleted_types": ["kill"]}, "fields.kind or type_field"),
        ({"clients": [{"name": "a"}, {"name": "a"}]}, "give each its own"),
        ({"clients": [{"name": "a", "url": "https://example.com"}]}, "url"),
    ],
)
def test_mapping_that_can_not_work_is_named(mistake: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        settings(**mistake)


def test_each_client_has_the_streams_settings_but_for_its_own() -> None:
    stream = settings(
        headers={"X-Key": "first-key", "X-App": "our-own-app-id"},
        clients=[
            {"name": "tokyo", "url": "wss://tokyo.example.com/"},
            {"name": "second", "headers": {"X-Key": "second-key"}},
        ],
    )
    (own, first), (tokyo, far), (second, other) = stream.each_client()
    assert (own, tokyo, second) == ("", "tokyo", "second")
    assert first is stream
    assert (far.url, far.headers) == ("wss://tokyo.example.com/", stream.headers)
    assert other.url == stream.url
    secrets = {name: value.get_secret_value() for name, value in other.headers.items()}
    assert secrets == {"X-Key": "second-key", "X-App": "our-own-app-id"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["corrected", "kill"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "title", "status", "time", "n"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read(message: object) -> None:
    encoded = msgspec.json.encode(message)
    for parse in (FLAT, versions(revision="n"), versions(edited="time")):
        for entry in parse(encoded):
            assert isinstance(entry, Item | Refusal)


@given(st.binary(max_size=200))
def test_any_bytes_are_read(message: bytes) -> None:
    for entry in FLAT(message):
        assert isinstance(entry, Item | Refusal)
