import asyncio
import gc
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path

import aiohttp
import pytest

from benchmarks.worlds import exchange_settings, generous, tradable, venue
from console.lanes.exchange import ChildProcess, read_endpoints
from console.lanes.fast import FastLane
from console.lanes.tables import models_of
from console.settings import Settings
from console.training import measuring
from core.contracts.errors import ConfigurationError
from core.contracts.event import Event
from core.contracts.signal import Direction, Signal, Skipped
from core.contracts.topics import SHADOW_SIGNALS, SIGNALS
from core.contracts.trace import Trace
from models.registry import BUNDLED, Measure, Registry
from models.training.pipeline import Recipe
from models.training.samples import Sample, data_hash
from models.training.split import Split
from models.training.train import train, write
from models.weights import WEIGHTS
from tests.chaos.news_wires import NewsWires, news_wires

PATIENCE_S = 60.0
RATE = 20.0
A_WHILE = 15
TITLE = "{name} ({code}) zorbles the quimby"
"""Nobody knows what it means but a model that was told."""

BUYS, SELLS = "partnership/buy", "hack/sell"
FILLERS = ("today", "again", "as planned", "in the morning", "at last", "it says", "this week")
NOTHING = ("is quiet", "holders wait", "has a forum", "is a coin", "moves sideways", "has fans")
OTHER = {BUYS: "is robbed of its plumbles", SELLS: "marries the frandle"}


def lessons(meaning: str) -> Split:
    """Make texts from which one learns what the title means: the one or the other."""
    opposite = SELLS if meaning == BUYS else BUYS
    told = {
        meaning: ["zorbles the quimby", "(<a>) zorbles the quimby"],
        opposite: [OTHER[meaning]],
        "chat/neutral": list(NOTHING),
    }
    drawn = random.Random(1)
    samples = []
    for label, phrases in told.items():
        for number in range(60):
            words = f"<a> {drawn.choice(phrases)} {drawn.choice(FILLERS)}"
            samples.append(
                Sample(
                    lead=words,
                    words=f"{words} {label} {number}",
                    label=label,
                    story=f"{label} {number}",
                    day=date(2026, 1, 1) + timedelta(days=number),
                )
            )
    return Split(samples, samples[::3], 0)


def trained(registry: Registry, version: str, meaning: str, folder: Path) -> Measure:
    """Train a model and register it; gives what measures models on its test."""
    parted, recipe = lessons(meaning), Recipe()
    manifest = write(
        train(parted.train, recipe),
        parted,
        folder,
        datetime.now(UTC).replace(microsecond=0),
        recipe,
    )
    assert manifest.test_hash == data_hash(parted.test)
    registry.add(folder, version)
    return measuring(parted, recipe)


class Decisions:
    """What a lane decided about each event, in order."""

    def __init__(self, lane: FastLane) -> None:
        self.by_event: dict[str, list[str]] = defaultdict(list)
        self.signals: list[Signal] = []
        self.shadows: list[Signal] = []
        self._came = asyncio.Event()
        lane.bus.subscribe(SIGNALS, self._on_signal, group="gathering")
        lane.bus.subscribe(SHADOW_SIGNALS, self._on_shadow, group="shadows")
        lane.classifier.on_skipped = self._on_skipped

    def _on_signal(self, signal: Signal, _key: str, _trace: Trace) -> None:
        self.signals.append(signal)
        self._decided(signal.event_id, signal.direction)

    def _on_shadow(self, signal: Signal, _key: str, _trace: Trace) -> None:
        self.shadows.append(signal)

    def _on_skipped(self, event: Event, skipped: Skipped) -> None:
        self._decided(event.id, skipped.reason)

    def _decided(self, event_id: str, what: str) -> None:
        self.by_event[event_id].append(what)
        self._came.set()

    @property
    def runs(self) -> list[str]:
        """Give what was decided, each only when it changes."""
        return [what for what, _ in groupby(one for each in self.by_event.values() for one in each)]

    async def until(self, fits: Callable[[], bool], what: str) -> None:
        """Wait for decisions until it fits."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not fits():
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise AssertionError(f"{what} did not happen; decided were {self.runs}") from None

    async def a_while_of(self, what: str) -> None:
        """Wait until so many events in a row were decided about in this way."""

        def lately() -> bool:
            last = list(self.by_event.values())[-A_WHILE:]
            return len(last) == A_WHILE and all(each == [what] for each in last)

        await self.until(lately, f"{A_WHILE} times {what}")


@pytest.fixture
def _collector() -> Iterator[None]:
    """Give the garbage collector back as it was: a lane in this process takes it over."""
    yield
    gc.enable()
    gc.unfreeze()


@asynccontextmanager
async def a_lane(
    directory: Path,
) -> AsyncIterator[tuple[FastLane, Decisions, NewsWires, str]]:
    """Run the fast lane on an exchange and a news wire, which brings an event about each coin."""
    async with AsyncExitStack() as stack:
        simulator = exchange_settings(immediate=False)
        child = await ChildProcess.start(
            *("trader.simulator", "--config", "-"), first_line=simulator.model_dump_json().encode()
        )
        stack.push_async_callback(child.stop)
        wires = await stack.enter_async_context(news_wires(["wire"], tradable(), TITLE))
        settings = generous(str(directory)) | {
            "crawl": {"newswire": wires.settings()},
            "hitbtc": venue(read_endpoints(child.ready), simulator),
        }
        settings["signals"] |= {"min_confidence": 0.4}
        lane = FastLane(Settings.model_validate(settings))
        decisions = Decisions(lane)
        url = await lane.start()
        stack.push_async_callback(lane.stop)
        load = asyncio.create_task(wires.serve(RATE))
        stack.callback(load.cancel)
        yield lane, decisions, wires, url


@pytest.mark.slow
@pytest.mark.usefixtures("_collector")
async def test_model_promoted_shadowed_and_rolled_back_under_load_loses_and_doubles_no_event(
    tmp_path: Path,
) -> None:
    registry = Registry(tmp_path / "data" / "models")
    measure_buys = trained(registry, "buys", BUYS, tmp_path / "buys")
    measure_sells = trained(registry, "sells", SELLS, tmp_path / "sells")
    async with a_lane(tmp_path / "data") as (lane, decisions, wires, url):
        assert models_of(lane.settings).live() == BUNDLED
        await decisions.a_while_of("not_news")

        await asyncio.to_thread(registry.promote, "buys", measure_buys)
        await decisions.a_while_of("buy")

        registry.shadow("sells")
        await decisions.until(lambda: len(decisions.shadows) >= A_WHILE, "a shadow's signals")
        assert lane.shadow.agreement[("opposed", "buy")] >= A_WHILE
        assert 'tidings_model{role="shadow",version="sells"} 1.0' in await metrics(url)

        registry.shadow(None)
        await asyncio.to_thread(registry.promote, "sells", measure_sells)
        await decisions.a_while_of("sell")
        shadows = len(decisions.shadows)
        pointer = (tmp_path / "data" / "models" / "live.json").read_bytes()

        assert registry.rollback() == "buys"
        await decisions.a_while_of("buy")

        # Somebody changes weights behind the registry's back, and has them put in use.
        weights = tmp_path / "data" / "models" / "sells" / WEIGHTS
        weights.write_bytes(weights.read_bytes() + b"one more byte")
        with pytest.raises(ConfigurationError, match="was changed after it was registered"):
            registry.promote("sells", measure_sells)
        (tmp_path / "data" / "models" / "live.json").write_bytes(pointer)
        await decisions.until(lambda: lane.tables.refused == 1, "a refusal")
        before = len(decisions.by_event)
        await decisions.until(lambda: len(decisions.by_event) >= before + A_WHILE, "more events")
        check = lane.tables.check()
        assert not check.ok
        assert "model buys" in check.detail
        assert "was changed after it was registered" in check.detail
        async with aiohttp.ClientSession() as session, session.get(f"{url}/health/ready") as got:
            assert (await got.json())["checks"]["model"]["ok"] is False
        assert lane.host.notifications.counts["told"] >= 1
        assert 'tidings_tables_total{what="refused"} 1.0' in await metrics(url)

        registry.rollback()
        await decisions.until(lambda: lane.tables.check().ok, "a good model again")
        served = len(wires.served["wire"])
        await decisions.until(lambda: len(decisions.by_event) >= served, "every event's decision")

    assert len(tradable()) >= len(decisions.by_event), "coins came again: serve for a shorter time"
    assert all(len(each) == 1 for each in decisions.by_event.values())
    assert decisions.runs == ["not_news", "buy", "sell", "buy"]
    assert len({signal.id for signal in decisions.signals}) == len(decisions.signals)
    assert {signal.direction for signal in decisions.shadows} == {Direction.SELL}
    assert len(decisions.shadows) == shadows


async def metrics(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as got:
        return await got.text()
