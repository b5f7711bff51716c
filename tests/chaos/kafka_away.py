"""Takes Kafka away from crawlers under load, kills them meanwhile, and counts what arrived.

    python -m tests.chaos.kafka_away --seconds 60 --rate 300

For each lane (`tidings crawl`, and `tidings run` with Kafka behind the trade): a real broker is
stopped and started again with its log, the process is ended with `kill -9` and started again
while the broker is away. Afterwards every item served has to be on the events topic, and each
channel's in order.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.worlds import exchange_settings, generous, tradable, venue
from console.lanes.exchange import ChildProcess, read_endpoints
from core.contracts.topics import EVENTS
from tests.chaos.news_wires import NewsWires, news_wires
from tests.integration.commands import running, write_config
from tests.servers.kafka import KafkaServer

LANES: Final = ("crawl", "run")
CHANNELS: Final = ("alpha", "beta", "gamma")
ARRIVE_S: Final = 120.0
LEAST_LEAD_S: Final = 2.0


class Arrived(NamedTuple):
    """One record of the events topic."""

    partition: int
    key: str
    channel: str
    native_id: str


async def run(lane: str, server: KafkaServer, seconds: float, rate: float) -> dict[str, Any]:
    """Take the broker away from one lane for so many seconds and give the counts."""
    lead_s = max(LEAST_LEAD_S, seconds / 10)
    prefix = f"away-{lane}."
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        wires = await stack.enter_async_context(news_wires(CHANNELS, tradable()))
        settings = generous(str(directory / "data")) | {
            "crawl": {"newswire": wires.settings()},
            "kafka": {"bootstrap": server.bootstrap, "topic_prefix": prefix},
        }
        if lane == "run":
            settings["hitbtc"] = await _exchange(stack)
        config = write_config(directory / "tidings.toml", settings)
        first = await stack.enter_async_context(running(lane, config))
        load = asyncio.create_task(wires.serve(rate))
        stack.callback(load.cancel)
        await asyncio.sleep(lead_s)
        await server.stopping()
        gone = time.monotonic()
        await asyncio.sleep(seconds / 2)
        waiting_at_kill = (await _spool(first.url))["records"]
        await first.kill()
        second = await stack.enter_async_context(running(lane, config))
        await asyncio.sleep(max(0.0, gone + seconds - time.monotonic()))
        before = await _spool(second.url)
        await server.starting()
        back = time.monotonic()
        await asyncio.sleep(lead_s)
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        async with _reading(server.bootstrap, prefix + EVENTS.name) as consumer:
            arrived = await _until_all(consumer, wires)
            complete = time.monotonic()
            after = await _spool(second.url)
            code = await second.terminate()
            arrived += await _rest(consumer)
    return {
        "lane": lane,
        "rate": rate,
        "away_seconds": round(back - gone, 1),
        "waiting_when_killed": waiting_at_kill,
        "waiting_before_return": before["records"],
        "state_before_return": before["state"],
        "seconds_to_catch_up": round(complete - back, 1),
        "state_after": after["state"],
        "exit_code": code,
        **_count(wires.served, arrived),
    }


async def _exchange(stack: AsyncExitStack) -> dict[str, Any]:
    """Start an exchange and give the settings of its venue."""
    simulator = exchange_settings(immediate=False)
    child = await ChildProcess.start(
        *("trader.simulator", "--config", "-"), first_line=simulator.model_dump_json().encode()
    )
    stack.push_async_callback(child.stop)
    return venue(read_endpoints(child.ready), simulator)


async def _spool(health_url: str) -> dict[str, int]:
    """Ask a process for its spool's metrics."""
    async with aiohttp.ClientSession() as session, session.get(f"{health_url}/metrics") as got:
        lines = (await got.text()).splitlines()
    begin = "tidings_spool_"
    values = (line.removeprefix(begin).split() for line in lines if line.startswith(begin))
    return {name: int(float(value)) for name, value in values}


@asynccontextmanager
async def _reading(bootstrap: str, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Read a topic from its beginning, all partitions."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    async with consumer:
        partitions = [TopicPartition(topic, number) for number in range(EVENTS.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        yield consumer


async def _until_all(consumer: AIOKafkaConsumer, wires: NewsWires) -> list[Arrived]:
    """Read until every item served has been seen, or for as long as we have patience."""
    missing = {native_id for ids in wires.served.values() for native_id in ids}
    found: list[Arrived] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(ARRIVE_S):
            while missing:
                found += await _some(consumer)
                missing.difference_update(one.native_id for one in found)
    return found


async def _rest(consumer: AIOKafkaConsumer) -> list[Arrived]:
    """Read what is left."""
    found: list[Arrived] = []
    ends = await consumer.end_offsets(consumer.assignment())
    while any([await consumer.position(place) < end for place, end in ends.items()]):
        found += await _some(consumer)
    return found


async def _some(consumer: AIOKafkaConsumer) -> list[Arrived]:
    batches = await consumer.getmany(timeout_ms=500)
    records = [(message, EVENTS.decode(message.value)) for b in batches.values() for message in b]
    return [
        Arrived(message.partition, message.key.decode(), event.channel, event.native_id)
        for message, event in records
    ]


def _count(served: dict[str, list[str]], arrived: Sequence[Arrived]) -> dict[str, Any]:
    """Compare what was served with what arrived."""
    firsts = list(dict.fromkeys(arrived))
    wanted = {(channel, native_id) for channel, ids in served.items() for native_id in ids}
    lost = wanted - {(one.channel, one.native_id) for one in firsts}
    newest: dict[tuple[str, int], int] = {}
    disordered = 0
    for one in firsts:
        place, number = (one.channel, one.partition), int(one.native_id[1:])
        disordered += number < newest.get(place, -1)
        newest[place] = max(number, newest.get(place, -1))
    return {
        "served": len(wanted),
        "lost": len(lost),
        "doubled": len(arrived) - len(firsts),
        "disordered": disordered,
        "ok": not lost and not disordered,
    }


async def run_all(lanes: Sequence[str], seconds: float, rate: float) -> list[dict[str, Any]]:
    """Run lane after lane, each with a broker of its own."""
    counts = []
    for lane in lanes:
        with KafkaServer() as server:
            counts.append(await run(lane, server, seconds, rate))
    return counts


def main() -> int:
    """Run from the command line; exit code 1 when something was lost or out of order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lane", choices=LANES, action="append", help="one lane only")
    parser.add_argument("--seconds", type=float, default=60.0, help="without the broker")
    parser.add_argument("--rate", type=float, default=300.0, help="items a second")
    asked = parser.parse_args()
    counts = asyncio.run(run_all(asked.lane or LANES, asked.seconds, asked.rate))
    sys.stdout.write(json.dumps(counts, indent=2) + "\n")
    return 0 if all(one["ok"] for one in counts) else 1


if __name__ == "__main__":
    sys.exit(main())
