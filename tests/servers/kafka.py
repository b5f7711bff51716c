"""Starts a real Kafka for the tests that need one, by the project's own script."""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pytest

from tests.servers.requirement import require

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "kafka" / "kafka.py"
MISSING = 2  # the script's exit code where Java, Maven or the jars aren't there


class KafkaServer:
    """A private broker that a test may stop, kill and start again; it keeps port and records.

    Attributes:
        bootstrap: `127.0.0.1:PORT`, empty before the first start.
    """

    def __init__(self) -> None:
        self.bootstrap = ""
        self._folder = tempfile.TemporaryDirectory(prefix="tidings-kafka-")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        """The id of the broker's process."""
        return int(Path(self._folder.name, "kafka.pid").read_text())

    def start(self) -> None:
        """Start it and wait until it answers; skips the test where Java or Maven are missing."""
        run = self._run("start")
        if run.returncode == MISSING:
            require("kafka", run.stderr.strip())
        if run.returncode:
            raise RuntimeError(run.stderr)
        self.bootstrap = run.stdout.strip()

    def stop(self) -> None:
        """Stop it in order; its records stay."""
        self._run("stop").check_returncode()

    def kill(self) -> None:
        """End it without notice; does nothing where it isn't running."""
        with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            process.kill()
            process.wait()

    async def starting(self) -> None:
        """Start it without holding up the event loop."""
        await asyncio.to_thread(self.start)

    async def stopping(self) -> None:
        """Stop it without holding up the event loop."""
        await asyncio.to_thread(self.stop)

    def _run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(SCRIPT), command, "--directory", self._folder.name],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Give the bootstrap address of a real broker, shared by all tests.

    Each test that uses it takes a `topic_prefix` of its own (`kafka_prefix`).
    """
    with KafkaServer() as server:
        yield server.bootstrap


@pytest.fixture
def kafka_prefix() -> str:
    """Give a prefix for topics and groups that no other test has."""
    return f"t{uuid.uuid4().hex[:12]}."


@pytest.fixture
def kafka_server() -> Iterator[KafkaServer]:
    """Give a broker that only this test has, to stop and start as it likes."""
    with KafkaServer() as server:
        yield server
