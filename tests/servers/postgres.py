"""Starts a real PostgreSQL server for the tests that need one, and gives them databases."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.servers.loopback import free_port
from tests.servers.requirement import require

START_SECONDS = 60.0
USER = "tidings"
PASSWORD = "only-for-tests"  # the server listens on loopback and lives as long as the tests


def _programs() -> Path | None:
    """Find the folder of initdb and postgres: on the path, or where Debian puts the newest."""
    packaged = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name)
    )
    on_path = shutil.which("initdb")
    candidates = ([Path(on_path).resolve().parent] if on_path else []) + packaged[::-1]
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


def _account() -> str | None:
    """Name the account the server runs under; PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _start(programs: Path, folder: Path, port: int, log: Path) -> subprocess.Popen[bytes]:
    """Make a cluster in `folder` and start its server, both under an account that isn't root."""
    account = _account()
    data, password_file = folder / "data", folder / "password"
    password_file.write_text(PASSWORD)
    if account is not None:
        entry = pwd.getpwnam(account)
        for path in (folder, password_file):
            os.chown(path, entry.pw_uid, entry.pw_gid)
    initialise = [str(programs / "initdb"), "--no-sync", "--auth=scram-sha-256", "--encoding=UTF8"]
    initialise += ["--locale=C", f"--username={USER}", f"--pwfile={password_file}"]
    group = None if account is None else pwd.getpwnam(account).pw_gid
    groups: list[int] | None = None if account is None else []
    made = subprocess.run(
        [*initialise, "--pgdata", str(data)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        user=account,
        group=group,
        extra_groups=groups,
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stderr or made.stdout}")
    command = [str(programs / "postgres"), "-D", str(data), "-p", str(port)]
    command += ["-c", "listen_addresses=127.0.0.1", "-k", str(folder)]
    for setting in ("fsync=off", "full_page_writes=off", "synchronous_commit=off"):
        command += ["-c", setting]
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            user=account,
            group=group,
            extra_groups=groups,
        )


def _address(port: int, database: str) -> str:
    return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/{database}"


def _wait_until_it_answers(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(_address(port, "postgres"), connect_timeout=5).close()
            return
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"postgres did not start: {log.read_text()}")
        time.sleep(0.05)


def _create(port: int) -> str:
    """Make an empty database and give its name."""
    name = f"tidings_{uuid.uuid4().hex}"
    with psycopg.connect(_address(port, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return name


def _url(port: int, database: str) -> str:
    return _address(port, database).replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture(scope="session")
def postgres_port() -> Iterator[int]:
    """Give the loopback port of a real server that lives as long as the tests."""
    programs = _programs()
    if programs is None:
        require("postgres", "PostgreSQL's server (initdb, postgres) is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tidings-postgres-") as folder:
        log = Path(folder, "log")
        server = _start(programs, Path(folder), port, log)
        try:
            _wait_until_it_answers(port, server, log)
            yield port
        finally:
            server.send_signal(signal.SIGINT)  # ends clients' sessions; SIGTERM waits for them
            server.wait(timeout=30)


@pytest.fixture(scope="session")
def postgres_url(postgres_port: int) -> str:
    """Give the SQLAlchemy URL of a database shared by all tests, empty at the start."""
    return _url(postgres_port, _create(postgres_port))


@pytest.fixture
def postgres_database(postgres_port: int) -> Iterator[str]:
    """Give the SQLAlchemy URL of an empty database for one test; it is dropped afterwards."""
    name = _create(postgres_port)
    yield _url(postgres_port, name)
    with psycopg.connect(_address(postgres_port, "postgres"), autocommit=True) as connection:
        drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        connection.execute(drop)
