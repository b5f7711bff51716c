import asyncio
from collections.abc import Callable

import pytest

from core.contracts.errors import ConfigurationError
from core.contracts.signal import Direction, EventType
from models.drift import Drift
from models.predictor import Prediction
from signals.reader import Reader
from signals.reloading import RETRY_LOOKS, Reloading
from signals.shadow import Shadow
from signals.tables import Tables
from tests.unit.signals.events import an_event

EVENT = an_event("Kaspa (KAS) zorbles the quimby")


class Says:
    """A model that takes everything for news of one direction."""

    def __init__(self, direction: Direction) -> None:
        self.direction = direction

    def predict(self, lead: str) -> Prediction | None:
        return Prediction(EventType.PARTNERSHIP, self.direction, 0.995, ())


def tables(version: str, direction: Direction, shadow: str | None = None) -> Tables:
    reader = Reader(predictor=Says(direction))
    return Tables(reader, version, Drift({}), reader if shadow else None, shadow)


class Files:
    """Tables that a test replaces."""

    def __init__(self) -> None:
        self.next: Tables | ConfigurationError = tables("one", Direction.BUY)
        self.is_changed = False
        self.loads = 0

    def put(self, new: Tables | ConfigurationError) -> None:
        self.next, self.is_changed = new, True

    def changed(self) -> bool:
        return self.is_changed

    def load(self) -> Tables:
        self.is_changed = False
        self.loads += 1
        if isinstance(self.next, ConfigurationError):
            raise self.next
        return self.next


class Looks:
    """Ends `run` after so many looks; calls something before each."""

    def __init__(self, count: int, before: Callable[[int], None] = lambda _look: None) -> None:
        self._left, self._before = count, before

    async def sleep(self, seconds: float) -> None:
        assert seconds == 1.0
        if self._left == 0:
            raise asyncio.CancelledError
        self._left -= 1
        self._before(self._left)


async def run(reloading: Reloading) -> None:
    with pytest.raises(asyncio.CancelledError):
        await reloading.run()


def test_nothing_starts_on_tables_that_are_refused() -> None:
    files = Files()
    files.put(ConfigurationError("weights.npz was changed"))
    with pytest.raises(ConfigurationError, match="was changed"):
        Reloading(files)


async def test_new_model_reads_in_the_place_of_the_old_one_and_forgets_its_reading() -> None:
    files = Files()
    reloading = Reloading(files, sleep=Looks(1).sleep)
    reader = reloading.reader
    assert reader.read(EVENT).direction is Direction.BUY
    files.put(tables("two", Direction.SELL))
    await run(reloading)
    assert reloading.reader is reader
    assert reader.read(EVENT).direction is Direction.SELL
    assert (reloading.version, reloading.reloads) == ("two", 1)
    assert reloading.check() == (True, "model two")


async def test_nothing_is_loaded_while_nothing_changes() -> None:
    files = Files()
    reloading = Reloading(files, sleep=Looks(5).sleep)
    await run(reloading)
    assert files.loads == 1


async def test_refused_tables_leave_the_old_ones_in_use_and_are_told_once() -> None:
    files, told = Files(), list[tuple[str, str]]()
    looks = Looks(2 * RETRY_LOOKS + 2)
    reloading = Reloading(
        files, tell=lambda text, subject: told.append((text, subject)), sleep=looks.sleep
    )
    files.put(ConfigurationError("weights.npz was changed"))
    await run(reloading)
    assert reloading.reader.read(EVENT).direction is Direction.BUY
    assert reloading.check() == (False, "model one; refused: weights.npz was changed")
    assert told == [
        ("new tables are refused, model one stays in use: weights.npz was changed", "model")
    ]
    assert reloading.refused == 1
    assert files.loads == 1 + 1 + 2  # the start, the change, and it was tried again twice


async def test_file_that_was_put_back_is_taken_without_another_change() -> None:
    files = Files()

    def put_back(_left: int) -> None:
        if reloading.refused:
            files.next = tables("two", Direction.SELL)

    reloading = Reloading(files, sleep=Looks(RETRY_LOOKS + 2, put_back).sleep)
    files.put(ConfigurationError("weights.npz was changed"))
    await run(reloading)
    assert reloading.check() == (True, "model two")


async def test_shadow_is_given_its_model_and_loses_it() -> None:
    files, shadow = Files(), Shadow()
    files.next = tables("one", Direction.BUY, shadow="rival")
    reloading = Reloading(files, shadow=shadow, sleep=Looks(1).sleep)
    assert shadow.version == "rival"
    assert reloading.check().detail == "model one, rival on trial"
    files.put(tables("one", Direction.BUY))
    await run(reloading)
    assert shadow.version is None
