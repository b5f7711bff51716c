"""Opens the SQL database, and says of each failure whether it may work later."""

import asyncio
import sqlite3
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, Engine, event, exc, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from core.contracts.errors import ConfigurationError, Fatal, Retryable

SQLITE: Final = "sqlite+aiosqlite"
POSTGRESQL: Final = "postgresql+psycopg"

_BUSY_TIMEOUT_MS: Final = 10_000  # other processes write the same SQLite file
_CONNECT_SECONDS: Final = 5
_UNACKNOWLEDGED_MS: Final = 10_000  # then a silent server counts as away

_READS_ONLY: Final = "tidings_reads_only"

T = TypeVar("T")


def default_url(data_dir: Path) -> str:
    """Name the SQLite database in `data_dir`, which is used where no other URL is set."""
    return URL.create(SQLITE, database=str(data_dir / "tidings.sqlite")).render_as_string()


def parse_url(url: str) -> URL:
    """Read a database URL.

    Raises:
        ConfigurationError: it is none, or of another kind of database; names no password.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise ConfigurationError(
            f"the database URL can't be read: write {SQLITE}:///PATH or "
            f"{POSTGRESQL}://USER:PASSWORD@HOST:PORT/DATABASE"
        ) from None
    if parsed.drivername not in (SQLITE, POSTGRESQL) or not parsed.database:
        raise ConfigurationError(
            f"the database URL {parsed} must be {SQLITE}:///PATH or "
            f"{POSTGRESQL}://USER:PASSWORD@HOST:PORT/DATABASE"
        )
    return parsed


def connect_arguments(url: URL) -> dict[str, Any]:
    """Give the driver's arguments that keep a dead server from being waited for without end."""
    if url.drivername == SQLITE:
        return {}
    return {
        "connect_timeout": _CONNECT_SECONDS,
        "keepalives_idle": _CONNECT_SECONDS,
        "tcp_user_timeout": _UNACKNOWLEDGED_MS,
    }


def prepare_sqlite(engine: Engine) -> None:
    """Make SQLite shareable: readers don't wait for the writer, writers wait for one another.

    Every transaction takes the write lock when it begins, unless the engine is `reading`: one that
    reads first and writes then would fail at once, however long it could have waited.
    """

    @event.listens_for(engine, "connect")
    def _set_up(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:  # noqa: ARG001
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reads_only = connection.get_execution_options().get(_READS_ONLY)
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def open_engine(url: URL) -> AsyncEngine:
    """Make the engine of a database; it connects when first used."""
    engine = create_async_engine(
        url, hide_parameters=True, connect_args=connect_arguments(url), pool_size=2
    )
    if url.drivername == SQLITE:
        prepare_sqlite(engine.sync_engine)
    return engine


async def to_its_end(transaction: Coroutine[Any, Any, T]) -> T:
    """Await a writing transaction to its end, even when the awaiting task is cancelled.

    Cancelled in the middle, it would leave SQLite's write lock with a connection that nobody uses.
    """
    task = asyncio.ensure_future(transaction)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise


def reading(engine: AsyncEngine) -> AsyncEngine:
    """Give the same engine for transactions that only read, and so keep no writer waiting."""
    return engine.execution_options(**{_READS_ONLY: True})


def _may_pass(error: exc.SQLAlchemyError) -> bool:
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    cause = getattr(error, "orig", None)
    if isinstance(cause, sqlite3.Error) and cause.sqlite_errorcode == sqlite3.SQLITE_ERROR:
        return False  # a missing table or column: SQLite calls that operational too
    return isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError)


@contextmanager
def sql_errors(url: URL, doing: str) -> Iterator[None]:
    """Turn SQL's errors into ours; the message names the database without its password.

    Raises:
        Retryable: the database is away or busy.
        Fatal: it answered that it can't do this, now or later.
    """
    try:
        yield
    except exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().split("\n", 1)[0]
        if url.password:
            reason = reason.replace(str(url.password), "***")
        what = f"could not {doing} in {url.render_as_string(hide_password=True)}: {reason}"
        if _may_pass(error):
            raise Retryable(f"{what}: is the database up, and is there room?") from error
        raise Fatal(f"{what}: is this database Tidings' own, and of this version?") from error
