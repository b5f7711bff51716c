import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.contracts.clock import ManualClock
from core.contracts.codec import encode
from core.contracts.event import Event
from core.contracts.identity import event_id
from core.contracts.signal import Signal
from core.contracts.topics import DEAD_LETTERS, EVENTS, SIGNALS, DeadLetter, Topic
from core.contracts.trace import Trace
from core.runtime.bus.kafka import KafkaBus, create_topics
from signals.classifier import Classifier, MemoryStories
from signals.reader import Reader
from tests.integration.faust_worker import AGELESS

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PATIENCE_S = 90.0
EXCHANGES = ("Binance", "Coinbase", "Kraken", "Upbit", "Bybit", "OKX")
COINS = ("Pyth", "Jito", "Celestia", "Injective", "Kaspa", "Filecoin", "Tezos", "Zcash")
T0 = 1_700_000_000_000_000_000


def a_tape(rounds: int) -> list[Event]:
    """Tell a story of each coin and one more exchange a round, three times over, between noise.

    All of it fits one story window and the stories kept of one coin, as everything does that a
    restart can repeat.
    """
    texts: list[str] = []
    for turn in range(rounds):
        for number, coin in enumerate(COINS):
            exchange = EXCHANGES[(number + turn) % len(EXCHANGES)]
            other = COINS[(number + 3) % len(COINS)]
            texts += [
                f"{exchange} will list {coin} and {other}",
                f"{coin} holders wait for the weekend",
                f"{coin} is now available on {exchange}",
                f"{exchange} may delist {coin}",
                f"Attackers drain $3 million from {coin}",
                f"{coin} exploited for $3 million",
                f"{exchange} will delist {other}",
                "Nothing happened on the markets today",
            ]
    return [
        Event(
            id=event_id("test", "tape", str(number)),
            source="test",
            channel="tape",
            native_id=str(number),
            text=text,
            published_ns=T0 + number * 1_000_000_000,
            received_ns=T0 + number * 1_000_000_000,
        )
        for number, text in enumerate(texts)
    ]


class Gathered:
    """Takes what is published, in process or from Kafka."""

    def __init__(self, wanted: int = 0) -> None:
        self.by_id: dict[str, bytes] = {}
        self.wanted = wanted
        self.complete = asyncio.Event()

    def publish(
        self,
        topic: Topic[Any],
        record: Signal,
        *,
        record_id: str,
        keys: Sequence[str],
        trace: Trace,
    ) -> None:
        self.on_record(record, keys[0], trace)

    def on_record(self, record: Signal | DeadLetter, key: str, trace: Trace) -> None:
        raw = encode(record)
        name = record.id if isinstance(record, Signal) else f"{record.partition}/{record.offset}"
        assert self.by_id.setdefault(name, raw) == raw
        if len(self.by_id) >= self.wanted:
            self.complete.set()


def in_process(tape: list[Event]) -> dict[str, bytes]:
    gathered = Gathered()
    reader = Reader()
    classifier = Classifier(
        gathered, reader=reader, stories=MemoryStories(), clock=ManualClock(T0), limits=AGELESS
    )
    for event in tape:
        for key in reader.keys_for(event):
            classifier.on_event(event, key, Trace())
    return gathered.by_id


async def publish(bus: KafkaBus, tape: list[Event]) -> None:
    reader = Reader()
    for event in tape:
        keys = reader.keys_for(event)
        bus.publish(EVENTS, event, record_id=event.id, keys=keys, trace=Trace(event.received_ns))
    await bus.flush()


class Worker:
    """A worker process."""

    def __init__(self, bootstrap: str, prefix: str, directory: Path) -> None:
        self._arguments = (bootstrap, prefix, str(directory))
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.integration.faust_worker",
            *self._arguments,
            stdout=asyncio.subprocess.PIPE,
        )

    async def started(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while (line := await self.process.stdout.readline()).strip() != b"started":
                assert line, "the worker ended before it had started"

    async def kill(self) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def terminate(self) -> int:
        assert self.process is not None
        self.process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


@asynccontextmanager
async def a_bus(bootstrap: str, prefix: str) -> AsyncIterator[KafkaBus]:
    await create_topics(bootstrap, topic_prefix=prefix)
    bus = KafkaBus(bootstrap, clock=ManualClock(T0), topic_prefix=prefix)
    try:
        yield bus
    finally:
        await bus.stop()


async def test_worker_gives_the_same_signals_as_in_process_byte_for_byte(
    kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    tape = a_tape(rounds=4)
    expected = in_process(tape)
    assert len(expected) > 50
    async with a_bus(kafka, kafka_prefix) as bus:
        gathered = Gathered(len(expected))
        letters = Gathered(1)
        bus.subscribe(SIGNALS, gathered.on_record, group="gathering")
        bus.subscribe(DEAD_LETTERS, letters.on_record, group="burying")
        worker = Worker(kafka, kafka_prefix, tmp_path)
        await worker.start()
        try:
            await bus.start()
            await publish(bus, tape)
            async with asyncio.timeout(PATIENCE_S):
                await gathered.complete.wait()
            # A record that is no event is buried, and the next one is handled all the same.
            last = a_tape(rounds=5)[len(tape) :]
            after = in_process([*tape, *last])
            gathered.complete.clear()
            gathered.wanted = len(after)
            broken = DeadLetter(
                topic="x", partition=0, offset=0, reason="not an event", raw=b"", failed_ns=0
            )
            bus.publish(
                Topic(
                    EVENTS.name,
                    DeadLetter,
                    schema=EVENTS.schema,
                    key="",
                    partitions=EVENTS.partitions,
                    retention_ms=0,
                    dead_letter=None,
                    meaning="",
                ),
                broken,
                record_id="broken",
                keys=("PYTH",),
                trace=Trace(),
            )
            await publish(bus, last)
            async with asyncio.timeout(PATIENCE_S):
                await letters.complete.wait()
                await gathered.complete.wait()
            assert await worker.terminate() == 0
        finally:
            await worker.kill()
    assert gathered.by_id == after
    (letter,) = letters.by_id.values()
    assert DEAD_LETTERS.decode(letter).raw == encode(broken)


async def test_worker_killed_again_and_again_loses_no_signal_and_changes_none(
    kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    tape = a_tape(rounds=6)
    expected = in_process(tape)
    async with a_bus(kafka, kafka_prefix) as bus:
        gathered = Gathered(len(expected))
        bus.subscribe(SIGNALS, gathered.on_record, group="gathering")
        await bus.start()
        worker = Worker(kafka, kafka_prefix, tmp_path)
        try:
            for part in range(3):
                await worker.start()
                third = len(tape) // 3
                await publish(bus, tape[part * third : (part + 1) * third])
                seen = len(gathered.by_id)
                gathered.wanted = seen + 15
                gathered.complete.clear()
                async with asyncio.timeout(PATIENCE_S):
                    await gathered.complete.wait()
                await worker.kill()
            gathered.wanted = len(expected)
            gathered.complete.clear()
            await worker.start()
            await publish(bus, tape[len(tape) // 3 * 3 :])
            await worker.started()
            async with asyncio.timeout(PATIENCE_S):
                if len(gathered.by_id) < len(expected):
                    await gathered.complete.wait()
        finally:
            await worker.kill()
    assert gathered.by_id == expected
