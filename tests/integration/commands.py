"""Runs `tidings` as users do: a command to its end, or a service until it is told to stop."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import psutil

from console.lanes.host import Ready

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0
POLL_S = 0.05


def environment(**more: str) -> dict[str, str]:
    """Give this process's environment without any configuration of Tidings, and `more`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TIDINGS_")}
    return {**kept, **more}


def tidings(
    *arguments: str | Path,
    cwd: Path,
    variables: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    limit_s: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end in `cwd`, with `variables` as its whole configuration."""
    found = subprocess.run(
        [sys.executable, "-m", "console", *map(str, arguments)],
        cwd=cwd,
        env=environment(PYTHONPATH=str(ROOT), **(variables or {})),
        input=stdin,
        capture_output=True,
        check=False,
        timeout=limit_s,
    )
    return subprocess.CompletedProcess(
        found.args, found.returncode, found.stdout.decode(), found.stderr.decode()
    )


async def command(
    *arguments: str | Path, cwd: Path, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command without holding up the event loop."""
    return await asyncio.to_thread(tidings, *arguments, cwd=cwd, variables=variables)


def write_config(path: Path, settings: Mapping[str, Any]) -> Path:
    """Write settings as TOML that only we can read: it holds a secret."""
    path.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in settings.items()))
    path.chmod(0o600)
    return path


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    return json.dumps(value)


class Running:
    """One service of Tidings in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url

    @property
    def pid(self) -> int:
        return self.process.pid

    async def kill(self) -> None:
        """End it as `kill -9` does."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.communicate()

    async def terminate(self) -> int:
        """End it as an operator does; gives the exit code."""
        self.process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            await self.process.communicate()
        code = self.process.returncode
        assert code is not None
        return code

    def family(self) -> list[psutil.Process]:
        """Give the process and all those it has started."""
        process = psutil.Process(self.pid)
        return [process, *process.children(recursive=True)]


@asynccontextmanager
async def running(
    name: str, config: Path, *, patience_s: float = PATIENCE_S
) -> AsyncIterator[Running]:
    """Run a service while the block lasts; what still runs after it is killed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "console", name, "--config", str(config)),
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    service = Running(process, "")
    try:
        assert process.stdout is not None
        async with asyncio.timeout(patience_s):
            line = await process.stdout.readline()
        assert line, f"{name} ended with {await process.wait()} before it was ready"
        assert line.startswith(b"{"), line
        service.url = msgspec.json.decode(line, type=Ready).health_url
        yield service
    finally:
        await service.kill()


async def answer(session: aiohttp.ClientSession, url: str, fine: Collection[int] = (200,)) -> Any:  # noqa: ANN401 - JSON
    """Ask for JSON."""
    async with session.get(url) as got:
        assert got.status in fine, await got.text()
        return await got.json()


async def until(
    session: aiohttp.ClientSession, url: str, fits: Callable[[Any], bool], what: str
) -> Any:  # noqa: ANN401 - JSON
    """Ask until the answer fits; fails with the last one. "Not ready" (503) is an answer, too."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        got = await answer(session, url, (200, 503))
        if fits(got):
            return got
        assert time.monotonic() < deadline, f"{what} did not happen: {got}"
        await asyncio.sleep(POLL_S)
