"""Kills and adds classifying workers under load; compares their signals with one process.

    python -m tests.chaos.workers --events 20000

One to four `tidings classify` share four partitions of a real broker. They join and are ended with
`kill -9` in the middle of the work; afterwards the signals have to be those that the classifier
of the fast lane gives of the same events, byte for byte, none lost and none besides.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from msgspec import structs

from benchmarks.worker import AGELESS, everyday
from benchmarks.worlds import generous
from core.contracts.clock import ManualClock
from core.contracts.codec import encode
from core.contracts.event import Event
from core.contracts.identity import event_id
from core.contracts.signal import Signal
from core.contracts.topics import EVENTS, SIGNALS, Topic
from core.contracts.trace import Trace
from core.runtime.bus.kafka import KafkaBus, create_topics
from core.runtime.clock import SystemClock
from models.registry import Registry
from signals.classifier import Classifier, MemoryStories
from signals.reader import Reader
from signals.tables import TableFiles
from tests.integration.commands import Running, running, write_config
from tests.servers.kafka import KafkaServer

MOST_WORKERS: Final = 4
NEWS_EVERY: Final = 5
KEEP_AHEAD: Final = 0.4
"""The next part is published when so much of the signals due has come: work is never done."""
PART_S: Final = 60.0
JOIN_S: Final = 120.0
ARRIVE_S: Final = 180.0
SETTLE_S: Final = 3.0
STEPS: Final = ("join", "join", "kill", "join", "join", "kill", "kill", "join", "kill", "join")
"""What happens after each part of the events, beginning with one worker."""


class Signals:
    """Takes signals from a classifier or a bus.

    Attributes:
        by_id: each signal's bytes.
        repeated: how many came again, the same.
        changed: ids of those that came again otherwise.
    """

    def __init__(self) -> None:
        self.by_id: dict[str, bytes] = {}
        self.repeated = 0
        self.changed: set[str] = set()
        self._came = asyncio.Event()

    def publish(
        self,
        topic: Topic[Signal],
        record: Signal,
        *,
        record_id: str,
        keys: Sequence[str],
        trace: Trace,
    ) -> None:
        """Take one from a classifier."""
        self.on_signal(record, keys[0], trace)

    def on_signal(self, signal: Signal, _key: str, _trace: Trace) -> None:
        """Take one from a bus."""
        raw = encode(signal)
        if signal.id in self.by_id:
            self.repeated += 1
            if self.by_id[signal.id] != raw:
                self.changed.add(signal.id)
        self.by_id[signal.id] = raw
        self._came.set()

    async def until(self, wanted: set[str], count: int, limit_s: float) -> bool:
        """Wait for `count` of the wanted ones; False when they do not come in time."""
        deadline = time.monotonic() + limit_s
        while len(wanted & self.by_id.keys()) < count:
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), deadline - time.monotonic())
            except TimeoutError:
                return False
        return True


class Workers:
    """Worker processes that come and go."""

    def __init__(self, stack: AsyncExitStack, directory: Path, kafka: dict[str, Any]) -> None:
        self._stack, self._directory, self._kafka = stack, directory, kafka
        self._random = random.Random(7)
        self._running: list[Running] = []
        self._started = 0
        self.kills = self.most = 0

    async def join(self) -> None:
        """Start one more; it joins the others when it is ready."""
        self._started += 1
        data = self._directory / f"worker-{self._started}"
        config = write_config(
            data.with_suffix(".toml"), generous(str(data)) | {"kafka": self._kafka}
        )
        self._running.append(
            await self._stack.enter_async_context(running("classify", config, patience_s=JOIN_S))
        )
        self.most = max(self.most, len(self._running))

    async def kill(self) -> None:
        """End one of them with `kill -9`, and start one where it was the last."""
        victim = self._running.pop(self._random.randrange(len(self._running)))
        await victim.kill()
        self.kills += 1
        if not self._running:
            await self.join()

    async def finish(self) -> list[int]:
        """Stop the rest as an operator does; gives their exit codes."""
        return [await worker.terminate() for worker in self._running]


def a_tape(count: int, now_ns: int) -> list[Event]:
    """Make everyday events; each piece of news is told again by the one after it."""
    events = everyday(count, now_ns, news_every=NEWS_EVERY)
    for number in range(1, count, NEWS_EVERY):
        first = events[number - 1]
        events[number] = structs.replace(
            events[number],
            id=event_id("newswire", "again", str(number)),
            channel="again",
            title=first.title,
            text=first.text,
        )
    return events


def expected_of(events: Sequence[Event], reader: Reader, now_ns: int) -> list[dict[str, bytes]]:
    """Give the signals of each event, as one process decides."""
    signals = Signals()
    classifier = Classifier(
        signals, reader=reader, stories=MemoryStories(), clock=ManualClock(now_ns), limits=AGELESS
    )
    found = []
    for event in events:
        before = set(signals.by_id)
        for key in reader.keys_for(event):
            classifier.on_event(event, key, Trace())
        found.append({name: signals.by_id[name] for name in signals.by_id.keys() - before})
    return found


async def run(server: KafkaServer, count: int) -> dict[str, Any]:
    """Work off so many events by workers that come and go; give the counts."""
    began = time.monotonic()
    now_ns = time.time_ns()
    prefix = f"workers-{now_ns}."
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        reader = TableFiles(Registry(directory / "models")).load().reader
        events = a_tape(count, now_ns)
        each = expected_of(events, reader, now_ns)
        await create_topics(server.bootstrap, topic_prefix=prefix)
        bus = KafkaBus(server.bootstrap, clock=SystemClock(), topic_prefix=prefix)
        stack.push_async_callback(bus.stop)
        signals = Signals()
        bus.subscribe(SIGNALS, signals.on_signal, group="gathering")
        await bus.start()
        workers = Workers(stack, directory, {"bootstrap": server.bootstrap, "topic_prefix": prefix})
        await workers.join()
        due: set[str] = set()
        size = -(-count // len(STEPS))
        for number, step in enumerate(STEPS):
            part = slice(number * size, (number + 1) * size)
            for event, given in zip(events[part], each[part], strict=True):
                keys = reader.keys_for(event)
                bus.publish(EVENTS, event, record_id=event.id, keys=keys, trace=Trace())
                due |= given.keys()
            await bus.flush()
            await signals.until(due, int(KEEP_AHEAD * len(due)), PART_S)
            await (workers.join() if step == "join" else workers.kill())
        complete = await signals.until(due, len(due), ARRIVE_S)
        codes = await workers.finish()
        await asyncio.sleep(SETTLE_S if complete else 0)
    expected = {name: raw for given in each for name, raw in given.items()}
    lost = expected.keys() - signals.by_id.keys()
    besides = signals.by_id.keys() - expected.keys()
    other = {
        name
        for name in expected.keys() & signals.by_id.keys()
        if signals.by_id[name] != expected[name]
    } | signals.changed
    return {
        "events": len(events),
        "signals": len(expected),
        "lost": len(lost),
        "besides": len(besides),
        "changed": len(other),
        "repeated": signals.repeated,
        "kills": workers.kills,
        "most_workers": workers.most,
        "exit_codes": codes,
        "seconds": round(time.monotonic() - began),
        "ok": not lost and not besides and not other and not any(codes),
    }


def main() -> int:
    """Run from the command line; exit code 1 when the signals are not the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    asked = parser.parse_args()
    with KafkaServer() as server:
        counts = asyncio.run(run(server, asked.events))
    sys.stdout.write(json.dumps(counts, indent=2) + "\n")
    return 0 if counts["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
