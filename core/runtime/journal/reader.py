"""Reads orders, fills and signals from SQL while a trader runs; takes no lock."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from core.contracts.errors import Rejected
from core.contracts.gate import GateChange
from core.contracts.orders import Approved, Fill, OrderReport, Refused
from core.contracts.signal import Signal
from core.runtime.journal import sql
from core.runtime.journal.database import SQLITE, open_engine, parse_url, sql_errors
from core.runtime.journal.kinds import GATE, INTENT, REFUSED, REPORT, SIGNAL


class JournaledOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An approved order and everything that was reported of it, oldest first."""

    approved: Approved
    reports: tuple[OrderReport, ...]


class JournalReader:
    """What the journal's SQL tables hold; a running trader's last moments may be missing.

    Use it as `async with JournalReader(url) as reader:`. Lists come newest first.

    Raises:
        Retryable: the database is away (any method).
        Rejected: the SQLite file does not exist yet (on entering).
        Fatal: the database is not Tidings' own (any method).
    """

    def __init__(self, url: str) -> None:
        self._url = parse_url(url)
        self._engine = open_engine(self._url)

    async def __aenter__(self) -> Self:
        path = Path(str(self._url.database))
        if self._url.drivername == SQLITE and not await asyncio.to_thread(path.exists):
            raise Rejected(
                f"no journal at {path} yet: start Tidings once, or set its data directory"
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._engine.dispose()

    async def signals(self, *, since_ns: int = 0, limit: int = 100) -> list[Signal]:
        """Read signals appended at or after `since_ns` (UTC ns)."""
        return await self._newest(SIGNAL, Signal, since_ns, limit)

    async def refusals(self, *, since_ns: int = 0, limit: int = 100) -> list[Refused]:
        """Read refusals appended at or after `since_ns` (UTC ns)."""
        return await self._newest(REFUSED, Refused, since_ns, limit)

    async def fills(self, *, since_ns: int = 0, limit: int = 100) -> list[Fill]:
        """Read fills appended at or after `since_ns` (UTC ns), each execution once."""
        with sql_errors(self._url, "read fills"):
            return await sql.load_newest(
                self._engine, sql.FILLS, Fill, limit, where=[sql.FILLS.c.at_ns >= since_ns]
            )

    async def orders(self, *, since_ns: int = 0, limit: int = 100) -> list[JournaledOrder]:
        """Read orders approved at or after `since_ns` (UTC ns), each with all its reports."""
        intents = await self._newest(INTENT, Approved, since_ns, limit)
        ids = [approved.intent.client_order_id for approved in intents]
        column = sql.TABLES[REPORT].c.client_order_id
        with sql_errors(self._url, "read order reports"):
            found = await sql.load(self._engine, REPORT, OrderReport, where=[column.in_(ids)])
        reports: dict[str, list[OrderReport]] = {}
        for report in found:
            reports.setdefault(report.client_order_id, []).append(report)
        return [
            JournaledOrder(
                approved=approved, reports=tuple(reports.get(approved.intent.client_order_id, ()))
            )
            for approved in intents
        ]

    async def latest_gate(self) -> GateChange | None:
        """Read the last gate change; None where there never was one."""
        newest = await self._newest(GATE, GateChange, 0, 1)
        return newest[0] if newest else None

    async def _newest(
        self, kind: str, record: type[sql.R], since_ns: int, limit: int
    ) -> list[sql.R]:
        table = sql.TABLES[kind]
        with sql_errors(self._url, f"read {kind!r} records"):
            return await sql.load_newest(
                self._engine, table, record, limit, where=[table.c.at_ns >= since_ns]
            )
