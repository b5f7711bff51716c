"""A broker that may be away or out of room, and a bus to it, for the tests of the spool."""

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from core.contracts.errors import Fatal, Rejected, Retryable, TidingsError
from core.contracts.topics import EVENTS, Topic
from core.contracts.trace import Trace
from core.runtime.bus.port import Handler, R
from core.runtime.bus.spool import SpoolBus
from tests.contract.bus_records import event


class Kept(msgspec.Struct, frozen=True):
    """One record as the broker keeps it."""

    topic: str
    record: Any
    record_id: str
    keys: tuple[str, ...]
    stamps: bytes


class Broker:
    """Keeps what buses confirm with it; outlives them."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []
        self.is_up = True
        self.refusal: Fatal | None = None

    def ids(self, key: str | None = None) -> list[str]:
        """Give the ids in order, of one key or all."""
        return [one.record_id for one in self.kept if key is None or key in one.keys]


class Behind:
    """A bus to that broker: keeps at most `room` records that are not confirmed."""

    def __init__(self, broker: Broker, *, room: int = 1000, rejects: str = "") -> None:
        self.room = room
        self.held: list[Kept] = []
        self.starts = 0
        self.stop_error: TidingsError | None = None
        self.failing: Fatal | None = None
        self._broker = broker
        self._rejects = rejects
        self._over = asyncio.Event()

    async def start(self) -> None:
        self.starts += 1
        if self._broker.refusal is not None:
            raise self._broker.refusal
        if not self._broker.is_up:
            raise Retryable("the broker can't be reached")

    def subscribe(self, topic: Topic[R], handler: Handler[R], *, group: str) -> None:
        raise NotImplementedError

    def publish(
        self, topic: Topic[R], record: R, *, record_id: str, keys: Sequence[str], trace: Trace
    ) -> None:
        if record_id == self._rejects and topic is EVENTS:
            raise Rejected("too large for the broker")
        if len(self.held) >= self.room:
            raise Retryable(f"{len(self.held)} records wait for the broker")
        self.held.append(Kept(topic.name, record, record_id, tuple(keys), trace.to_header()))

    async def flush(self) -> None:
        held = len(self.held)
        await asyncio.sleep(0)  # a broker never answers at once
        if not self._broker.is_up:
            raise Retryable("the broker confirms nothing")
        self._broker.kept += self.held[:held]
        del self.held[:held]

    def fail(self, failure: Fatal) -> None:
        self.failing = failure
        self._over.set()

    async def failure(self) -> None:
        await self._over.wait()
        if self.failing is not None:
            raise self.failing

    async def stop(self) -> None:
        self._over.set()
        if self.stop_error is not None:
            raise self.stop_error
        if self._broker.is_up:
            await self.flush()
        if self.held:
            raise Fatal(f"stopped with {len(self.held)} records: they are lost to it")


class NoWait(Random):
    """Waits that last no time."""

    def randint(self, a: int, b: int) -> int:
        del b
        return a


def say(bus: SpoolBus, number: int, key: str = "IOTA", text: str = "") -> str:
    """Publish the event of a number and give its id."""
    record = event(number, text)
    trace = Trace(received=1_700_000_000_000_000_000 + number)
    bus.publish(EVENTS, record, record_id=record.id, keys=(key,), trace=trace)
    return record.id


def snapshot(directory: Path, copy: Path) -> None:
    """Copy a spool as a kill would leave it; a segment may just be going, its position noted."""
    copy.mkdir()
    for segment in sorted(directory.glob("spool-*.jsonl")):
        with suppress(FileNotFoundError):
            shutil.copy(segment, copy)
    shutil.copy(directory / "spool.position", copy)
