import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from benchmarks.worlds import PLENTY, generous, venue
from console.demo.books import levels
from console.demo.tape import Tape, load_tape
from console.demo.world import tape_exchange
from console.lanes.exchange import ChildProcess, read_endpoints
from console.lanes.fast import FastLane
from console.settings import Settings
from core.contracts.codec import encode
from core.contracts.event import Event
from core.contracts.signal import Signal
from core.contracts.topics import EVENTS, SIGNALS
from core.contracts.trace import Trace
from core.runtime.bus.kafka import KafkaBus, create_topics
from core.runtime.bus.port import Bus
from core.runtime.clock import SystemClock
from crawlers.item import Item
from crawlers.normalise import Limits, normalise
from signals.reader import Reader
from tests.integration.commands import POLL_S, answer, running, until, write_config
from trader.simulator.server import Endpoints
from trader.simulator.settings import SimulatorSettings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PATIENCE_S = 90.0
SECOND_NS = 1_000_000_000


def events_of(tape: Tape, now_ns: int) -> list[Event]:
    """Give a tape's posts as events received one second after the other, the last one now."""
    start_ns = now_ns - len(tape.items) * SECOND_NS
    found: dict[str, Event] = {}
    for number, post in enumerate(tape.items):
        received_ns = start_ns + number * SECOND_NS
        event = normalise(
            Item(
                native_id=post.id,
                title=post.title,
                text=post.body,
                author=post.author,
                published=(received_ns - post.age_s * SECOND_NS) // 1_000_000,
            ),
            source="tape",
            channel=post.outlet,
            received_ns=received_ns,
            limits=Limits(),
        )
        if isinstance(event, Event):
            found.setdefault(event.id, event)
    return list(found.values())


def plenty(tape: Tape) -> SimulatorSettings:
    """Make the tape's exchange with money and coins for every signal."""
    settings = tape_exchange(tape)
    held = {pair.base for pair in settings.symbols} | {pair.quote for pair in settings.symbols}
    return settings.model_copy(update={"balances": dict.fromkeys(held, Decimal(PLENTY))})


@asynccontextmanager
async def an_exchange(tape: Tape, session: aiohttp.ClientSession) -> AsyncIterator[Endpoints]:
    """Run an exchange whose books stand still, however much is bought."""
    child = await ChildProcess.start(
        *("trader.simulator", "--config", "-"), first_line=plenty(tape).model_dump_json().encode()
    )
    try:
        endpoints = read_endpoints(child.ready)
        for spec in tape.symbols:
            bids, asks = levels(spec, spec.mid, 0)
            body = {
                "symbol": spec.symbol,
                "bids": [(str(price), PLENTY) for price, _ in bids],
                "asks": [(str(price), PLENTY) for price, _ in asks],
            }
            async with session.post(f"{endpoints.control_url}/book", json=body) as got:
                assert got.status == 200, await got.text()
        yield endpoints
    finally:
        await child.stop()


def settings_for(directory: Path, endpoints: Endpoints, tape: Tape) -> dict[str, Any]:
    return generous(str(directory)) | {"hitbtc": venue(endpoints, plenty(tape))}


class Gathered:
    """Takes signals from a bus."""

    def __init__(self, bus: Bus, wanted: int) -> None:
        self.by_id: dict[str, bytes] = {}
        self.complete = asyncio.Event()
        self._wanted = wanted
        bus.subscribe(SIGNALS, self._on_signal, group="gathering")

    def _on_signal(self, signal: Signal, _key: str, _trace: Trace) -> None:
        raw = encode(signal)
        assert self.by_id.setdefault(signal.id, raw) == raw
        if len(self.by_id) >= self._wanted:
            self.complete.set()


def publish(bus: Bus, tape: list[Event]) -> None:
    reader = Reader()
    for event in tape:
        keys = reader.keys_for(event)
        bus.publish(EVENTS, event, record_id=event.id, keys=keys, trace=Trace(event.received_ns))


async def orders_when_all_are_done(
    session: aiohttp.ClientSession, health_url: str, endpoints: Endpoints, signals: int
) -> dict[str, tuple[str, ...]]:
    """Wait until the trader has dealt with every signal; give the exchange's orders by id."""
    await until(
        session,
        f"{health_url}/control/status",
        lambda s: s["counts"].get("signals", 0) >= signals and not s["in_flight"],
        f"{signals} signals",
    )
    state = await answer(session, f"{endpoints.control_url}/state")
    assert all(order["received"] == 1 for order in state["orders"])
    return {
        order["client_order_id"]: tuple(
            order[field] for field in ("symbol", "side", "quantity", "price", "time_in_force")
        )
        for order in state["orders"]
    }


@pytest.fixture
def collector() -> Iterator[None]:
    """Give the garbage collector back as it was: a lane in this process takes it over."""
    yield
    gc.enable()
    gc.unfreeze()


async def on_the_fast_lane(
    tape: Tape, events: list[Event], directory: Path
) -> tuple[dict[str, bytes], dict[str, tuple[str, ...]]]:
    async with aiohttp.ClientSession() as session, an_exchange(tape, session) as endpoints:
        lane = FastLane(Settings.model_validate(settings_for(directory, endpoints, tape)))
        gathered = Gathered(lane.bus, 0)
        url = await lane.start()
        try:
            async with asyncio.timeout(PATIENCE_S):
                depths = lane.trading.trader.books.depths
                while len(depths) < len(tape.symbols):  # noqa: ASYNC110 - nothing to wait for
                    await asyncio.sleep(POLL_S)
            publish(lane.bus, events)
            orders = await orders_when_all_are_done(session, url, endpoints, len(gathered.by_id))
        finally:
            await lane.stop()
    return gathered.by_id, orders


async def on_the_distributed_lane(
    tape: Tape, events: list[Event], directory: Path, bootstrap: str, prefix: str, signals: int
) -> tuple[dict[str, bytes], dict[str, tuple[str, ...]]]:
    await create_topics(bootstrap, topic_prefix=prefix)
    kafka = {"bootstrap": bootstrap, "topic_prefix": prefix}
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        endpoints = await stack.enter_async_context(an_exchange(tape, session))
        bus = KafkaBus(bootstrap, clock=SystemClock(), topic_prefix=prefix)
        gathered = Gathered(bus, signals)
        stack.push_async_callback(bus.stop)
        await bus.start()
        services = {}
        for name in ("classify", "trade"):
            settings = settings_for(directory / name, endpoints, tape) | {"kafka": kafka}
            config = write_config(directory / f"{name}.toml", settings)
            services[name] = await stack.enter_async_context(running(name, config))
        publish(bus, events)
        await bus.flush()
        async with asyncio.timeout(PATIENCE_S):
            await gathered.complete.wait()
        orders = await orders_when_all_are_done(session, services["trade"].url, endpoints, signals)
        for service in services.values():
            assert await service.terminate() == 0
    return gathered.by_id, orders


async def test_both_lanes_give_the_same_signals_and_the_same_orders(
    kafka: str, kafka_prefix: str, tmp_path: Path, collector: None
) -> None:
    tape = load_tape()
    events = events_of(tape, time.time_ns())
    expected = {signal.asset for item in tape.items for signal in item.signals}
    fast_signals, fast_orders = await on_the_fast_lane(tape, events, tmp_path / "fast")
    read = {msgspec.json.decode(raw, type=Signal).asset for raw in fast_signals.values()}
    assert read >= expected
    assert len(fast_orders) > 20
    assert {side for _, side, *_ in fast_orders.values()} == {"buy", "sell"}
    signals, orders = await on_the_distributed_lane(
        tape, events, tmp_path, kafka, kafka_prefix, len(fast_signals)
    )
    assert signals == fast_signals
    assert orders == fast_orders
