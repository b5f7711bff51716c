"""Runs the simulated exchange as a process of its own: `python -m trader.simulator`."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from pydantic import ValidationError

from core.contracts.errors import ConfigurationError
from trader.simulator.server import SimulatorServer
from trader.simulator.settings import SimulatorSettings

BAD_CONFIGURATION: Final = 2


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m trader.simulator", description=__doc__)
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="JSON file of settings; - reads standard input (with --with-parent its first line)",
    )
    parser.add_argument("--port", type=int, help="of the websockets; 0 takes a free one")
    parser.add_argument("--rest-port", type=int, help="of REST and control; 0 takes a free one")
    parser.add_argument(
        "--with-parent",
        action="store_true",
        help="end when standard input, a pipe held by the parent, is closed",
    )
    return parser.parse_args(argv)


def _settings(arguments: argparse.Namespace) -> SimulatorSettings:
    raw: str | bytes = "{}"
    if arguments.config == "-":
        raw = sys.stdin.readline() if arguments.with_parent else sys.stdin.read()
    elif arguments.config is not None:
        raw = Path(arguments.config).read_bytes()
    given = msgspec.json.decode(raw, type=dict[str, object])
    if arguments.port is not None:
        given["websocket_port"] = arguments.port
    if arguments.rest_port is not None:
        given["rest_port"] = arguments.rest_port
    return SimulatorSettings.model_validate(given)


async def serve(settings: SimulatorSettings, *, with_parent: bool) -> None:
    """Run until SIGTERM or SIGINT, or with the parent until it closes our standard input.

    Prints one line of JSON with the four addresses when ready.
    """
    server = SimulatorServer(settings)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)

    def listen_to_parent() -> None:
        if not os.read(0, 65_536):
            loop.remove_reader(0)
            ended.set()

    if with_parent:
        loop.add_reader(0, listen_to_parent)
    try:
        endpoints = await server.start()
        sys.stdout.write(msgspec.json.encode(endpoints).decode() + "\n")
        sys.stdout.flush()
        await ended.wait()
    finally:
        await server.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and give its exit code: 0 ended as told, 2 bad configuration."""
    arguments = _arguments(argv)
    try:
        settings = _settings(arguments)
        uvloop.run(serve(settings, with_parent=arguments.with_parent))
    except (ConfigurationError, ValidationError, msgspec.DecodeError, OSError) as error:
        sys.stderr.write(f"simulated exchange: {error}\n")
        return BAD_CONFIGURATION
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
