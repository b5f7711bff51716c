"""A classifying worker's throughput against a Faust agent that only forwards, on the same events.

Both are processes of their own that work off a backlog of four partitions, in turns. The events
are an everyday mix: one in `NEWS_EVERY` gives a signal.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil
import uvloop
from aiokafka import AIOKafkaConsumer

from benchmarks.broker import local_broker
from benchmarks.worlds import generous, tradable
from console.demo.bulk import BulkAsset, bulk_posts
from core.contracts.clock import ManualClock
from core.contracts.event import Event
from core.contracts.identity import event_id
from core.contracts.signal import Signal
from core.contracts.topics import EVENTS, SIGNALS, Topic
from core.contracts.trace import Trace
from core.runtime.bus.kafka import KafkaBus, RawTopic, create_raw_topics, create_topics
from core.runtime.clock import SystemClock
from signals.classifier import Classifier, MemoryStories
from signals.pipeline import Limits
from signals.reader import Reader

EVENTS_A_TURN: Final = 6_000
TURNS: Final = 3
NEWS_EVERY: Final = 10
PATIENCE_S: Final = 90.0
YEAR_MS: Final = 365 * 86_400_000
AGELESS: Final = Limits(max_age_ms=YEAR_MS, signal_ttl_ms=YEAR_MS)
EVERYDAY: Final = (
    "{name} holders wait for the weekend as volumes stay thin",
    "Where could {name} ({code}) go from here? Three levels to watch",
    "{name} is up 4% today after a quiet night",
    "What is {name} and how does it work? A guide for those who begin",
    "Good morning to everybody who still holds {name}",
    "The week on the markets: little happened, and much was written about it",
    "{name} developers answer questions in their monthly call",
    "Why I sold half of my {code} and what I bought instead",
)


class Sprint(NamedTuple):
    """One turn's work.

    Attributes:
        per_second: events handled a second, between the first and the last record made of them.
        cpu_us: processor time an event meanwhile.
    """

    per_second: float
    cpu_us: float


class Gathered:
    """Takes signals from a classifier in this process."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def publish(
        self,
        topic: Topic[Signal],  # noqa: ARG002 - the bus's signature
        record: Signal,
        *,
        record_id: str,  # noqa: ARG002
        keys: Sequence[str],  # noqa: ARG002
        trace: Trace,  # noqa: ARG002
    ) -> None:
        """Remember a signal's id."""
        self.ids.add(record.id)


def everyday(count: int, now_ns: int, news_every: int = NEWS_EVERY) -> list[Event]:
    """Make events, one in `news_every` of which trades; each tells of one coin."""
    assets = [BulkAsset(code, name) for code, name in tradable().items()]
    news = bulk_posts(-(-count // news_every), assets, feeds=0)
    events = []
    for number in range(count):
        asset = assets[number % len(assets)]
        if number % news_every == 0:
            post = next(news)
            title, body = post.title, post.body
        else:
            template = EVERYDAY[number % len(EVERYDAY)]
            title, body = template.format(name=asset.name, code=asset.code), "No more was said."
        events.append(
            Event(
                id=event_id("newswire", "bench", str(number)),
                source="newswire",
                channel="bench",
                native_id=str(number),
                title=title,
                text=body,
                published_ns=now_ns,
                received_ns=now_ns,
            )
        )
    return events


def signals_of(events: Sequence[Event], now_ns: int) -> set[str]:
    """Give the ids of the signals that the events give, in order, in one process."""
    gathered, reader = Gathered(), Reader()
    classifier = Classifier(
        gathered, reader=reader, stories=MemoryStories(), clock=ManualClock(now_ns), limits=AGELESS
    )
    for event in events:
        for key in reader.keys_for(event):
            classifier.on_event(event, key, Trace())
    return gathered.ids


async def measure(bootstrap: str, count: int = EVENTS_A_TURN, turns: int = TURNS) -> dict[str, Any]:
    """Run the benchmark against a broker and give its figures."""
    now_ns = time.time_ns()
    events = everyday(count, now_ns)
    wanted = len(signals_of(events, now_ns))
    ours: list[Sprint] = []
    bare: list[Sprint] = []
    for turn in range(turns):
        prefix = f"bench-{os.getpid()}-{now_ns // 1_000_000}-{turn}."
        records = await _publish(bootstrap, prefix, events)
        with tempfile.TemporaryDirectory() as directory:
            async with _forwarder(bootstrap, prefix, directory) as process:
                sprint = _sprint(bootstrap, f"{prefix}forwarded", records, process, records)
                bare.append(await sprint)
            async with _worker(bootstrap, prefix, directory) as process:
                sprint = _sprint(bootstrap, prefix + SIGNALS.name, wanted, process, records)
                ours.append(await sprint)
    return figures(ours, bare, count, wanted)


async def _publish(bootstrap: str, prefix: str, events: Sequence[Event]) -> int:
    """Put the backlog on the events topic; gives the number of records."""
    await create_topics(bootstrap, topic_prefix=prefix)
    forwarded: RawTopic = (f"{prefix}forwarded", EVENTS.partitions, {})
    await create_raw_topics(bootstrap, [forwarded])
    bus = KafkaBus(bootstrap, clock=SystemClock(), topic_prefix=prefix)
    await bus.start()
    reader = Reader()
    records = 0
    for number, event in enumerate(events):
        keys = reader.keys_for(event)
        records += len(keys)
        bus.publish(EVENTS, event, record_id=event.id, keys=keys, trace=Trace(event.received_ns))
        if number % 1_000 == 0:
            await bus.flush()
    await bus.flush()
    await bus.stop()
    return records


@asynccontextmanager
async def _worker(bootstrap: str, prefix: str, directory: str) -> AsyncIterator[psutil.Process]:
    settings = generous(directory)
    environment = {
        "TIDINGS_RUNTIME__DATA_DIR": directory,
        "TIDINGS_RUNTIME__LOG_LEVEL": "WARNING",
        "TIDINGS_HEALTH__PORT": "0",
        "TIDINGS_KAFKA__BOOTSTRAP": bootstrap,
        "TIDINGS_KAFKA__TOPIC_PREFIX": prefix,
        "TIDINGS_SIGNALS__MAX_AGE": settings["signals"]["max_age"],
        "TIDINGS_SIGNALS__SIGNAL_TTL": settings["signals"]["signal_ttl"],
    }
    async with _process(("console", "classify"), environment) as process:
        yield process


@asynccontextmanager
async def _forwarder(bootstrap: str, prefix: str, directory: str) -> AsyncIterator[psutil.Process]:
    topics = (prefix + EVENTS.name, f"{prefix}forwarded")
    arguments = (bootstrap, f"{prefix}forwarder", *topics, str(Path(directory, "forwarder")))
    async with _process(("benchmarks.faust_forwarder", *arguments), {}) as process:
        yield process


@asynccontextmanager
async def _process(
    command: Sequence[str], environment: dict[str, str]
) -> AsyncIterator[psutil.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.communicate(), 15)
        except TimeoutError:
            process.kill()
            await process.communicate()


async def _sprint(
    bootstrap: str, topic: str, wanted: int, process: psutil.Process, records: int
) -> Sprint:
    """Watch a worker from the first record it makes to the last one."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest"
    )
    async with consumer, asyncio.timeout(PATIENCE_S):
        found = len(await _some(consumer))
        began, cpu_began, first = time.perf_counter(), _cpu_s(process), found
        while found < wanted:
            found += len(await _some(consumer))
        took, cpu = time.perf_counter() - began, _cpu_s(process) - cpu_began
    handled = records * (wanted - first) / wanted
    return Sprint(handled / took, cpu / handled * 1e6)


async def _some(consumer: AIOKafkaConsumer) -> list[object]:
    while not (batches := await consumer.getmany(timeout_ms=100)):
        pass
    return [message for batch in batches.values() for message in batch]


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def figures(
    ours: Sequence[Sprint], bare: Sequence[Sprint], count: int, signals: int
) -> dict[str, Any]:
    """Summarise both series; the ratio is of throughput, ours by the forwarding agent's."""
    worker = statistics.median(sprint.per_second for sprint in ours)
    forwarder = statistics.median(sprint.per_second for sprint in bare)
    return {
        "name": "worker",
        "events": count,
        "signals": signals,
        "turns": len(ours),
        "events_per_s": round(worker),
        "forwarder_events_per_s": round(forwarder),
        "cpu_us": round(statistics.median(sprint.cpu_us for sprint in ours), 1),
        "forwarder_cpu_us": round(statistics.median(sprint.cpu_us for sprint in bare), 1),
        "ratio": round(worker / forwarder, 3),
        "least_ratio": 0.8,
    }


def run(bootstrap: str | None = None, turns: int = TURNS) -> dict[str, Any]:
    """Run on uvloop, on the broker given or on one of its own."""
    if bootstrap is not None:
        return uvloop.run(measure(bootstrap, turns=turns))
    with local_broker() as started:
        return uvloop.run(measure(started, turns=turns))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run()) + "\n")
