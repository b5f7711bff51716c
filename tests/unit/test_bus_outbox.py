"""Order, confirmation and commit bookkeeping of the Kafka bus, without a broker."""

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.errors import Fatal
from core.runtime.bus.outbox import Outbox
from core.runtime.bus.progress import Progress


def filled(*partitions: int) -> Outbox:
    outbox = Outbox()
    for partition in partitions:
        outbox.put("topic", partition, b"key", b"value", [])
    return outbox


def test_confirmation_reaches_up_to_the_oldest_waiting_record_of_any_lane() -> None:
    outbox = filled(0, 1, 0, 1)  # numbers 1 and 3 in one lane, 2 and 4 in the other
    first, second = outbox.lanes()
    assert outbox.confirmed_through() == 0
    outbox.confirm(second, 2)
    assert (outbox.confirmed_through(), outbox.waiting) == (0, 2)
    outbox.confirm(first, 1)
    assert outbox.confirmed_through() == 2
    outbox.confirm(first, 1)
    assert (outbox.confirmed_through(), outbox.waiting) == (4, 0)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_nothing_unconfirmed_lies_at_or_below_the_confirmed_number(
    partitions: list[int], random: Random
) -> None:
    outbox = filled(*partitions)
    while outbox.waiting:
        lane = random.choice([lane for lane in outbox.lanes() if lane.records])
        outbox.confirm(lane, 1)
        left = [record.number for lane in outbox.lanes() for record in lane.records]
        assert outbox.confirmed_through() == min(left, default=len(partitions) + 1) - 1


async def test_waiting_ends_with_the_confirmation_of_the_record_waited_for() -> None:
    outbox = filled(0, 0)
    (lane,) = outbox.lanes()
    first = asyncio.create_task(outbox.confirmed(1))
    both = asyncio.create_task(outbox.confirmed(2))
    await asyncio.sleep(0)
    outbox.confirm(lane, 1)
    await first
    assert not both.done()
    outbox.confirm(lane, 1)
    await both


async def test_record_that_can_never_be_confirmed_ends_all_waiting() -> None:
    outbox = filled(0)
    waiting = asyncio.create_task(outbox.confirmed(1))
    await asyncio.sleep(0)
    outbox.fail(Fatal("too large"))
    with pytest.raises(Fatal, match="too large"):
        await waiting
    with pytest.raises(Fatal, match="too large"):
        await outbox.confirmed(1)
    await outbox.confirmed(0)


def test_offset_is_committable_once_what_its_handler_published_is_confirmed() -> None:
    progress = Progress[str]()
    progress.handled("p0", 10, published=3)
    progress.handled("p0", 11, published=5)
    progress.handled("p1", 7, published=5)
    assert progress.committable(2, {"p0", "p1"}) == {}
    assert progress.committable(4, {"p0", "p1"}) == {"p0": 11}
    assert progress.committable(5, {"p0", "p1"}) == {"p0": 12, "p1": 8}


def test_offset_stays_committable_until_its_commit_succeeded() -> None:
    progress = Progress[str]()
    progress.handled("p0", 10, published=0)
    offsets = progress.committable(0, {"p0"})
    assert progress.committable(0, {"p0"}) == offsets
    progress.handled("p0", 11, published=0)
    progress.committable(0, {"p0"})
    progress.committed(offsets)  # an older one than what is ready by now
    assert progress.committable(0, {"p0"}) == {"p0": 12}
    progress.committed({"p0": 12})
    assert progress.committable(0, {"p0"}) == {}


def test_partition_that_moved_away_is_not_committed() -> None:
    progress = Progress[str]()
    progress.handled("p0", 10, published=0)
    assert progress.committable(0, {"p1"}) == {}
    progress.clear()
    assert progress.committable(0, {"p0"}) == {}
