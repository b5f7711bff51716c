"""Keeps each crawler's place, and what it has published, in SQL."""

import asyncio
from collections.abc import Sequence
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.errors import Fatal
from core.runtime.journal.database import (
    open_engine,
    parse_url,
    reading,
    sql_errors,
    to_its_end,
)
from core.runtime.journal.models import CursorRow, SeenRow
from core.runtime.journal.schema import upgrade
from core.runtime.journal.sql import insert_into, table_of

RETENTION_NS: Final = 14 * 24 * 3_600 * 1_000_000_000

_CURSORS: Final = table_of(CursorRow)
_SEEN: Final = table_of(SeenRow)


class SqlCursorStore:
    """The `CursorStore` on the journal's database, SQLite or PostgreSQL; any number at once.

    Args:
        url: of the database.
        retention_ns: published ids older than this, by the time given to `save`, are dropped.
    """

    def __init__(self, url: str, *, retention_ns: int = RETENTION_NS) -> None:
        self._url = url
        self._parsed = parse_url(url)
        self._retention_ns = retention_ns
        self._engine: AsyncEngine | None = None

    async def open(self) -> None:
        """Bring the tables to this version.

        Raises:
            Retryable: the database is away.
            Fatal: it is not Tidings' own, or of a later version.
        """
        await asyncio.to_thread(upgrade, self._url)
        self._engine = open_engine(self._parsed)

    async def close(self) -> None:
        """Disconnect."""
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    async def load_cursor(self, source: str, channel: str) -> str | None:
        """Give what `save` last kept for the channel; None at the first start.

        Raises:
            Retryable: the database is away.
        """
        query = select(_CURSORS.c.cursor).where(
            _CURSORS.c.source == source, _CURSORS.c.channel == channel
        )
        with sql_errors(self._parsed, f"read the cursor of {source}/{channel}"):
            async with reading(self._opened()).begin() as connection:
                return (await connection.execute(query)).scalar_one_or_none()

    async def load_seen(self, source: str, since_ns: int) -> list[str]:
        """Give the event ids of a source published at or after `since_ns`, oldest first.

        Raises:
            Retryable: the database is away.
        """
        query = (
            select(_SEEN.c.event_id)
            .where(_SEEN.c.source == source, _SEEN.c.at_ns >= since_ns)
            .order_by(_SEEN.c.at_ns, _SEEN.c.seq)
        )
        with sql_errors(self._parsed, f"read what {source} has published"):
            async with reading(self._opened()).begin() as connection:
                return list((await connection.execute(query)).scalars())

    async def save(
        self, source: str, channel: str, *, cursor: str | None, seen: Sequence[str], at_ns: int
    ) -> None:
        """Keep a cursor and published event ids in one transaction; drop ids past retention.

        Raises:
            Retryable: the database is away; nothing was kept.
        """
        await to_its_end(self._save(source, channel, cursor, seen, at_ns))

    async def _save(
        self, source: str, channel: str, cursor: str | None, seen: Sequence[str], at_ns: int
    ) -> None:
        engine = self._opened()
        keep = insert_into(engine, _CURSORS)
        new = {name: keep.excluded[name] for name in ("cursor", "at_ns")}
        keep = keep.on_conflict_do_update(index_elements=["source", "channel"], set_=new)
        with sql_errors(self._parsed, f"keep the cursor of {source}/{channel}"):
            async with engine.begin() as connection:
                await connection.execute(
                    keep, {"source": source, "channel": channel, "cursor": cursor, "at_ns": at_ns}
                )
                if seen:
                    await connection.execute(
                        insert_into(engine, _SEEN).on_conflict_do_nothing(),
                        [{"source": source, "event_id": id_, "at_ns": at_ns} for id_ in seen],
                    )
                await connection.execute(
                    delete(_SEEN).where(
                        _SEEN.c.source == source, _SEEN.c.at_ns < at_ns - self._retention_ns
                    )
                )

    def _opened(self) -> AsyncEngine:
        if self._engine is None:
            raise Fatal("the cursor store is not open")
        return self._engine
