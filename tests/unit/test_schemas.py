"""The generated schemas say what the codec writes."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from core.contracts.cloudevents import headers_for
from core.contracts.codec import encode
from core.contracts.event import Event
from core.contracts.money import Amount
from core.contracts.notice import Affected, Impact, NoticeKind, NoticeState, VenueNotice
from core.contracts.orders import (
    Approved,
    Fill,
    Intent,
    OrderReport,
    Refused,
    RefuseReason,
    Report,
    Side,
)
from core.contracts.schemas import asyncapi, documents, json_schema, topics_table
from core.contracts.signal import Direction, EventType, Signal
from core.contracts.topics import (
    DEAD_LETTERS,
    EVENTS,
    FILLS,
    INTENTS,
    REFUSALS,
    REPORTS,
    SHADOW_SIGNALS,
    SIGNALS,
    TOPICS,
    VENUE_NOTICES,
    DeadLetter,
    Topic,
)
from core.contracts.trace import Trace

ROOT = Path(__file__).resolve().parents[2]
NOW_NS = 1_767_323_045_678_901_234

FILL = Fill(
    trade_id="9",
    client_order_id="t1",
    venue="hitbtc",
    symbol="IOTAUSDT",
    side=Side.BUY,
    price=Amount("0.0000001"),
    quantity=Amount("1E+3"),
    fee=Amount("-0.00000001"),
    fee_asset="USDT",
    taker=True,
    venue_ns=NOW_NS,
    received_ns=NOW_NS,
)
SIGNAL = Signal(
    id="s1",
    story_id="st1",
    event_id="e1",
    asset="IOTA",
    direction=Direction.BUY,
    event_type=EventType.LISTING,
    confidence=0.9,
    reasons=("rule:listing",),
    headline="IOTA listed",
    source="rss",
    channel="wire",
    published_ns=NOW_NS,
    received_ns=NOW_NS,
    expires_ns=NOW_NS,
)

RECORDS: list[tuple[Topic[Any], msgspec.Struct]] = [
    (
        EVENTS,
        Event(
            id="e1",
            source="rss",
            channel="wire",
            native_id="1",
            published_ns=NOW_NS,
            received_ns=NOW_NS,
        ),
    ),
    (SIGNALS, SIGNAL),
    (SHADOW_SIGNALS, SIGNAL),
    (
        INTENTS,
        Approved(
            intent=Intent(
                client_order_id="t1",
                signal_id="s1",
                desk="event",
                leg="entry",
                venue="hitbtc",
                symbol="IOTAUSDT",
                asset="IOTA",
                quote_asset="USDT",
                side=Side.BUY,
                quantity=Amount("10"),
                limit_price=Amount("1E-7"),
                created_ns=NOW_NS,
                expires_ns=NOW_NS,
            ),
            approved_ns=NOW_NS,
        ),
    ),
    (REFUSALS, Refused(signal_id="s1", reason=RefuseReason.EXPIRED, refused_ns=NOW_NS)),
    (
        REPORTS,
        OrderReport(
            client_order_id="t1",
            venue="hitbtc",
            symbol="IOTAUSDT",
            report=Report.FILLED,
            fill=FILL,
            received_ns=NOW_NS,
        ),
    ),
    (FILLS, FILL),
    (
        VENUE_NOTICES,
        VenueNotice(
            id="n1",
            venue="hitbtc",
            kind=NoticeKind.MAINTENANCE,
            state=NoticeState.SCHEDULED,
            impact=Impact.MAINTENANCE,
            starts_ns=NOW_NS,
            affects=(Affected.TRADING,),
            pairs=("BTC/USDT",),
            event_id="e1",
            revision=1_767_323_045,
            received_ns=NOW_NS,
        ),
    ),
    (
        DEAD_LETTERS,
        DeadLetter(
            topic="tidings.events", partition=1, offset=2, reason="?", raw=b"\xff", failed_ns=NOW_NS
        ),
    ),
]


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize(("topic", "record"), RECORDS, ids=lambda value: str(value)[:24])
def test_record_on_the_wire_fits_its_topics_schema(
    topic: Topic[Any], record: msgspec.Struct
) -> None:
    validator(json_schema(topic)).validate(json.loads(encode(record)))


def test_every_topic_has_a_record_in_these_tests() -> None:
    assert [topic for topic, _ in RECORDS] == list(TOPICS)


@pytest.mark.parametrize("amount", ["1E-7", "", "1.", ".5", "NaN", "+1", "0x1", 0.1, None])
def test_amount_that_is_not_plain_digits_in_a_string_does_not_fit(amount: object) -> None:
    fill = json.loads(encode(FILL)) | {"price": amount}
    assert not validator(json_schema(FILLS)).is_valid(fill)


def test_field_that_a_later_version_adds_fits_the_schema_of_today() -> None:
    fill = json.loads(encode(FILL)) | {"liquidity": "hidden"}
    validator(json_schema(FILLS)).validate(fill)


def test_required_fields_are_those_without_a_default() -> None:
    for topic in TOPICS:
        wanted = {f.encode_name for f in msgspec.structs.fields(topic.record) if f.required}
        definition = json_schema(topic)["$defs"][topic.record.__name__]
        assert set(definition["required"]) == wanted, topic
        for field in msgspec.structs.fields(topic.record):
            if not field.required:
                default = definition["properties"][field.encode_name]["default"]
                assert encode(default) == encode(field.default), (topic, field.name)


def test_what_a_docstring_says_of_a_field_stands_at_the_field() -> None:
    properties = json_schema(SIGNALS)["$defs"]["Signal"]["properties"]
    assert properties["expires_ns"] == {
        "type": "integer",
        "format": "int64",
        "description": (
            "not to be traded at or after this time, UTC ns; a `CLOSE` is always good."
        ),
    }


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_headers_that_we_write_fit_the_documents_header_schema(topic: Topic[Any]) -> None:
    schema = asyncapi()["components"]["messages"][topic.schema]["headers"]
    trace = Trace(NOW_NS)
    trace.parsed = NOW_NS + 1
    for stamps in (trace, Trace()):
        headers = {k: v.decode() for k, v in headers_for(topic, "id-1", "IOTA", stamps)}
        validator(schema).validate(headers)
        assert set(headers) == set(schema["properties"])


def test_document_gives_partitions_and_retention_of_each_topic() -> None:
    channels = asyncapi()["channels"]
    assert {channel["address"] for channel in channels.values()} == {t.name for t in TOPICS}
    for topic in TOPICS:
        kafka = channels[topic.name.removeprefix("tidings.")]["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions
        assert kafka["topicConfiguration"]["retention.ms"] == topic.retention_ms


def test_other_programs_may_send_events_and_signals_but_no_orders() -> None:
    operations = asyncapi()["operations"]
    sent = {name for name, operation in operations.items() if operation["action"] == "send"}
    assert sent == {"send-events", "send-signals"}


def test_table_has_a_row_for_each_topic() -> None:
    rows = {row.name: row for row in topics_table()}
    assert list(rows) == [topic.name for topic in TOPICS]
    assert rows["tidings.events"].retention == "7 days"
    assert rows["tidings.events"].dead_letter == "tidings.dead-letters"
    assert rows["tidings.dead-letters"].dead_letter == "-"


def test_committed_documents_are_those_the_records_give() -> None:
    folder = ROOT / "docs" / "topics"
    committed = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*.json")
    }
    assert committed == documents(), "run python scripts/write_topics.py and commit docs/topics"
