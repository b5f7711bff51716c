"""Which exchange a trader talks to: the real one, or a simulated one it starts for itself."""

import asyncio
import sys
from typing import Final

import msgspec

from console.paper import PaperExchange
from console.settings import Settings
from core.contracts.errors import ConfigurationError, Fatal
from core.runtime.service import BAD_CONFIGURATION, Service
from trader.simulator.server import Endpoints
from trader.simulator.settings import SimulatorSettings
from trader.venues.hitbtc.settings import HitBtcSettings

START_S: Final = 30.0
STOP_S: Final = 5.0
LONGEST_LINE: Final = 16 * 1024 * 1024


class ChildProcess:
    """A helper process that ends with us: it holds the other end of a pipe we keep open."""

    def __init__(self, process: asyncio.subprocess.Process, ready: bytes) -> None:
        self._process = process
        self.ready = ready
        """The line it printed when it was up."""

    @classmethod
    async def start(cls, module: str, *arguments: str, first_line: bytes = b"") -> "ChildProcess":
        """Run `python -m module --with-parent arguments` and wait for its ready line.

        Args:
            module: with its package.
            arguments: after `--with-parent`.
            first_line: written to its standard input, newline added, where it reads a
                configuration from there.

        Raises:
            ConfigurationError: it ended for what it was given, and has said so on standard error.
            Fatal: it ended otherwise, or said nothing within half a minute.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            "--with-parent",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
        )
        if process.stdin is None or process.stdout is None:
            raise Fatal(f"{module} has no pipes")
        if first_line:
            process.stdin.write(first_line + b"\n")
        try:
            async with asyncio.timeout(START_S):
                ready = await process.stdout.readline()
        except TimeoutError:
            process.kill()
            raise Fatal(f"{module} did not get ready within {START_S:.0f} s") from None
        if not ready:
            code = await process.wait()
            if code == BAD_CONFIGURATION:
                raise ConfigurationError(f"{module} can't work with what it was given; see above")
            raise Fatal(f"{module} ended with exit code {code} before it was ready; see above")
        return cls(process, ready)

    async def stop(self) -> None:
        """End it: gently, then by force."""
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def pointed_at(settings: Settings, endpoints: Endpoints, simulated: SimulatorSettings) -> Settings:
    """Give the settings with the venue's addresses and account replaced by a simulated one's."""
    venue = HitBtcSettings.model_validate(
        {
            **settings.hitbtc.model_dump(exclude={"api_key", "secret"}),
            "api_key": simulated.api_key,
            "secret": simulated.api_secret,
            "trading_url": endpoints.trading_url,
            "public_url": endpoints.public_url,
            "rest_url": endpoints.rest_url,
        }
    )
    return settings.model_copy(update={"hitbtc": venue})


def read_endpoints(ready: bytes) -> Endpoints:
    """Read the line a simulated exchange prints when it is ready."""
    return msgspec.json.decode(ready, type=Endpoints)


async def with_paper_exchange(service: Service, settings: Settings) -> Settings:
    """Start the paper exchange as a child process and give the settings that point at it.

    Raises:
        Fatal: it could not start; the real venue's public data is out of reach, for example.
    """
    wanted = PaperExchange(
        venue=settings.hitbtc.model_copy(update={"api_key": None, "secret": None}),
        balances=settings.paper.balances,
        quote_assets=settings.trader.quote_assets,
        assets=settings.trader.assets,
        max_symbols=settings.paper.max_symbols,
    )
    child = await ChildProcess.start("console.paper", first_line=wanted.model_dump_json().encode())
    service.on_drain("paper exchange", child.stop)
    return pointed_at(settings, read_endpoints(child.ready), SimulatorSettings())
