"""The measured process: the fast lane as `tidings run` composes it, and a bare echo beside it."""

import asyncio
import sys

import msgspec
import uvloop

from benchmarks.sockets import echo
from console.lanes.fast import FastLane
from console.lanes.host import Ready, say_ready
from console.settings import Settings


class Task(msgspec.Struct):
    """What the driver wants: the lane's settings, and where the echo goes in and out."""

    settings: msgspec.Raw
    echo_in: str
    echo_out: str


async def main() -> None:
    """Run until the driver closes our standard input."""
    task = msgspec.json.decode(sys.stdin.readline(), type=Task)
    lane = FastLane(Settings.model_validate_json(bytes(task.settings)))
    url = await lane.start()
    await echo(task.echo_in, task.echo_out)
    say_ready(Ready("event-to-order", url))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await lane.stop()


if __name__ == "__main__":
    uvloop.run(main())
