"""Serves invented or recorded news on loopback: `python -m console.demo.news_server`."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from console.demo.bulk import BulkAsset, bulk_outlets, bulk_posts
from console.demo.documents import find_documents
from console.demo.sockets import NewsSockets
from console.demo.station import Station
from console.demo.tape import load_tape
from core.contracts.errors import ConfigurationError
from core.runtime.clock import SystemClock

BAD_USAGE = 2


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m console.demo.news_server", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--tape", type=Path, metavar="FILE", help="stories to release step by step")
    what.add_argument("--documents", type=Path, metavar="DIR", help="recorded feeds, all at once")
    what.add_argument("--bulk", type=int, metavar="N", help="invent so many distinct stories")
    parser.add_argument(
        "--assets", type=Path, metavar="FILE", help='for --bulk: JSON list of {"code","name"}'
    )
    parser.add_argument(
        "--feeds", type=int, default=0, metavar="K", help="for --bulk: every second post on a feed"
    )
    parser.add_argument(
        "--rate", type=float, default=100.0, help="posts a second, once told to start"
    )
    parser.add_argument(
        "--heartbeat-ms", type=int, default=2_000, help="between two heartbeats of a wire"
    )
    parser.add_argument("--port", type=int, default=0, help="of HTTP; 0 takes a free one")
    parser.add_argument("--ws-port", type=int, default=0, help="of the wires; 0 takes a free one")
    parser.add_argument(
        "--with-parent",
        action="store_true",
        help="end when standard input, a pipe held by the parent, is closed",
    )
    arguments = parser.parse_args(argv)
    if (arguments.bulk is None) != (arguments.assets is None):
        parser.error("--bulk and --assets go together")
    if arguments.rate <= 0 or arguments.feeds < 0 or arguments.heartbeat_ms <= 0:
        parser.error("--rate and --heartbeat-ms must be above zero, --feeds not below")
    return arguments


def _station(arguments: argparse.Namespace) -> Station:
    clock = SystemClock()
    if arguments.tape is not None:
        tape = load_tape(arguments.tape)
        posts = {step.step: step.item for step in tape.steps if step.item is not None}
        return Station(tape.outlets, dict(posts), (), clock)
    if arguments.documents is not None:
        return Station((), {}, find_documents(arguments.documents), clock)
    assets = msgspec.json.decode(arguments.assets.read_bytes(), type=list[BulkAsset])
    posts_in_bulk = bulk_posts(arguments.bulk, assets, arguments.feeds)
    return Station(bulk_outlets(arguments.feeds), dict(enumerate(posts_in_bulk)), (), clock)


async def serve(station: Station, arguments: argparse.Namespace) -> None:
    """Run until SIGTERM or SIGINT, or with the parent until it closes our standard input.

    Prints one line of JSON with all addresses when ready.
    """
    sockets = NewsSockets(station, rate=arguments.rate, heartbeat_ms=arguments.heartbeat_ms)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)

    def listen_to_parent() -> None:
        if not os.read(0, 65_536):
            loop.remove_reader(0)
            ended.set()

    if arguments.with_parent:
        loop.add_reader(0, listen_to_parent)
    try:
        endpoints = await sockets.start(arguments.port, arguments.ws_port)
        sys.stdout.write(msgspec.json.encode(endpoints).decode() + "\n")
        sys.stdout.flush()
        await ended.wait()
    finally:
        await sockets.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and give its exit code: 0 ended as told, 2 bad usage."""
    arguments = _arguments(argv)
    try:
        station = _station(arguments)
        uvloop.run(serve(station, arguments))
    except (ConfigurationError, msgspec.DecodeError, ValueError, OSError) as error:
        sys.stderr.write(f"news server: {error}\n")
        return BAD_USAGE
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
