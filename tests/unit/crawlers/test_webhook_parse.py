"""What is posted is read or refused by name; a signature is of one body at one time."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.contracts.event import EventKind, OriginKind
from core.runtime.signatures import Seal, sign
from crawlers.item import Item, ItemOrigin, Refusal, RefusalReason, TextFormat
from crawlers.sources.webhook.parse import parse
from crawlers.sources.webhook.settings import WebhookSettings

JSON = "application/json"
LINES = "application/x-ndjson"
SECRET, OTHER = b"a" * 32, b"b" * 32
NOW_S = 1_790_000_000
NOW_NS = NOW_S * 10**9


def reason(entry: Item | Refusal) -> RefusalReason:
    assert isinstance(entry, Refusal), entry
    return entry.reason


# --- bodies ---


def test_object_is_a_single_item() -> None:
    body = b'{"id":"8","title":"t","text":"b","published":1790000000123,"author":"a","url":"u"}'
    posted = parse(body, JSON)
    assert posted.single
    expected = Item(
        native_id="8", title="t", text="b", published=1_790_000_000_123, author="a", url="u"
    )
    assert posted.entries == (expected,)


def test_every_field_is_taken() -> None:
    body = (
        b'{"id":8,"title":"<b>t</b>","format":"html","language":"en","kind":"edited","revision":2,'
        b'"origin":{"kind":"quote","author":"a","id":7,"url":"u","text":"x","published":"2024"}}'
    )
    (item,) = parse(body, JSON).entries
    assert item == Item(
        native_id="8",
        kind=EventKind.EDITED,
        revision=2,
        title="<b>t</b>",
        title_format=TextFormat.HTML,
        text_format=TextFormat.HTML,
        language="en",
        origin=ItemOrigin(
            kind=OriginKind.QUOTE,
            author="a",
            native_id="7",
            url="u",
            text="x",
            text_format=TextFormat.HTML,
            published="2024",
        ),
    )


def test_deletion_needs_no_text() -> None:
    (item,) = parse(b'{"id":"8","kind":"deleted"}', JSON).entries
    assert item == Item(native_id="8", kind=EventKind.DELETED)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b' [{"id":"1","text":"a"}, 7, {"id":"2","text":"b"}]', JSON),
        (b'{"id":"1","text":"a"}\n7\r\n\n{"id":"2","text":"b"}\n', LINES),
    ],
)
def test_bad_item_of_a_batch_leaves_the_others(body: bytes, content_type: str) -> None:
    posted = parse(body, content_type)
    assert not posted.single
    first, bad, last = posted.entries
    assert (first.native_id, reason(bad), last.native_id) == ("1", RefusalReason.BAD_SHAPE, "2")


@pytest.mark.parametrize(("body", "content_type"), [(b"[]", JSON), (b"\n", LINES)])
def test_empty_batch_is_a_batch(body: bytes, content_type: str) -> None:
    assert parse(body, content_type) == ((), False)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", RefusalReason.BAD_JSON),
        (b"{", RefusalReason.BAD_JSON),
        (b"[{]", RefusalReason.BAD_JSON),
        (b"[" * 5_000, RefusalReason.BAD_JSON),
        (b'{"id":"\xff"}', RefusalReason.BAD_JSON),
        (b"null", RefusalReason.BAD_SHAPE),
        (b"{}", RefusalReason.BAD_SHAPE),
        (b'{"id":null,"text":"t"}', RefusalReason.BAD_SHAPE),
        (b'{"id":true,"text":"t"}', RefusalReason.BAD_SHAPE),
        (b'{"id":"1","publised":"2024-01-02"}', RefusalReason.BAD_SHAPE),
        (b'{"id":"1","published":true}', RefusalReason.BAD_SHAPE),
        (b'{"id":"1","kind":"other"}', RefusalReason.BAD_SHAPE),
        (b'{"id":"1","text":"t","kind":"edited"}', RefusalReason.BAD_SHAPE),
        (b'{"id":"1","text":"t","revision":1}', RefusalReason.BAD_SHAPE),
        (b'{"id":"1","text":"t","kind":"edited","revision":-1}', RefusalReason.BAD_SHAPE),
        (
            b'{"id":"1","text":"t","kind":"edited","revision":9007199254740991}',
            RefusalReason.BAD_SHAPE,
        ),
    ],
)
def test_malformed_body_is_refused_by_name(body: bytes, expected: RefusalReason) -> None:
    posted = parse(body, JSON)
    assert posted.single
    (entry,) = posted.entries
    assert reason(entry) is expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "text", "kind", "revision", "published", "origin"]),
            inner | st.sampled_from(["edited", "quote"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([JSON, LINES]))
def test_any_json_is_read(value: object, content_type: str) -> None:
    try:
        body = msgspec.json.encode(value)
    except (msgspec.MsgspecError, OverflowError):
        return  # beyond JSON's integers
    for entry in parse(body, content_type).entries:
        assert isinstance(entry, Item | Refusal)


@given(st.binary(max_size=200), st.sampled_from([JSON, LINES, ""]))
def test_any_bytes_are_read(body: bytes, content_type: str) -> None:
    for entry in parse(body, content_type).entries:
        assert isinstance(entry, Item | Refusal)
        msgspec.json.encode(entry.native_id)  # what is answered can be written


# --- signatures ---


def test_signature_is_of_the_stamp_and_the_body() -> None:
    # echo -n '1790000000.{}' | openssl dgst -sha256 -hmac aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    assert sign(SECRET, "1790000000", b"{}") == (
        "v1=49d48c9ca98483683a87430c89565ea3b9cf3d4001c049ac5a2954190b941b60"
    )


@pytest.mark.parametrize(
    ("stamp", "body", "signatures", "signed"),
    [
        ("1", b"{}", sign(SECRET, "1", b"{}"), True),
        ("1", b"{}", sign(OTHER, "1", b"{}"), True),
        ("1", b"{}", f"v1=00, {sign(OTHER, '1', b'{}')}", True),
        ("1", b"{}", f"v2=00,{sign(SECRET, '1', b'{}')}", True),
        ("2", b"{}", sign(SECRET, "1", b"{}"), False),
        ("1", b"[]", sign(SECRET, "1", b"{}"), False),
        ("1", b"{}", sign(b"c" * 32, "1", b"{}"), False),
        ("1", b"{}", sign(SECRET, "1", b"{}")[3:], False),
        ("1", b"{}", sign(SECRET, "1", b"{}").upper(), False),
        ("1", b"{}", "v1=00," * 5 + sign(SECRET, "1", b"{}"), False),  # one too many to look at
        ("1", b"{}", "", False),
        ("1", b"{}", "v1=\udcff", False),
    ],
)
def test_only_a_channels_secrets_sign(
    stamp: str, body: bytes, signatures: str, signed: bool
) -> None:
    assert Seal([SECRET, OTHER], 1_000).is_signed(stamp, body, signatures) is signed


@pytest.mark.parametrize(
    ("stamp", "says"),
    [
        (str(NOW_S), None),
        (str(NOW_S - 300), None),
        (str(NOW_S + 300), None),
        (str(NOW_S - 301), "301 s old"),
        (str(NOW_S + 301), "301 s ahead"),
        ("0", "old"),
        ("", "Unix seconds"),
        ("-1", "Unix seconds"),
        ("1790000000.5", "Unix seconds"),
        ("1790000000000", "Unix seconds"),
        ("\u0661790000000", "Unix seconds"),
    ],
)
def test_only_a_stamp_of_now_is_taken(stamp: str, says: str | None) -> None:
    problem = Seal([SECRET], 300_000).stamp_problem(stamp, NOW_NS)
    assert problem is None if says is None else says in (problem or "")


# --- settings ---


@pytest.mark.parametrize(
    ("channels", "says"),
    [
        ([{"channel": "a", "secrets": ["s" * 31]}], "openssl rand -hex 32"),
        ([{"channel": "a", "secrets": []}], "secrets"),
        ([{"channel": "a", "secrets": ["s" * 32]}] * 2, "share a name"),
        (
            [{"channel": "a", "secrets": ["s" * 32]}, {"channel": "b", "secrets": ["s" * 32]}],
            "give each channel its own",
        ),
        ([{"channel": "a/b", "secrets": ["s" * 32]}], "channel"),
    ],
)
def test_mistake_is_named(channels: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        WebhookSettings.model_validate({"channels": channels})


def test_without_a_channel_nothing_listens() -> None:
    assert not WebhookSettings()
    assert WebhookSettings.model_validate({"channels": [{"channel": "a", "secrets": ["s" * 32]}]})
