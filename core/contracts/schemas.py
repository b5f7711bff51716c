"""The topics told to other programs: JSON Schemas, AsyncAPI and a table, made from the records."""

import inspect
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import FieldInfo

from core.contracts.cloudevents import CONTENT_TYPE, TRACE_HEADER
from core.contracts.money import Amount
from core.contracts.topics import DAY_MS, EVENTS, SIGNALS, TOPICS, Topic
from core.contracts.trace import STAGES

Json = dict[str, Any]

DOCUMENT_VERSION: Final = "1.0.0"  # of the document: its first part grows with a topic's version
LOCAL_BROKER: Final = "127.0.0.1:9092"  # where docker-compose.yml puts it
AMOUNT_PATTERN: Final = r"^-?[0-9]+(\.[0-9]+)?$"
OPEN_TO_OTHERS: Final = (EVENTS, SIGNALS)  # a program that is not Tidings may write these

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_KAFKA_BINDING: Final = "0.5.0"
_ATTRIBUTE: Final = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


class TopicRow(NamedTuple):
    """One row of `tidings topics`."""

    name: str
    schema: str
    key: str
    partitions: int
    retention: str
    dead_letter: str
    meaning: str


def topics_table() -> list[TopicRow]:
    """Give all topics as rows of text, in the order records pass through them."""
    return [
        TopicRow(
            name=topic.name,
            schema=topic.schema,
            key=topic.key,
            partitions=topic.partitions,
            retention=f"{topic.retention_ms / DAY_MS:g} days",
            dead_letter=topic.dead_letter or "-",
            meaning=topic.meaning,
        )
        for topic in TOPICS
    ]


def json_schema(topic: Topic[Any]) -> Json:
    """Make the JSON Schema (draft 2020-12) of a topic's records, complete in itself."""
    (schema,), definitions = _schemas([topic], "#/$defs/{name}")
    return {"$schema": _DIALECT, "title": topic.schema, **schema, "$defs": definitions}


def asyncapi() -> Json:
    """Make the AsyncAPI 3.0.0 document of all topics, told to a program that uses them."""
    payloads, definitions = _schemas(TOPICS, "#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tidings",
            "version": DOCUMENT_VERSION,
            "description": (
                "News as events, what they mean as signals, and what became of them as orders. "
                "The operations are those of your program: it may receive every channel, and send "
                "events and signals of its own. docs/topics/README.md has the rules by which "
                "schemas change."
            ),
            "license": {"name": "MIT"},
        },
        "defaultContentType": CONTENT_TYPE.decode(),
        "servers": {
            "local": {
                "host": LOCAL_BROKER,
                "protocol": "kafka",
                "description": "The broker that docker-compose.yml starts on your machine.",
            }
        },
        "channels": {_channel_id(topic): _channel(topic) for topic in TOPICS},
        "operations": _operations(),
        "components": {
            "messages": {
                topic.schema: _message(topic, payload)
                for topic, payload in zip(TOPICS, payloads, strict=True)
            },
            "schemas": definitions,
        },
    }


def documents() -> dict[str, str]:
    """Give the text of every generated file, by its path under `docs/topics`."""
    made = {f"schemas/{topic.schema}.json": json_schema(topic) for topic in TOPICS}
    return {
        path: _text(document) for path, document in {"asyncapi.json": asyncapi(), **made}.items()
    }


def _text(document: Json) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _channel_id(topic: Topic[Any]) -> str:
    return topic.name.removeprefix("tidings.")


def _channel(topic: Topic[Any]) -> Json:
    return {
        "address": topic.name,
        "description": topic.meaning,
        "messages": {topic.schema: {"$ref": f"#/components/messages/{topic.schema}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": topic.retention_ms,
                },
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _operations() -> Json:
    operations: Json = {}
    for action, topics in (("receive", TOPICS), ("send", OPEN_TO_OTHERS)):
        for topic in topics:
            channel = f"#/channels/{_channel_id(topic)}"
            operations[f"{action}-{_channel_id(topic)}"] = {
                "action": action,
                "channel": {"$ref": channel},
                "messages": [{"$ref": f"{channel}/messages/{topic.schema}"}],
            }
    return operations


def _message(topic: Topic[Any], payload: Json) -> Json:
    return {
        "name": topic.schema,
        "summary": topic.meaning,
        "contentType": CONTENT_TYPE.decode(),
        "headers": _headers(topic),
        "payload": payload,
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": topic.key},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _headers(topic: Topic[Any]) -> Json:
    """Describe what `core.contracts.cloudevents.headers_for` writes."""
    stamp = f"({'|'.join(STAGES)})=[0-9]+"
    return {
        "type": "object",
        "description": "CloudEvents 1.0, binary content mode.",
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type"],
        "properties": {
            "ce_specversion": {"type": "string", "const": "1.0"},
            "ce_id": {
                "type": "string",
                "description": "The record's id: a record that came twice has the same.",
            },
            "ce_source": {"type": "string", "format": "uri-reference"},
            "ce_type": {"type": "string", "const": topic.schema},
            "ce_subject": {"type": "string", "description": topic.key},
            "content-type": {"type": "string", "const": CONTENT_TYPE.decode()},
            TRACE_HEADER: {
                "type": "string",
                "pattern": f"^({stamp}(,{stamp})*)?$",
                "description": "When the record passed each stage, UTC nanoseconds since 1970.",
            },
        },
    }


def _schemas(
    topics: Sequence[Topic[Any]], ref_template: str
) -> tuple[tuple[Json, ...], dict[str, Json]]:
    """Make the schema of each topic's record, and the definitions that these refer to."""
    schemas, definitions = msgspec.json.schema_components(
        [_with_plain_defaults(topic.record) for topic in topics],
        schema_hook=_special_schema,
        ref_template=ref_template,
    )
    for topic in topics:
        properties = definitions[topic.record.__name__]["properties"]
        for field in _amount_defaults(topic.record):
            properties[field.encode_name]["default"] = str(field.default)
    for definition in definitions.values():
        _describe(definition)
    return schemas, definitions


def _special_schema(kind: type[Any]) -> Json:
    """Describe what msgspec does not know: amounts."""
    if kind is Amount:
        return {
            "type": "string",
            "pattern": AMOUNT_PATTERN,
            "description": "A decimal number, exact: read it as one, never through a double.",
        }
    raise NotImplementedError(f"no schema for {kind.__name__}")


def _amount_defaults(record: type[msgspec.Struct]) -> list[FieldInfo]:
    return [f for f in msgspec.structs.fields(record) if isinstance(f.default, Amount)]


def _with_plain_defaults(record: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Hide defaults that are amounts behind factories: msgspec can't put them in a schema."""
    fields = [
        (field.name, field.type, msgspec.field(default_factory=Amount))
        for field in _amount_defaults(record)
    ]
    if not fields:
        return record
    return msgspec.defstruct(
        record.__name__, fields, bases=(record,), namespace={"__doc__": record.__doc__}
    )


def _describe(definition: Json) -> None:
    """Move what a docstring says about each attribute to that property; mark times as int64."""
    text = inspect.cleandoc(definition.get("description", ""))
    meaning, _, attributes = text.partition("\n\nAttributes:\n")
    definition["description"] = meaning
    properties = definition.get("properties", {})
    for name, words in _ATTRIBUTE.findall(attributes):
        properties[name]["description"] = " ".join(words.split())
    for name, schema in properties.items():
        if name.endswith("_ns"):
            for choice in schema.get("anyOf", [schema]):
                if choice["type"] == "integer":
                    choice["format"] = "int64"
