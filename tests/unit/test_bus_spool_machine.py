"""The spool under any sequence of publishing, broker outages, crashes and restarts."""

import asyncio
import tempfile
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from core.contracts.clock import ManualClock
from core.contracts.errors import Retryable
from core.runtime.bus.spool import SpoolBus, SpooledError
from tests.unit.spool_doubles import Behind, Broker, NoWait, say, snapshot

ROOM = 6
MAX_BYTES = 12_000


class SpoolMachine(RuleBasedStateMachine):
    """A source that offers a refused record again before any later one, and a flaky world."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.broker = Broker()
        self.taken: dict[str, list[str]] = defaultdict(list)
        self.sizes: list[int] = []  # of all taken, by number
        self.processes = 0
        self.directory = Path(self.folder.name, "0")
        self.runner.run(self.begin())

    async def begin(self) -> None:
        self.bus = SpoolBus(
            Behind(self.broker, room=ROOM),
            self.directory,
            clock=ManualClock(),
            max_bytes=MAX_BYTES,
            segment_bytes=1_500,
            confirm_every_ms=1,
            jitter=NoWait(),
        )
        await self.bus.start()

    def offer(self, number: int, size: int) -> str:
        return say(self.bus, number, f"K{number % 3}", "x" * size)

    @rule(sizes=st.lists(st.integers(0, 300), min_size=1, max_size=20))
    def publish(self, sizes: list[int]) -> None:
        async def publishing() -> None:
            for size in sizes:
                number = len(self.sizes)
                with suppress(Retryable):
                    self.taken[f"K{number % 3}"].append(self.offer(number, size))
                    self.sizes.append(size)

        self.runner.run(publishing())

    @rule()
    def lose_the_broker(self) -> None:
        self.broker.is_up = False

    @rule()
    def find_the_broker(self) -> None:
        self.broker.is_up = True

    @rule()
    def let_some_time_pass(self) -> None:
        self.runner.run(asyncio.sleep(0.005))

    @rule()
    def flush(self) -> None:
        async def flushing() -> None:
            with suppress(SpooledError):
                async with asyncio.timeout(0.02):
                    await self.bus.flush()

        with suppress(TimeoutError):
            self.runner.run(flushing())

    @rule(
        torn=st.binary(max_size=30).filter(lambda raw: b"\n" not in raw), again=st.integers(0, 30)
    )
    def kill(self, torn: bytes, again: int) -> None:
        """End the process within a write; the source goes on from an older cursor."""

        self.processes += 1
        copy = Path(self.folder.name, str(self.processes))
        snapshot(self.directory, copy)
        newest = max(copy.glob("spool-*.jsonl"))
        newest.write_bytes(newest.read_bytes() + torn)

        async def dying() -> None:
            tasks, self.bus._tasks = self.bus._tasks, []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.bus.queue.close()

        async def going_on() -> None:
            await self.begin()
            count = len(self.sizes)
            for number in range(max(0, count - again), count):
                try:
                    self.offer(number, self.sizes[number])
                except Retryable:
                    break

        self.runner.run(dying())
        self.directory = copy
        self.runner.run(going_on())

    @rule()
    def restart(self) -> None:
        async def restarting() -> None:
            await self.bus.stop()
            await self.begin()

        self.runner.run(restarting())

    def teardown(self) -> None:
        async def ending() -> None:
            self.broker.is_up = True
            async with asyncio.timeout(10):
                while self.bus.queue.waiting:
                    with suppress(SpooledError):
                        await self.bus.flush()
                    await asyncio.sleep(0)
            await self.bus.stop()

        self.runner.run(ending())
        self.runner.close()
        self.folder.cleanup()
        for key, ids in self.taken.items():
            assert list(dict.fromkeys(self.broker.ids(key))) == ids


TestSpoolMachine = SpoolMachine.TestCase
TestSpoolMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
