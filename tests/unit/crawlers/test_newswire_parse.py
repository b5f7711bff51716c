"""A configured mapping reads a stream's messages, whatever the server sends."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "title", "body", "time", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read(message: object) -> None:
    for entry in FLAT(msgspec.json.encode(message)):
        assert isinstance(entry, Item | Refusal)


@given(st.binary(max_size=200))
def test_any_bytes_are_read(message: bytes) -> None:
    for entry in FLAT(message):
        assert isinstance(entry, Item | Refusal)
