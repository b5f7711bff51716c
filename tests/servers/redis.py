"""Starts a real Redis server for the tests that need one."""

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.servers.loopback import free_port
from tests.servers.requirement import require

START_SECONDS = 20.0


@contextlib.contextmanager
def redis_server(
    binary: str, *, port: int | None = None, password: str | None = None
) -> Iterator[str]:
    """Run a server with nothing kept on disk while the block lasts; gives its URL.

    Raises:
        RuntimeError: it did not answer in time; holds what the server printed.
    """
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="tidings-redis-") as folder:
        log = Path(folder, "log")
        command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
        command += ["--save", "", "--appendonly", "no"]
        command += ["--requirepass", password] if password else []
        with log.open("wb") as output:
            server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            credentials = f":{password}@" if password else ""
            url = f"redis://{credentials}127.0.0.1:{port}/0"
            _wait_until_it_answers(url, server, log)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=10)


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    with redis.Redis.from_url(url) as client:
        while True:
            with contextlib.suppress(redis.ConnectionError):
                client.ping()
                return
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"redis-server did not start: {log.read_text()}")
            time.sleep(0.02)


@pytest.fixture(scope="session")
def redis_binary() -> str:
    """Give the path of the server's program."""
    return shutil.which("redis-server") or require("redis", "redis-server is not installed")


@pytest.fixture(scope="session")
def redis_url(redis_binary: str) -> Iterator[str]:
    """Give the URL of a real server, shared by all tests: each cleans what it reads."""
    with redis_server(redis_binary) as url:
        yield url
