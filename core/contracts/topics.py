"""All topics in one table: name, key, schema, partitions, retention, dead letters."""

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import msgspec

from core.contracts.codec import decoder
from core.contracts.event import Event
from core.contracts.notice import VenueNotice
from core.contracts.orders import Approved, Fill, OrderReport, Refused
from core.contracts.signal import Signal

R = TypeVar("R", bound=msgspec.Struct)

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """What could not be decoded or handled, kept whole.

    Attributes:
        topic: where it was read.
        partition: of that topic; -1 in process.
        offset: in that partition; -1 in process.
        reason: why it could not be handled.
        raw: the bytes as they came (base64 in JSON).
        failed_ns: UTC ns.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    raw: bytes
    failed_ns: int


class Topic(Generic[R]):
    """One stream of one record type.

    Attributes:
        name: on Kafka.
        record: the struct; its JSON Schema is the topic's schema.
        schema: name and version, the CloudEvents `type`.
        key: what the key is, in words; equal keys keep their order.
        partitions: how many, at creation.
        retention_ms: how long the broker keeps records.
        dead_letter: the topic for what can't be handled; None for that topic itself.
        meaning: one sentence for the reader of the table.
        decode: bytes to record, raising `DecodeError`.
    """

    def __init__(
        self,
        name: str,
        record: type[R],
        *,
        schema: str,
        key: str,
        partitions: int,
        retention_ms: int,
        dead_letter: str | None,
        meaning: str,
    ) -> None:
        self.name = name
        self.record = record
        self.schema = schema
        self.key = key
        self.partitions = partitions
        self.retention_ms = retention_ms
        self.dead_letter = dead_letter
        self.meaning = meaning
        self.decode: Callable[[bytes], R] = decoder(record)

    def __repr__(self) -> str:
        return f"Topic({self.name!r})"


DEAD_LETTERS: Final = Topic(
    "tidings.dead-letters",
    DeadLetter,
    schema="tidings.dead-letter.v1",
    key="name of the topic it was read from",
    partitions=1,
    retention_ms=30 * DAY_MS,
    dead_letter=None,
    meaning="What could not be decoded or handled, with its raw bytes and the reason.",
)
EVENTS: Final = Topic(
    "tidings.events",
    Event,
    schema="tidings.event.v1",
    key="asset code, once for each asset the event is about; event id where there is none",
    partitions=4,
    retention_ms=7 * DAY_MS,
    dead_letter=DEAD_LETTERS.name,
    meaning="Every post or article that a crawler read, normalised.",
)
SIGNALS: Final = Topic(
    "tidings.signals",
    Signal,
    schema="tidings.signal.v1",
    key="asset code",
    partitions=4,
    retention_ms=30 * DAY_MS,
    dead_letter=DEAD_LETTERS.name,
    meaning="What to trade, which way and why.",
)
SHADOW_SIGNALS: Final = Topic(
    "tidings.shadow-signals",
    Signal,
    schema="tidings.shadow-signal.v1",
    key="asset code",
    partitions=4,
    retention_ms=30 * DAY_MS,
    dead_letter=DEAD_LETTERS.name,
    meaning="What a model on trial would have traded; nobody trades it.",
)
INTENTS: Final = Topic(
    "tidings.intents",
    Approved,
    schema="tidings.approved.v1",
    key="client order id",
    partitions=4,
    retention_ms=30 * DAY_MS,
    dead_letter=DEAD_LETTERS.name,
    meaning="Orders that the risk gate approved.",
)
REFUSALS: Final = Topic(
    "tidings.refusals",
    Refused,
    schema="tidings.refused.v1",
    key="signal id",
    partitions=4,
    retention_ms=30 * DAY_MS,
    dead_letter=DEAD_LETTERS.name,
    meaning="Signals and intents that became no order, and why.",
)
REPORTS: Final = Topic(
    "tidings.reports",
    OrderReport,
    schema="tidings.order-report.v1",
    key="client order id",
    partitions=4,
    retention_ms=30 * DAY_MS,
    dead_letter=DEAD_LETTERS.name,
    meaning="Every step of every order's life.",
)
FILLS: Final = Topic(
    "tidings.fills",
    Fill,
    schema="tidings.fill.v1",
    key="client order id",
    partitions=4,
    retention_ms=30 * DAY_MS,
    dead_letter=DEAD_LETTERS.name,
    meaning="Every execution.",
)
VENUE_NOTICES: Final = Topic(
    "tidings.venue-notices",
    VenueNotice,
    schema="tidings.venue-notice.v1",
    key="name of the venue",
    partitions=1,
    retention_ms=30 * DAY_MS,
    dead_letter=DEAD_LETTERS.name,
    meaning="Maintenance windows and incidents of exchanges, at each change.",
)

TOPICS: Final[tuple[Topic[Any], ...]] = (
    EVENTS,
    SIGNALS,
    SHADOW_SIGNALS,
    INTENTS,
    REFUSALS,
    REPORTS,
    FILLS,
    VENUE_NOTICES,
    DEAD_LETTERS,
)
