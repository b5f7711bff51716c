"""Starts the demonstration's news servers as the child process that they are."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from console.demo.sockets import Endpoints

START_S = 20


@asynccontextmanager
async def news_servers(
    *arguments: str,
) -> AsyncIterator[tuple[Endpoints, asyncio.subprocess.Process]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "console.demo.news_server", "--with-parent", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            line = await process.stdout.readline()
        yield msgspec.json.decode(line, type=Endpoints), process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        async with asyncio.timeout(START_S):
            await process.wait()
