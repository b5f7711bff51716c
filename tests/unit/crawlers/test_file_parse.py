"""A file's rows are read by the configured columns, or refused with their number."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.contracts.event import EventKind, OriginKind
from crawlers.item import Item, ItemOrigin, Refusal, RefusalReason, TextFormat
from crawlers.sources.file.parse import make_read, missing
from crawlers.sources.file.settings import Columns, FileFormat, FileSettings

USUAL = make_read(Columns(), TextFormat.PLAIN)
ROW: dict[str, Any] = {"id": "1", "text": "t", "published": "2026-01-02"}


def test_usual_columns_are_read_without_a_mapping() -> None:
    row = ROW | {"title": "T", "author": "a", "url": "u", "language": "en", "other": [1]}
    assert USUAL(row, 1) == Item(
        native_id="1",
        title="T",
        text="t",
        author="a",
        url="u",
        language="en",
        published="2026-01-02",
    )


def test_our_own_events_names_come_first() -> None:
    row = ROW | {"id": "hash", "native_id": "7", "published_ns": 1_790_000_000_000_000_001}
    item = USUAL(row, 1)
    assert isinstance(item, Item)
    assert (item.native_id, item.published) == ("7", 1_790_000_000_000_000_001)


def test_our_own_events_day_stays_a_day() -> None:
    row = ROW | {"published_ns": 1_767_312_000_000_000_000, "published_precision": "day"}
    item = USUAL(row, 1)
    assert isinstance(item, Item)
    assert item.published == "2026-01-02"


def test_mapped_columns_are_read_and_no_others() -> None:
    columns = Columns(id="guid", title="head.line", text="body", published="when", kind="what")
    read = make_read(columns, TextFormat.HTML)
    row = {
        "guid": 5,
        "head": {"line": "<b>T</b>"},
        "body": "",
        "text": "no",
        "when": 1_790_000_000,
        "what": "deleted",
    }
    assert read(row, 1) == Item(
        native_id="5",
        kind=EventKind.DELETED,
        title="<b>T</b>",
        title_format=TextFormat.HTML,
        text_format=TextFormat.HTML,
        published=1_790_000_000,
    )


@pytest.mark.parametrize("as_text", [False, True])
def test_kind_revision_and_origin_are_those_of_our_events(as_text: bool) -> None:
    origin = {"kind": "quote", "author": "a", "native_id": "9", "published_ns": 1, "text": "x"}
    row = ROW | {
        "kind": "edited",
        "revision": "3" if as_text else 3,
        "origin": str(origin).replace("'", '"') if as_text else origin,
    }
    assert USUAL(row, 1) == Item(
        native_id="1",
        kind=EventKind.EDITED,
        revision=3,
        text="t",
        published="2026-01-02",
        origin=ItemOrigin(kind=OriginKind.QUOTE, author="a", native_id="9", text="x", published=1),
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, RefusalReason.NO_ID),
        ({"id": ""}, RefusalReason.NO_ID),
        ({"id": 1.5}, RefusalReason.NO_ID),
        ({"id": True}, RefusalReason.NO_ID),
        ({"published": None}, RefusalReason.BAD_TIME),
        ({"published": True}, RefusalReason.BAD_TIME),
        ({"published": {}}, RefusalReason.BAD_TIME),
        ({"text": None}, RefusalReason.NO_TEXT),
        ({"text": 7}, RefusalReason.NO_TEXT),
        ({"kind": "new"}, RefusalReason.BAD_SHAPE),
        ({"kind": 7}, RefusalReason.BAD_SHAPE),
        ({"revision": -1}, RefusalReason.BAD_SHAPE),
        ({"revision": "one"}, RefusalReason.BAD_SHAPE),
    ],
)
def test_row_without_what_it_needs_is_refused_by_its_number(
    change: dict[str, Any], reason: RefusalReason
) -> None:
    refused = USUAL(ROW | change, 17)
    assert isinstance(refused, Refusal)
    assert refused.reason is reason
    assert refused.detail.startswith("row 17: ")


@pytest.mark.parametrize(
    ("columns", "present", "says"),
    [
        (Columns(), ["id", "published"], None),
        (Columns(), ["native_id", "published_ns"], None),
        (Columns(title="head.line"), ["id", "published", "head"], None),
        (Columns(), ["id"], r"published \(published_ns or published\)"),
        (Columns(), ["published"], r"id \(native_id or id\)"),
        (Columns(author="by"), ["id", "published", "author"], r"author \(by\); its .* author, id"),
    ],
)
def test_file_without_a_needed_column_is_told(
    columns: Columns, present: list[str], says: str | None
) -> None:
    if says is None:
        assert missing(columns, present) is None
    else:
        with pytest.raises(ValueError, match=says):
            raise ValueError(missing(columns, present))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
NAMES = st.sampled_from([*Columns.model_fields, "native_id", "published_ns", "published_precision"])


@given(st.dictionaries(NAMES, VALUES | st.sampled_from(["day", "edited", '{"kind":"quote"}'])))
def test_any_row_is_read(row: dict[str, Any]) -> None:
    assert isinstance(USUAL(row, 1), Item | Refusal)


# --- settings ---


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("posts.jsonl", FileFormat.JSONL),
        ("posts.ndjson.zst", FileFormat.JSONL),
        ("posts.v2.csv.gz", FileFormat.CSV),
        ("posts.PARQUET", FileFormat.PARQUET),
    ],
)
def test_name_tells_the_format(name: str, expected: FileFormat) -> None:
    assert FileSettings(channel="a", path=Path(name)).rows is expected


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"path": "posts.txt"}, "set format to one of jsonl, csv, parquet"),
        ({"path": "posts"}, "set format"),
        ({"path": "posts.parquet.gz"}, "decompress the file"),
        ({"path": "posts.csv", "delimiter": ";;"}, "delimiter"),
        ({"path": "posts.csv", "default_zone": "Mars/Base"}, "IANA"),
        ({"path": "posts.csv", "columns": {"titel": "a"}}, "titel"),
    ],
)
def test_mistake_is_named(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        FileSettings.model_validate({"channel": "a", **given})
