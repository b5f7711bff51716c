"""The Kafka lane: crawler's produce to trader's receipt through Faust, against a bare relay.

Two hops each, on one broker, in turns: our bus to the Faust worker (`tidings classify`, a process
of its own) to our bus; and bare aiokafka to a bare aiokafka relay, also a process, to bare
aiokafka. The driver stamps both ends.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any, Final

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.broker import local_broker
from benchmarks.figures import quantile_ms
from benchmarks.turn import Turn
from benchmarks.worlds import generous, news
from console.lanes.exchange import ChildProcess
from core.contracts.event import Event
from core.contracts.identity import event_id
from core.contracts.signal import Signal
from core.contracts.topics import EVENTS, SIGNALS
from core.contracts.trace import Trace
from core.runtime.bus.kafka import KafkaBus, RawTopic, create_raw_topics
from core.runtime.clock import SystemClock
from signals.reader import Reader

WARM_UP: Final = 100
ROUNDS: Final = 800
PAUSE_S: Final = 0.002


async def measure(bootstrap: str, rounds: int = ROUNDS) -> dict[str, Any]:
    """Run the benchmark against a broker and give its figures, milliseconds and a ratio."""
    prefix = f"bench-{os.getpid()}-{time.time_ns() // 1_000_000}."
    topics: list[RawTopic] = [
        (f"{prefix}relay-{end}", EVENTS.partitions, {}) for end in ("in", "out")
    ]
    await create_raw_topics(bootstrap, topics)
    with tempfile.TemporaryDirectory() as directory:
        worker = await _start_worker(directory, bootstrap, prefix)
        relay = await ChildProcess.start(
            "benchmarks.kafka_relay", bootstrap, topics[0][0], topics[1][0]
        )
        try:
            lane, bare = await _turns(bootstrap, prefix, rounds)
        finally:
            await relay.stop()
            await _stop(worker)
    return figures(lane, bare)


async def _start_worker(directory: str, bootstrap: str, prefix: str) -> asyncio.subprocess.Process:
    settings = generous(directory)
    environment = {
        **os.environ,
        "TIDINGS_RUNTIME__DATA_DIR": directory,
        "TIDINGS_RUNTIME__LOG_LEVEL": "WARNING",
        "TIDINGS_HEALTH__PORT": "0",
        "TIDINGS_KAFKA__BOOTSTRAP": bootstrap,
        "TIDINGS_KAFKA__TOPIC_PREFIX": prefix,
        "TIDINGS_SIGNALS__MAX_AGE": settings["signals"]["max_age"],
        "TIDINGS_SIGNALS__SIGNAL_TTL": settings["signals"]["signal_ttl"],
    }
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "console",
        "classify",
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    if worker.stdout is None or not await asyncio.wait_for(worker.stdout.readline(), 60):
        raise RuntimeError("the Faust worker did not start; see its messages above")
    return worker


async def _stop(worker: asyncio.subprocess.Process) -> None:
    worker.terminate()
    try:
        await asyncio.wait_for(worker.wait(), 15)
    except TimeoutError:
        worker.kill()
        await worker.wait()


async def _turns(bootstrap: str, prefix: str, rounds: int) -> tuple[list[int], list[int]]:
    bus = KafkaBus(bootstrap, clock=SystemClock(), topic_prefix=prefix)
    signalled, relayed = Turn(), Turn()

    def on_signal(_signal: Signal, _key: str, _trace: Trace) -> None:
        signalled.arrived(time.time_ns())

    bus.subscribe(SIGNALS, on_signal, group="bench")
    await bus.start()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0)
    consumer = AIOKafkaConsumer(
        f"{prefix}relay-out",
        bootstrap_servers=bootstrap,
        group_id=f"{prefix}bench",
        auto_offset_reset="earliest",
    )
    await producer.start()
    await consumer.start()

    async def listen() -> None:
        async for _ in consumer:
            relayed.arrived(time.time_ns())

    listening = asyncio.create_task(listen())
    reader = Reader()
    lane: list[int] = []
    bare: list[int] = []
    for number, make in enumerate(news(WARM_UP + rounds)):
        message = json.loads(make())
        event = _event(message)
        (key,) = reader.keys_for(event)
        raw = json.dumps(message).encode()
        for times, turn, send in (
            (lane, signalled, lambda e=event, k=key: _publish(bus, e, k)),
            (
                bare,
                relayed,
                lambda k=key, r=raw: producer.send(f"{prefix}relay-in", r, key=k.encode()),
            ),
        ):
            turn.begin()
            await asyncio.sleep(PAUSE_S)
            sent_ns = time.time_ns()
            pending = send()
            if pending is not None:
                await pending
            took = await turn.wait() - sent_ns
            if number >= WARM_UP:
                times.append(took)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await consumer.stop()
    await producer.stop()
    await bus.stop()
    return lane, bare


def _publish(bus: KafkaBus, event: Event, key: str) -> None:
    bus.publish(EVENTS, event, record_id=event.id, keys=(key,), trace=Trace(event.received_ns))


def _event(message: dict[str, Any]) -> Event:
    now_ns = time.time_ns()
    return Event(
        id=event_id("newswire", "bench", message["id"]),
        source="newswire",
        channel="bench",
        native_id=message["id"],
        title=message["title"],
        text=message["body"],
        published_ns=now_ns,
        received_ns=now_ns,
    )


def figures(lane: Sequence[int], bare: Sequence[int]) -> dict[str, Any]:
    """Summarise both series (ns)."""
    p50, relay_p50 = quantile_ms(lane, 0.5), quantile_ms(bare, 0.5)
    return {
        "name": "kafka-lane",
        "rounds": len(lane),
        "p50_ms": p50,
        "p99_ms": quantile_ms(lane, 0.99),
        "relay_p50_ms": relay_p50,
        "relay_p99_ms": quantile_ms(bare, 0.99),
        "ratio_p50": round(p50 / relay_p50, 3),
        "limit_ratio_p50": 1.6,
        "goal_ratio_p50": 1.3,
    }


def run(rounds: int = ROUNDS, bootstrap: str | None = None) -> dict[str, Any]:
    """Run on uvloop, on the broker given or on one of its own."""
    if bootstrap is not None:
        return uvloop.run(measure(bootstrap, rounds))
    with local_broker() as started:
        return uvloop.run(measure(started, rounds))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run()) + "\n")
