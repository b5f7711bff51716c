"""Copies the log's records to their tables, each exactly once, and reads them back."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar, cast

import msgspec
from sqlalchemy import ColumnElement, Insert, RowMapping, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.codec import decoder, encode
from core.contracts.orders import Approved, Fill, Intent, OrderReport
from core.runtime.journal import kinds
from core.runtime.journal.database import reading
from core.runtime.journal.log import Position
from core.runtime.journal.models import (
    Base,
    ExitClosedRow,
    ExitPlanRow,
    FillRow,
    GateRow,
    IntentRow,
    OtherRow,
    PositionRow,
    RefusedRow,
    ReportRow,
    SignalRow,
    StoriesRow,
)
from core.runtime.journal.segments import Entry

R = TypeVar("R", bound=msgspec.Struct)


def table_of(model: type[Base]) -> Table:
    """Give the table behind a model."""
    return cast(Table, model.__table__)


TABLES: Final = {
    kinds.SIGNAL: table_of(SignalRow),
    kinds.INTENT: table_of(IntentRow),
    kinds.REPORT: table_of(ReportRow),
    kinds.REFUSED: table_of(RefusedRow),
    kinds.GATE: table_of(GateRow),
    kinds.STORIES: table_of(StoriesRow),
    kinds.EXIT_PLAN: table_of(ExitPlanRow),
    kinds.EXIT_CLOSED: table_of(ExitClosedRow),
}
FILLS: Final = table_of(FillRow)
OTHERS: Final = table_of(OtherRow)
POSITION: Final = table_of(PositionRow)


def insert_into(engine: AsyncEngine, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Begin an insert that can say what to do on conflict."""
    on_sqlite = engine.dialect.name == "sqlite"
    return sqlite.insert(table) if on_sqlite else postgresql.insert(table)


async def load_position(engine: AsyncEngine, log_id: str) -> Position | None:
    """Say up to where a log has been copied; None where nothing ever was."""
    columns = select(POSITION.c.segment, POSITION.c.byte_offset)
    async with reading(engine).begin() as connection:
        row = (await connection.execute(columns.where(POSITION.c.log_id == log_id))).one_or_none()
    return None if row is None else Position(*row)


async def start_position(engine: AsyncEngine, log_id: str, position: Position) -> None:
    """Note that a log is to be copied from `position` on, unless that is noted already."""
    values = {"log_id": log_id, "segment": position.segment, "byte_offset": position.offset}
    async with engine.begin() as connection:
        await connection.execute(insert_into(engine, POSITION).on_conflict_do_nothing(), values)


async def copy(
    engine: AsyncEngine, log_id: str, entries: Sequence[Entry], before: Position, after: Position
) -> bool:
    """Write the records that stand between two positions of a log, in one transaction.

    Returns:
        False, with nothing written, where the noted position is not `before`: an earlier copy of
        the same records was committed though its answer was lost.
    """
    rows: dict[Table, list[dict[str, Any]]] = {}
    for entry in entries:
        _add_rows(entry, rows)
    move = (
        update(POSITION)
        .where(
            POSITION.c.log_id == log_id,
            POSITION.c.segment == before.segment,
            POSITION.c.byte_offset == before.offset,
        )
        .values(segment=after.segment, byte_offset=after.offset)
    )
    async with engine.begin() as connection:
        if (await connection.execute(move)).rowcount != 1:
            return False
        for table, values in rows.items():
            await connection.execute(_insert(engine, table), values)
    return True


async def load(
    engine: AsyncEngine, kind: str, record: type[R], *, where: Sequence[ColumnElement[bool]] = ()
) -> list[R]:
    """Read all records of a kind, oldest first, that meet every condition on `TABLES[kind]`."""
    table = TABLES.get(kind, OTHERS)
    query = select(table).where(*where)
    if table is OTHERS:
        query = query.where(OTHERS.c.kind == kind)
    query = query.order_by(table.c.at_ns if table is TABLES[kinds.STORIES] else table.c.seq)
    async with reading(engine).begin() as connection:
        rows = (await connection.execute(query)).mappings().all()
    if table is OTHERS:
        decode = decoder(record)
        return [decode(row["body"].encode()) for row in rows]
    return [from_row(record, row) for row in rows]


async def load_newest(
    engine: AsyncEngine,
    table: Table,
    record: type[R],
    limit: int,
    *,
    where: Sequence[ColumnElement[bool]] = (),
) -> list[R]:
    """Read the newest `limit` records of a table that meet every condition, newest first."""
    query = select(table).where(*where).order_by(table.c.seq.desc()).limit(limit)
    async with reading(engine).begin() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [from_row(record, row) for row in rows]


def from_row(record: type[R], row: RowMapping) -> R:
    """Make the record that a row was made of."""
    if record is Approved:
        intent = Intent(**{name: row[name] for name in Intent.__struct_fields__})
        return record(intent=intent, approved_ns=row["approved_ns"])
    return record(**{name: row[name] for name in record.__struct_fields__})


def _add_rows(entry: Entry, rows: dict[Table, list[dict[str, Any]]]) -> None:
    """Add what one record becomes: a row, and a report's fill as one more."""
    kind, at_ns, record = entry
    table = TABLES.get(kind, OTHERS)
    if isinstance(record, Approved):
        values = msgspec.structs.asdict(record.intent) | {"approved_ns": record.approved_ns}
    elif table is OTHERS:
        values = {"kind": kind, "body": encode(record).decode()}
    else:
        values = msgspec.structs.asdict(record)
    values["at_ns"] = at_ns
    rows.setdefault(table, []).append(values)
    if isinstance(record, OrderReport) and isinstance(record.fill, Fill):
        fill = msgspec.structs.asdict(record.fill) | {"at_ns": at_ns}
        rows.setdefault(FILLS, []).append(fill)


def _insert(engine: AsyncEngine, table: Table) -> Insert:
    insert = insert_into(engine, table)
    if table is FILLS:  # the venue told the same execution again
        return insert.on_conflict_do_nothing()
    if table is TABLES[kinds.STORIES]:
        new = {name: insert.excluded[name] for name in ("at_ns", "stories", "changed_ns")}
        return insert.on_conflict_do_update(index_elements=["asset"], set_=new)
    return insert
