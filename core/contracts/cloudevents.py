"""CloudEvents 1.0 headers for Kafka, binary content mode: the record is the value, as it is.

Source: CloudEvents Kafka Protocol Binding 1.0.2, section 3.2.
"""

from collections.abc import Iterable
from typing import Any, Final

from core.contracts.errors import DecodeError
from core.contracts.topics import Topic
from core.contracts.trace import Trace

CONTENT_TYPE: Final = b"application/json"
TRACE_HEADER: Final = "tidings-trace"

Headers = list[tuple[str, bytes]]


def headers_for(topic: Topic[Any], record_id: str, key: str, trace: Trace) -> Headers:
    """Make the headers of one record."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", record_id.encode()),
        ("ce_source", b"/tidings"),
        ("ce_type", topic.schema.encode()),
        ("ce_subject", key.encode()),
        ("content-type", CONTENT_TYPE),
        (TRACE_HEADER, trace.to_header()),
    ]


def check_headers(
    topic: Topic[Any], headers: Iterable[tuple[str, bytes | None]], raw: bytes
) -> Trace:
    """Read a record's headers: its trace, once its type is found to be the topic's.

    A record without CloudEvents headers is taken by its body alone: other tools may produce one.

    Raises:
        DecodeError: `ce_type` names another schema or version than the topic's.
    """
    trace: Trace | None = None
    for name, value in headers:
        if name == TRACE_HEADER:
            trace = Trace.from_header(value or b"")
        elif name == "ce_type" and value != topic.schema.encode():
            raise DecodeError(f"{topic.name} carries {topic.schema}, not {value!r}", raw)
    return trace or Trace()
