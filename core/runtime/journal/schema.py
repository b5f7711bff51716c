"""Brings a database's tables to this version with Alembic's migrations."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import create_engine

from core.contracts.errors import Fatal
from core.runtime.journal.database import (
    SQLITE,
    connect_arguments,
    parse_url,
    prepare_sqlite,
    sql_errors,
)

_ADVISORY_LOCK: Final = 0x7469_6469_6E67_73  # any number of ours: "tidings"


def upgrade(url: str) -> None:
    """Run the migrations that a database lacks; makes an SQLite file where there is none.

    Blocks; from a coroutine, call it in a thread. Processes that start together take turns. All
    migrations are one transaction.

    Raises:
        ConfigurationError: not a URL of SQLite or PostgreSQL.
        Retryable: the database is away or busy.
        Fatal: the database has tables of a later version, or not ours.
    """
    parsed = parse_url(url)
    on_sqlite = parsed.drivername == SQLITE
    if on_sqlite:
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        parsed.set(drivername="sqlite") if on_sqlite else parsed,
        hide_parameters=True,
        connect_args=connect_arguments(parsed),
    )
    if on_sqlite:
        prepare_sqlite(engine)
    config = Config()
    config.set_main_option("script_location", "core.runtime.journal:migrations")
    try:
        with sql_errors(parsed, "prepare the tables"), engine.begin() as connection:
            if not on_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise Fatal(
            f"{parsed} has the tables of another version ({error}): "
            "run the version that made them, or a newer one"
        ) from error
    finally:
        engine.dispose()
