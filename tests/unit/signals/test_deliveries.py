import asyncio

from signals.deliveries import LOOKS_AT_A_GAP, Deliveries, Partition

P: Partition = ("events", 0)


class Failures(list[BaseException]):
    """What the worker would stop with."""


def deliveries(failures: Failures | None = None, committed: int | None = None) -> Deliveries:
    return Deliveries(
        (failures if failures is not None else Failures()).append, lambda _: committed
    )


def confirmation() -> "asyncio.Future[None]":
    return asyncio.get_running_loop().create_future()


async def test_event_is_committed_only_when_all_its_records_and_all_before_it_are_confirmed() -> (
    None
):
    kept = deliveries()
    first, second = confirmation(), confirmation()
    for offset, future in enumerate((first, second)):
        kept.begin(P, offset, None)
        kept.add(future)
        kept.end()
    second.set_result(None)
    await asyncio.sleep(0)
    assert kept.committable() == {}
    first.set_result(None)
    await asyncio.sleep(0)
    assert kept.committable() == {P: 2}


async def test_event_that_made_no_record_is_committed_at_once() -> None:
    kept = deliveries()
    kept.begin(P, 0, None)
    assert kept.committable() == {}
    kept.end()
    assert kept.committable() == {P: 1}


async def test_record_made_later_holds_its_event_back() -> None:
    kept = deliveries()
    kept.begin(P, 0, None)
    delivery = kept.hold()
    kept.end()
    assert kept.committable() == {}
    later = confirmation()
    with kept.held(delivery):
        kept.add(later)
    later.set_result(None)
    await kept.drained()
    assert kept.committable() == {P: 1}


async def test_refused_record_fails_the_worker_and_is_never_committed() -> None:
    failures = Failures()
    kept = deliveries(failures)
    kept.begin(P, 0, None)
    refused = confirmation()
    kept.add(refused)
    kept.end()
    refused.set_exception(OSError("too large"))
    await asyncio.sleep(0)
    assert [str(error) for error in failures] == ["too large"]
    assert kept.committable() == {}


def without_partition() -> None:
    raise ValueError("no partition")


async def test_record_that_cannot_be_made_later_fails_the_worker() -> None:
    failures = Failures()
    kept = deliveries(failures)
    kept.begin(P, 0, None)
    delivery = kept.hold()
    kept.end()
    with kept.held(delivery):
        without_partition()
    assert [str(error) for error in failures] == ["no partition"]
    assert kept.committable() == {}


def test_offsets_are_taken_one_after_the_other_from_the_commit() -> None:
    kept = deliveries(committed=7)
    assert [kept.expects(P, offset) for offset in (6, 7, 8)] == [False, True, False]
    kept.begin(P, 7, None)
    kept.end()
    assert [kept.expects(P, offset) for offset in (7, 8, 9)] == [False, True, False]


def test_partition_that_stands_still_is_read_again_and_one_that_moves_is_not() -> None:
    kept = deliveries(committed=7)
    assert kept.missed({P: 9}) == {}
    assert kept.missed({P: 9}) == {P: 7}
    kept.begin(P, 7, None)
    kept.end()
    assert kept.missed({P: 9}) == {}
    kept.begin(P, 8, None)
    kept.end()
    assert kept.missed({P: 9}) == {}
    assert kept.missed({P: None}) == {}


def test_offsets_that_stay_missing_are_believed_not_to_exist() -> None:
    kept = deliveries(committed=7)
    while not kept.expects(P, 8):
        assert not kept.expects(P, 6)
        kept.missed({P: 9})
    kept.begin(P, 8, None)
    kept.end()
    assert kept.committable() == {P: 9}
    assert not kept.expects(P, 10)
    assert LOOKS_AT_A_GAP > 1


def test_partition_that_was_taken_away_starts_anew_at_its_commit() -> None:
    kept = deliveries(committed=3)
    kept.begin(P, 3, None)
    kept.forget([P])
    assert kept.committable() == {}
    assert kept.expects(P, 3)


async def test_room_waits_until_enough_is_confirmed() -> None:
    kept = deliveries()
    kept.begin(P, 0, None)
    await asyncio.wait_for(kept.room(), 1)
