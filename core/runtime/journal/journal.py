"""The journal as the trader uses it: append now, in SQL a moment later, load after a restart."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.clock import Clock
from core.contracts.errors import ConfigurationError, Fatal, Retryable
from core.contracts.gate import GateChange
from core.contracts.story import AssetStories
from core.runtime.journal import sql
from core.runtime.journal.database import open_engine, parse_url, sql_errors, to_its_end
from core.runtime.journal.kinds import GATE, KINDS, STORIES, Kinds
from core.runtime.journal.log import SEGMENT_BYTES, JournalLog, Position
from core.runtime.journal.schema import upgrade

COPY_EVERY_SECONDS: Final = 0.2
COPY_BYTES: Final = 16 * 1024  # a transaction's worth of log: about half a millisecond of our time
CATCH_UP_BYTES: Final = 256 * 1024  # the same before trading begins, when nothing else waits
LONGEST_BACKOFF_SECONDS: Final = 30.0
MAX_BEHIND_BYTES: Final = 1024 * 1024 * 1024


class Journal:
    """Records, durable in the log when `append` returns, and copied to SQL behind it.

    The log is the truth until a record is in SQL; each is copied exactly once, whatever is killed
    when. Parts of the log that are copied are deleted. One database serves one trader.

    Args:
        directory: of the log; made where missing.
        url: of the database, SQLite or PostgreSQL.
        clock: stamps what is appended.
        kinds: names and structs of the records.
        fsync: survive power cuts too, at a disk's round trip a record.
        segment_bytes: size of the log's files.
        max_behind_bytes: so much log may wait for a database that is away; then `run` ends.
    """

    def __init__(
        self,
        directory: Path,
        url: str,
        *,
        clock: Clock,
        kinds: Kinds = KINDS,
        fsync: bool = False,
        segment_bytes: int = SEGMENT_BYTES,
        max_behind_bytes: int = MAX_BEHIND_BYTES,
    ) -> None:
        self._directory = directory
        self._url = url
        self._parsed = parse_url(url)
        self._now_ns = clock.now_ns
        self._kinds = kinds
        self._fsync = fsync
        self._segment_bytes = segment_bytes
        self._max_behind_bytes = max_behind_bytes
        self._log: JournalLog | None = None
        self._engine: AsyncEngine | None = None
        self._copied = Position(0, 0)
        self._copying = asyncio.Lock()
        self._deferred: list[tuple[str, msgspec.Struct]] = []
        self._unwritten: Fatal | None = None
        self.trouble: str | None = None
        """Why the copier waits to try again; None while it works."""

    async def open(self) -> None:
        """Lock the log, bring the tables to this version, copy what SQL lacks.

        Raises:
            ConfigurationError: another process has this log; the log belongs to another database.
            Retryable: the database is away.
            Fatal: the log is corrupt or can't be written.
        """
        try:
            self._log = await asyncio.to_thread(
                JournalLog,
                self._directory,
                kinds=self._kinds,
                segment_bytes=self._segment_bytes,
                fsync=self._fsync,
            )
            await asyncio.to_thread(upgrade, self._url)
            self._engine = open_engine(self._parsed)
            self._copied = await self._resume(self._log, self._engine)
            while await self._copy_some(self._log, self._engine, CATCH_UP_BYTES):
                pass
        except BaseException:
            await self._release()
            raise

    def append(self, kind: str, record: msgspec.Struct) -> None:
        """Write a record; it survives this process's death when this returns. A few microseconds.

        Raises:
            TypeError: `record` is not what `kind` stands for.
            Fatal: it could not be written: do nothing that relies on it, and stop.
        """
        if self._log is None:
            raise Fatal("the journal is not open")
        self._log.append(kind, record, self._now_ns())

    def append_many(self, records: Iterable[tuple[str, msgspec.Struct]]) -> None:
        """Write several records in their order, at once; errors as for `append`."""
        if self._log is None:
            raise Fatal("the journal is not open")
        self._log.append_many(records, self._now_ns())

    def defer(self, kind: str, record: msgspec.Struct) -> None:
        """Write a record when the present callback of the event loop has ended.

        For what may be lost by a crash within that callback: whatever it was made of is read
        again. A failure to write it comes out of `run`, and of every `append` from then on.
        """
        if not self._deferred:
            asyncio.get_running_loop().call_soon(self._write_deferred)
        self._deferred.append((kind, record))

    def _write_deferred(self) -> None:
        deferred, self._deferred = self._deferred, []
        if self._log is None or not deferred:
            return
        try:
            self._log.append_many(deferred, self._now_ns())
        except Fatal as error:
            self._unwritten = error

    @property
    def behind(self) -> int:
        """How many bytes of log are not in SQL yet."""
        return 0 if self._log is None else self._log.size_after(self._copied)

    async def run(self) -> None:
        """Copy what is appended, until cancelled; a database that is away is tried again.

        Raises:
            Fatal: the log is corrupt, SQL refuses a record, or more than `max_behind_bytes` wait.
        """
        delay = COPY_EVERY_SECONDS
        while True:
            try:
                await self.flush()
                self.trouble, delay = None, COPY_EVERY_SECONDS
            except Retryable as error:
                if self.behind > self._max_behind_bytes:
                    raise Fatal(
                        f"{self.behind} bytes of journal are not in SQL, more than the "
                        f"{self._max_behind_bytes} allowed; bring the database back: {error}"
                    ) from error
                self.trouble, delay = str(error), min(2 * delay, LONGEST_BACKOFF_SECONDS)
            await asyncio.sleep(delay)

    async def flush(self) -> None:
        """Copy until SQL has everything appended so far.

        Raises:
            Retryable: the database is away; the log keeps what is not copied.
            Fatal: as for `run`.
        """
        log, engine = self._opened()
        self._write_deferred()
        if self._unwritten is not None:
            raise self._unwritten
        async with self._copying:
            while await to_its_end(self._copy_some(log, engine, COPY_BYTES)):
                pass

    async def load(self, kind: str, since_ns: int = 0) -> list[Any]:
        """Read what SQL has of a kind, appended at or after `since_ns` (UTC ns), oldest first.

        Of `stories` it has the last of each asset. What was appended after `open` may be missing
        until `flush`.

        Raises:
            Retryable: the database is away.
        """
        _, engine = self._opened()
        table = sql.TABLES.get(kind, sql.OTHERS)
        with sql_errors(self._parsed, f"read {kind!r} records"):
            return await sql.load(
                engine, kind, self._kinds[kind], where=[table.c.at_ns >= since_ns]
            )

    async def load_stories(self, since_ns: int = 0) -> list[AssetStories]:
        """Read each asset's last stories, of those appended at or after `since_ns` (UTC ns)."""
        return await self.load(STORIES, since_ns)

    async def load_latest_gate(self) -> GateChange | None:
        """Read the last gate change; None where there never was one."""
        _, engine = self._opened()
        with sql_errors(self._parsed, "read the gate"):
            newest = await sql.load_newest(engine, sql.TABLES[GATE], GateChange, 1)
        return newest[0] if newest else None

    async def close(self) -> None:
        """Copy the rest, then release the log and the database, whether or not that worked.

        Raises:
            Retryable: the database is away; the next `open` copies the rest.
        """
        if self._log is None:
            return
        try:
            await self.flush()
        finally:
            await self._release()

    def _opened(self) -> tuple[JournalLog, AsyncEngine]:
        if self._log is None or self._engine is None:
            raise Fatal("the journal is not open")
        return self._log, self._engine

    async def _release(self) -> None:
        if self._log is not None:
            self._log.close()
        if self._engine is not None:
            await self._engine.dispose()
        self._log = self._engine = None

    async def _resume(self, log: JournalLog, engine: AsyncEngine) -> Position:
        """Find where copying goes on, when log and database may each have been replaced."""
        with sql_errors(self._parsed, "find the journal's position"):
            position = await sql.load_position(engine, log.id)
            if position is None and log.start.segment != 1:
                raise ConfigurationError(
                    f"the journal in {self._directory} was copied to another database than "
                    f"{self._parsed}: set that one's URL again, or move the directory away to "
                    "begin a new journal"
                )
            if position is None:
                await sql.start_position(engine, log.id, log.start)
                return log.start
            if position > log.end:  # a power cut took from the log what SQL already has
                following = Position(position.segment + 1, 0)
                await sql.copy(engine, log.id, [], position, following)
                log.begin_segment(following.segment)
                return following
            return position

    async def _copy_some(self, log: JournalLog, engine: AsyncEngine, max_bytes: int) -> bool:
        """Copy one batch; False when there was nothing to copy."""
        entries, after = log.read(self._copied, max_bytes=max_bytes)
        if not entries:
            return False
        with sql_errors(self._parsed, "copy the journal"):
            if await sql.copy(engine, log.id, entries, self._copied, after):
                self._copied = after
            else:
                self._copied = await sql.load_position(engine, log.id) or log.start
        if log.start.segment < self._copied.segment:
            await asyncio.to_thread(log.delete_before, self._copied.segment)
        return True
