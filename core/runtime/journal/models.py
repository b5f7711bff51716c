"""The SQL tables of the journal and of the crawlers' cursors, as SQLAlchemy models."""

from enum import Enum
from typing import Final

from sqlalchemy import BigInteger, Double, Index, Integer, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.contracts.gate import GateState
from core.contracts.money import Amount
from core.contracts.orders import Fill, RefuseReason, Report, Side, TimeInForce
from core.contracts.signal import Action, Direction, EventType
from core.contracts.story import Story
from core.runtime.journal.columns import AmountText, Wire, Words, words_of

_NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """All tables. Times are UTC nanoseconds; columns are named as the records' fields."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as it is
        int: BigInteger,
        float: Double,
        str: Words,
        Amount: AmountText,
        Enum: words_of(Enum),
        tuple[str, ...]: Wire(tuple[str, ...]),
        tuple[Story, ...]: Wire(tuple[Story, ...]),
        Fill: Wire(Fill),
    }


class Journaled:
    """What every copied line has: its place in the table's order, and when it was appended."""

    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, sort_order=-2
    )
    at_ns: Mapped[int] = mapped_column(index=True, sort_order=-1)


class SignalRow(Journaled, Base):
    """`Signal`."""

    __tablename__ = "signals"

    id: Mapped[str] = mapped_column(index=True)
    story_id: Mapped[str]
    event_id: Mapped[str]
    asset: Mapped[str]
    direction: Mapped[Direction]
    event_type: Mapped[EventType]
    confidence: Mapped[float]
    reasons: Mapped[tuple[str, ...]]
    headline: Mapped[str]
    source: Mapped[str]
    channel: Mapped[str]
    published_ns: Mapped[int]
    received_ns: Mapped[int]
    expires_ns: Mapped[int]
    action: Mapped[Action]
    share: Mapped[float]
    follows: Mapped[str | None]


class IntentRow(Journaled, Base):
    """`Approved`: the fields of its intent, and when it was approved."""

    __tablename__ = "intents"

    client_order_id: Mapped[str] = mapped_column(index=True)
    signal_id: Mapped[str]
    desk: Mapped[str]
    leg: Mapped[str]
    venue: Mapped[str]
    symbol: Mapped[str]
    asset: Mapped[str]
    quote_asset: Mapped[str]
    side: Mapped[Side]
    quantity: Mapped[Amount]
    limit_price: Mapped[Amount]
    time_in_force: Mapped[TimeInForce]
    reduces: Mapped[bool]
    created_ns: Mapped[int]
    expires_ns: Mapped[int]
    approved_ns: Mapped[int]


class ReportRow(Journaled, Base):
    """`OrderReport`, each as it came."""

    __tablename__ = "order_reports"

    client_order_id: Mapped[str] = mapped_column(index=True)
    venue: Mapped[str]
    symbol: Mapped[str]
    report: Mapped[Report]
    venue_order_id: Mapped[str | None]
    filled_quantity: Mapped[Amount]
    fill: Mapped[Fill | None]
    code: Mapped[str | None]
    detail: Mapped[str]
    venue_ns: Mapped[int | None]
    received_ns: Mapped[int]


class FillRow(Journaled, Base):
    """`Fill`: each execution once, however often the venue told it."""

    __tablename__ = "fills"
    __table_args__ = (UniqueConstraint("venue", "trade_id", "client_order_id"),)

    trade_id: Mapped[str]
    client_order_id: Mapped[str] = mapped_column(index=True)
    venue: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[Side]
    price: Mapped[Amount]
    quantity: Mapped[Amount]
    fee: Mapped[Amount]
    fee_asset: Mapped[str]
    taker: Mapped[bool]
    venue_ns: Mapped[int]
    received_ns: Mapped[int]


class RefusedRow(Journaled, Base):
    """`Refused`."""

    __tablename__ = "refusals"

    signal_id: Mapped[str] = mapped_column(index=True)
    reason: Mapped[RefuseReason]
    client_order_id: Mapped[str | None]
    asset: Mapped[str | None]
    detail: Mapped[str]
    refused_ns: Mapped[int]


class GateRow(Journaled, Base):
    """`GateChange`."""

    __tablename__ = "gate_changes"

    state: Mapped[GateState]
    reason: Mapped[str]
    by: Mapped[str]
    changed_ns: Mapped[int]


class ExitPlanRow(Journaled, Base):
    """`ExitPlan`."""

    __tablename__ = "exit_plans"

    signal_id: Mapped[str]
    entry_client_order_id: Mapped[str] = mapped_column(index=True)
    venue: Mapped[str]
    symbol: Mapped[str]
    asset: Mapped[str]
    quote_asset: Mapped[str]
    side: Mapped[Side]
    entry_price: Mapped[Amount]
    take_profit: Mapped[Amount]
    stop: Mapped[Amount]
    close_at_ns: Mapped[int]


class ExitClosedRow(Journaled, Base):
    """`ExitClosed`."""

    __tablename__ = "exits_closed"

    entry_client_order_id: Mapped[str] = mapped_column(index=True)
    closed_ns: Mapped[int]


class OtherRow(Journaled, Base):
    """A record of a kind without a table of its own, as JSON."""

    __tablename__ = "other_records"
    __table_args__ = (Index(None, "kind", "at_ns"),)

    kind: Mapped[str]
    body: Mapped[str]


class StoriesRow(Base):
    """`AssetStories`: the last value of each asset."""

    __tablename__ = "asset_stories"

    asset: Mapped[str] = mapped_column(primary_key=True)
    at_ns: Mapped[int] = mapped_column(index=True)
    stories: Mapped[tuple[Story, ...]]
    changed_ns: Mapped[int]


class PositionRow(Base):
    """How far a log has been copied; moved in the transaction that copies."""

    __tablename__ = "journal_position"

    log_id: Mapped[str] = mapped_column(primary_key=True)
    segment: Mapped[int]
    byte_offset: Mapped[int]


class CursorRow(Base):
    """Where a crawler has read a channel to."""

    __tablename__ = "crawl_cursors"

    source: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    cursor: Mapped[str | None]
    at_ns: Mapped[int]


class SeenRow(Base):
    """An event that was published, so that it is not published again."""

    __tablename__ = "seen_events"
    __table_args__ = (UniqueConstraint("source", "event_id"), Index(None, "source", "at_ns"))

    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    source: Mapped[str]
    event_id: Mapped[str]
    at_ns: Mapped[int]
