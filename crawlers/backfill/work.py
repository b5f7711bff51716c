"""The work file of a backfill: what was gathered so far and where each channel goes on."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from core.contracts.codec import decoder, encode
from core.contracts.errors import ConfigurationError, Fatal
from core.contracts.event import Event

FORMAT: Final = 1

_APPLICATION: Final = 0x54494442  # "TIDB": tells our files from other people's databases
_TABLES: Final = """
CREATE TABLE job (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), job TEXT NOT NULL);
CREATE TABLE channel (
    name TEXT PRIMARY KEY, cursor TEXT, finished INTEGER NOT NULL, pages INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE event (id TEXT PRIMARY KEY, published_ns INTEGER NOT NULL, body BLOB NOT NULL)
    WITHOUT ROWID;
CREATE INDEX event_order ON event (published_ns, id);
CREATE TABLE refusal (reason TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE published (only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    published_ns INTEGER NOT NULL, id TEXT NOT NULL);
"""
_decode: Final = decoder(Event)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a work file is for; another job can't go on in it.

    Attributes:
        source: kind of source.
        channels: of that source, sorted.
        since_ns: UTC ns, inclusive.
        until_ns: UTC ns, exclusive; also the time at which every event counts as received.
        format: of the work file.
    """

    source: str
    channels: tuple[str, ...]
    since_ns: int
    until_ns: int
    format: int = FORMAT


class Place(NamedTuple):
    """How far one channel has been read."""

    cursor: str | None
    finished: bool
    pages: int


class WorkFile:
    """One backfill's SQLite file; a page and the cursor after it are kept in one transaction.

    Args:
        path: made where missing.

    Raises:
        ConfigurationError: the file is something else.
        Fatal: it can't be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
            (application,) = self._db.execute("PRAGMA application_id").fetchone()
            (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if application != _APPLICATION and tables:
                self._db.close()
                raise ConfigurationError(f"{path} is no work file of a backfill: move it away")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            if not tables:
                self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
                with self._transaction():
                    for statement in _TABLES.split(";\n"):
                        self._db.execute(statement)

    @property
    def job(self) -> Job | None:
        """What was begun here; None in a new file."""
        with self._errors():
            row = self._db.execute("SELECT job FROM job").fetchone()
        return msgspec.json.decode(row[0], type=Job) if row else None

    def begin(self, job: Job) -> None:
        """Keep what this file is for, or check that it is for this.

        Raises:
            ConfigurationError: it was begun for another range or other channels.
        """
        begun = self.job
        if begun is None:
            with self._errors():
                text = msgspec.json.encode(job).decode()
                self._db.execute("INSERT INTO job VALUES (1, ?)", (text,))
        elif begun != job:
            raise ConfigurationError(
                f"{self._path} holds an unfinished backfill of other channels or another range "
                f"({msgspec.json.encode(begun).decode()}): finish that one, delete the file, or "
                "name another output"
            )

    def place(self, channel: str) -> Place:
        """Tell how far a channel has been read."""
        with self._errors():
            row = self._db.execute(
                "SELECT cursor, finished, pages FROM channel WHERE name = ?", (channel,)
            ).fetchone()
        return Place(row[0], bool(row[1]), row[2]) if row else Place(None, finished=False, pages=0)

    def keep(
        self,
        channel: str,
        place: Place,
        events: Sequence[Event],
        refusals: Iterable[str],
    ) -> int:
        """Keep a page and where the next one begins, all or nothing; returns how many were new."""
        with self._errors(), self._transaction():
            before = self._db.total_changes
            self._db.executemany(
                "INSERT OR IGNORE INTO event VALUES (?, ?, ?)",
                [(event.id, event.published_ns, encode(event)) for event in events],
            )
            new = self._db.total_changes - before
            self._db.executemany(
                "INSERT INTO refusal VALUES (?, 1)"
                " ON CONFLICT (reason) DO UPDATE SET count = count + 1",
                [(reason,) for reason in refusals],
            )
            self._db.execute(
                "INSERT OR REPLACE INTO channel VALUES (?, ?, ?, ?)",
                (channel, place.cursor, place.finished, place.pages),
            )
        return new

    def count(self) -> int:
        """Count the events gathered."""
        with self._errors():
            (count,) = self._db.execute("SELECT count(*) FROM event").fetchone()
        return int(count)

    def refusals(self) -> dict[str, int]:
        """Count what became no event, by reason."""
        with self._errors():
            return dict(self._db.execute("SELECT reason, count FROM refusal ORDER BY reason"))

    def events(self, after: tuple[int, str] | None = None) -> Iterator[Event]:
        """Give the events, oldest first, equal times by id; from behind a place where given."""
        with self._errors():
            rows = self._db.execute(
                "SELECT body FROM event WHERE (published_ns, id) > (?, ?)"
                " ORDER BY published_ns, id",
                after or (-1, ""),
            )
            for (body,) in rows:
                yield _decode(body)

    def published(self) -> tuple[int, str] | None:
        """Give the place (time and id) up to which events have been published."""
        with self._errors():
            row = self._db.execute("SELECT published_ns, id FROM published").fetchone()
        return (row[0], row[1]) if row else None

    def keep_published(self, event: Event) -> None:
        """Keep that everything up to this event has been published and confirmed."""
        with self._errors():
            self._db.execute(
                "INSERT OR REPLACE INTO published VALUES (1, ?, ?)", (event.published_ns, event.id)
            )

    @contextmanager
    def reopened(self) -> Iterator["WorkFile"]:
        """Give the same file on a connection of its own, for another thread."""
        other = WorkFile(self._path)
        try:
            yield other
        finally:
            other.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def delete(self) -> None:
        """Close and delete the file: the work is done."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise Fatal(
                f"the work file {self._path} can't be used: {error}: is another backfill at work "
                "on it, is the disk full?"
            ) from error
