"""The spool: nothing published is lost or out of order, whatever is away, full or killed when."""

import asyncio
import errno
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from core.contracts.clock import ManualClock
from core.contracts.errors import ConfigurationError, Fatal, Rejected, Retryable
from core.contracts.event import Event
from core.contracts.topics import DEAD_LETTERS, EVENTS, REFUSALS, Topic
from core.contracts.trace import Trace
from core.runtime.bus.spool import SpoolBus, SpooledError
from core.runtime.bus.spool_log import SpoolLog
from core.runtime.bus.spool_queue import SpoolState
from tests.contract.bus_records import Inbox, event, refusal
from tests.unit.spool_doubles import Behind, Broker, NoWait, say, snapshot

ROOT = Path(__file__).resolve().parents[2]
MakeBus = Callable[..., SpoolBus]

# Appends numbered lines until the file may not grow, then says what happened and where it stands;
# with the limit lifted it appends one more.
FILLER = """
import resource, sys
from pathlib import Path
from core.contracts.errors import Retryable
from core.runtime.bus.spool_log import SpoolLog
log = SpoolLog(Path(sys.argv[1]))
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
number = 0
try:
    while True:
        log.append(b"%d %s\\n" % (number, b"x" * 300))
        number += 1
except Retryable as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
log.append(b"%d\\n" % number)
print(number)
"""


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
async def make_bus(tmp_path: Path) -> AsyncIterator[MakeBus]:
    """Make buses that look after their queue every millisecond, and stop them in the end."""
    made: list[SpoolBus] = []

    def make(inner: Behind, directory: Path | None = None, **settings: int) -> SpoolBus:
        bus = SpoolBus(
            inner,
            directory or tmp_path / "spool",
            clock=ManualClock(),
            confirm_every_ms=1,
            jitter=NoWait(),
            **settings,
        )
        made.append(bus)
        return bus

    yield make
    for bus in made:
        await bus.stop()


def killed(directory: Path, name: str = "killed") -> Path:
    """Give what the disk holds at this moment, as a process killed now would leave it."""
    copy = directory.with_name(name)
    snapshot(directory, copy)
    return copy


def state(bus: SpoolBus) -> str:
    return bus.queue.state.value


async def until_flushed(bus: SpoolBus) -> None:
    """Have everything confirmed, however often it has to be asked for."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await bus.flush()
            except SpooledError:
                await asyncio.sleep(0)


async def test_record_is_on_disk_and_with_the_inner_bus_when_publish_returns(
    make_bus: MakeBus, broker: Broker, tmp_path: Path
) -> None:
    inner = Behind(broker)
    bus = make_bus(inner)
    await bus.start()
    record_id = say(bus, 1)
    assert [one.record_id for one in inner.held] == [record_id]
    assert record_id.encode() in (tmp_path / "spool" / "spool-00000000.jsonl").read_bytes()
    assert bus.queue.waiting == 1
    await bus.flush()
    assert broker.ids() == [record_id]
    assert (bus.queue.waiting, bus.queue.waiting_bytes) == (0, 0)


async def test_what_the_inner_bus_has_no_room_for_follows_in_order(
    make_bus: MakeBus, broker: Broker
) -> None:
    inner = Behind(broker, room=3)
    bus = make_bus(inner)
    await bus.start()
    sent = []
    for number in range(200):
        sent.append(say(bus, number))
        if number % 50 == 49:
            await until_flushed(bus)
            assert bus.queue.is_direct
    assert broker.ids() == sent


async def test_record_published_while_catching_up_waits_for_those_before_it(
    make_bus: MakeBus, broker: Broker
) -> None:
    inner = Behind(broker, room=2)
    bus = make_bus(inner)
    await bus.start()
    sent = [say(bus, number) for number in range(4)]
    inner.room = 1000  # there is room now, but records 2 and 3 are on disk
    sent.append(say(bus, 4))
    assert len(inner.held) == 2
    await until_flushed(bus)
    assert broker.ids() == sent


async def test_crawler_starts_without_the_broker_and_all_is_sent_when_it_comes(
    make_bus: MakeBus, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    broker.is_up = False
    inner = Behind(broker)
    bus = make_bus(inner)
    await bus.start()
    assert state(bus) == SpoolState.SPOOLING
    result = bus.check()
    assert not result.ok
    assert "the broker can't be reached" in result.detail
    sent = [say(bus, number) for number in range(100)]
    with pytest.raises(SpooledError, match=r"100 records .* wait in"):
        await bus.flush()
    broker.is_up = True
    await until_flushed(bus)
    assert broker.ids() == sent
    assert state(bus) == SpoolState.DIRECT
    assert bus.check().ok
    assert caplog.messages.count("spool_state") == 2  # spooling, then direct
    assert inner.starts > 1


async def test_flush_does_not_wait_for_a_broker_known_to_be_away(
    make_bus: MakeBus, broker: Broker
) -> None:
    bus = make_bus(Behind(broker))
    await bus.start()
    broker.is_up = False
    say(bus, 1)
    with pytest.raises(SpooledError, match="the broker confirms nothing"):
        await bus.flush()
    assert state(bus) == SpoolState.SPOOLING
    before = asyncio.get_running_loop().time()
    with pytest.raises(SpooledError):
        await bus.flush()
    assert asyncio.get_running_loop().time() - before < 1
    broker.is_up = True
    await until_flushed(bus)


async def test_what_a_killed_process_left_is_sent_before_anything_new(
    make_bus: MakeBus, broker: Broker, tmp_path: Path
) -> None:
    broker.is_up = False
    first = make_bus(Behind(broker))
    await first.start()
    sent = [say(first, number, f"K{number % 3}") for number in range(30)]
    there = Broker()
    second = make_bus(Behind(there, room=7), killed(tmp_path / "spool"))
    await second.start()
    assert second.queue.waiting == 30
    sent += [say(second, number, f"K{number % 3}") for number in range(30, 60)]
    await until_flushed(second)
    assert there.ids() == sent


async def test_event_that_is_still_in_the_spool_is_not_taken_twice(
    make_bus: MakeBus, broker: Broker, tmp_path: Path
) -> None:
    broker.is_up = False
    first = make_bus(Behind(broker))
    await first.start()
    sent = [say(first, number) for number in range(5)]
    there = Broker()
    second = make_bus(Behind(there), killed(tmp_path / "spool"))
    await second.start()
    for number in range(8):  # the source goes on from an older cursor
        record_id = say(second, number)
        sent += [record_id] if number >= 5 else []
    await until_flushed(second)
    assert there.ids() == sent


async def test_records_of_other_topics_are_taken_whatever_their_id(
    make_bus: MakeBus, broker: Broker, tmp_path: Path
) -> None:
    broker.is_up = False
    first = make_bus(Behind(broker))
    await first.start()

    def refuse(bus: SpoolBus) -> None:
        bus.publish(REFUSALS, refusal("s"), record_id="s", keys=("s",), trace=Trace())

    refuse(first)
    there = Broker()
    second = make_bus(Behind(there), killed(tmp_path / "spool"))
    await second.start()
    refuse(second)
    await until_flushed(second)
    assert there.ids() == ["s", "s"]


async def test_keys_and_stamps_survive_the_disk(make_bus: MakeBus, broker: Broker) -> None:
    broker.is_up = False
    bus = make_bus(Behind(broker))
    await bus.start()
    trace = Trace(received=17)
    trace.parsed = 18
    record = event(1, 'line\none, "quoted" \u2028 and \x00')
    bus.publish(EVENTS, record, record_id=record.id, keys=["IOTA", "BTC"], trace=trace)
    broker.is_up = True
    await until_flushed(bus)
    (kept,) = broker.kept
    assert kept.record == record
    assert kept.keys == ("IOTA", "BTC")
    assert kept.stamps == trace.to_header()


async def test_line_torn_at_any_byte_loses_only_that_record(
    make_bus: MakeBus, broker: Broker, tmp_path: Path
) -> None:
    broker.is_up = False
    bus = make_bus(Behind(broker))
    await bus.start()
    whole = [say(bus, 1), say(bus, 2)]
    before = bus.queue.waiting_bytes
    torn = say(bus, 3)
    after = bus.queue.waiting_bytes
    for size in range(before, after + 1, 7):
        left = killed(tmp_path / "spool", f"torn-{size}")
        os.truncate(left / "spool-00000000.jsonl", size)
        there = Broker()
        again = make_bus(Behind(there), left)
        await again.start()
        again_id = say(again, 4)
        await until_flushed(again)
        kept = [torn] if size == after else []
        assert there.ids() == [*whole, *kept, again_id]


async def test_killed_between_confirmation_and_its_note_sends_twice_and_loses_nothing(
    make_bus: MakeBus, broker: Broker, tmp_path: Path
) -> None:
    bus = make_bus(Behind(broker))
    await bus.start()
    sent = [say(bus, number) for number in range(3)]
    left = killed(tmp_path / "spool")  # the broker has them a moment later, the note has not
    await bus.flush()
    again = make_bus(Behind(broker), left)
    await again.start()
    await until_flushed(again)
    assert broker.ids() == sent + sent


@pytest.mark.parametrize(
    ("note", "waiting"), [(b"", 1), (b"garbage", 1), (b"99999999999999999999\n", 0)]
)
async def test_unreadable_or_impossible_position_is_corrected(
    make_bus: MakeBus, broker: Broker, tmp_path: Path, note: bytes, waiting: int
) -> None:
    broker.is_up = False
    first = make_bus(Behind(broker))
    await first.start()
    say(first, 1)
    left = killed(tmp_path / "spool")
    (left / "spool.position").write_bytes(note)
    second = make_bus(Behind(broker), left)
    await second.start()
    assert second.queue.waiting == waiting
    record_id = say(second, 2)
    there = Broker()
    third = make_bus(Behind(there), killed(left, "killed-again"))
    await third.start()
    await until_flushed(third)
    assert there.ids()[-1] == record_id
    assert len(there.kept) == waiting + 1


async def test_segments_are_deleted_once_all_in_them_is_confirmed(
    make_bus: MakeBus, broker: Broker, tmp_path: Path
) -> None:
    broker.is_up = False
    bus = make_bus(Behind(broker), segment_bytes=2_000)
    await bus.start()
    sent = [say(bus, number, text="x" * 100) for number in range(100)]
    directory = tmp_path / "spool"
    assert len(list(directory.glob("spool-*.jsonl"))) > 10
    there = Broker()
    again = make_bus(Behind(there, room=9), killed(directory), segment_bytes=2_000)
    await again.start()
    await until_flushed(again)
    assert there.ids() == sent
    async with asyncio.timeout(10):
        while len(list((tmp_path / "killed").glob("spool-*.jsonl"))) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_records_that_a_power_cut_took_leave_the_others(
    make_bus: MakeBus, broker: Broker, tmp_path: Path
) -> None:
    broker.is_up = False
    bus = make_bus(Behind(broker), segment_bytes=1_000)
    await bus.start()
    sent = [say(bus, number, text="x" * 300) for number in range(9)]
    left = killed(tmp_path / "spool")
    files = sorted(left.glob("spool-*.jsonl"))
    os.truncate(files[1], files[1].stat().st_size - 10)
    there = Broker()
    again = make_bus(Behind(there), left)
    await again.start()
    await until_flushed(again)
    lost = [record_id for record_id in sent if record_id not in there.ids()]
    assert len(lost) == 1
    assert there.ids() == [record_id for record_id in sent if record_id not in lost]


async def test_past_the_bound_publish_says_what_waits_and_takes_again_when_there_is_room(
    make_bus: MakeBus, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    broker.is_up = False
    bus = make_bus(Behind(broker), max_bytes=5_000)
    await bus.start()
    sent = [say(bus, number) for number in range(3)]
    size = bus.queue.waiting_bytes // 3
    sent += [say(bus, number) for number in range(3, 5_000 // size)]
    for _ in range(3):
        with pytest.raises(Retryable, match=r"the bound is 5000 bytes: bring the broker back, or"):
            say(bus, 100)
    assert state(bus) == SpoolState.FULL
    assert bus.queue.waiting_bytes <= 5_000
    assert not bus.check().ok
    assert caplog.messages.count("spool_state") == 2  # spooling, then full
    broker.is_up = True
    await until_flushed(bus)
    assert state(bus) == SpoolState.DIRECT
    sent.append(say(bus, 100))
    await bus.flush()
    assert broker.ids() == sent


async def test_full_disk_is_told_and_what_is_published_after_it_follows_what_was_before(
    make_bus: MakeBus, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.is_up = False
    bus = make_bus(Behind(broker))
    await bus.start()
    sent = [say(bus, 1)]
    write = os.write
    for half in (False, True):

        def no_room(fd: int, data: bytes, half: bool = half) -> int:
            if half:
                return write(fd, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", no_room)
            with pytest.raises(Retryable, match=r"cannot write the spool in .*: free space"):
                say(bus, 2)
        assert state(bus) == SpoolState.FULL
        sent.append(say(bus, 3 + half))
        assert state(bus) == SpoolState.SPOOLING
    broker.is_up = True
    await until_flushed(bus)
    assert broker.ids() == sent


async def test_disk_that_fails_otherwise_fails_the_bus(
    make_bus: MakeBus, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = make_bus(Behind(broker))
    await bus.start()

    def broken(fd: int, data: bytes) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", broken)
        with pytest.raises(Fatal, match=r"cannot write the spool .*\(EIO\): repair it"):
            say(bus, 1)
    with pytest.raises(Fatal, match="EIO"):
        await bus.failure()
    with pytest.raises(Fatal, match="the bus has failed"):
        say(bus, 2)
    assert bus.check().detail.startswith("failed: cannot write")


async def test_file_that_may_not_grow_keeps_whole_lines_and_grows_when_it_may(
    tmp_path: Path,
) -> None:
    filler = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FILLER, str(tmp_path)), cwd=ROOT, stdout=subprocess.PIPE
    )
    said, _ = await filler.communicate()
    message, number = said.decode().splitlines()
    assert "free space or raise the limit" in message
    log = SpoolLog(tmp_path)
    lines, _ = await log.read(log.begin, 1_000_000)
    log.close()
    assert [int(line.split()[0]) for line in lines] == list(range(int(number) + 1))


async def test_configuration_error_of_the_inner_bus_ends_the_start(
    make_bus: MakeBus, broker: Broker
) -> None:
    broker.refusal = ConfigurationError("topic tidings.events has 1 partitions and needs 4")
    bus = make_bus(Behind(broker))
    with pytest.raises(ConfigurationError, match="needs 4"):
        await bus.start()


async def test_configuration_error_found_later_fails_the_bus(
    make_bus: MakeBus, broker: Broker
) -> None:
    broker.is_up = False
    bus = make_bus(Behind(broker))
    await bus.start()
    broker.refusal = ConfigurationError("topic tidings.events has 1 partitions and needs 4")
    with pytest.raises(ConfigurationError, match="needs 4"):
        await asyncio.wait_for(bus.failure(), 10)
    with pytest.raises(Fatal, match="needs 4"):
        await bus.flush()


async def test_failure_of_the_inner_bus_is_the_buss(make_bus: MakeBus, broker: Broker) -> None:
    inner = Behind(broker)
    bus = make_bus(inner)
    await bus.start()
    inner.fail(Fatal("the broker refuses a record"))
    with pytest.raises(Fatal, match="refuses a record"):
        await asyncio.wait_for(bus.failure(), 10)
    with pytest.raises(Fatal, match="the bus has failed"):
        say(bus, 1)


async def test_stop_without_the_broker_keeps_records_for_the_next_start(
    make_bus: MakeBus, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    first = make_bus(Behind(broker))
    await first.start()
    broker.is_up = False
    sent = [say(first, number) for number in range(3)]
    await first.stop()
    assert "spool_kept_for_the_next_start" in caplog.messages
    second = make_bus(Behind(broker))
    await second.start()
    broker.is_up = True
    await until_flushed(second)
    assert broker.ids() == sent


async def test_stop_sends_what_it_can(make_bus: MakeBus, broker: Broker) -> None:
    bus = make_bus(Behind(broker))
    await bus.start()
    sent = [say(bus, number) for number in range(3)]
    await bus.stop()
    assert broker.ids() == sent
    again = make_bus(Behind(broker))
    await again.start()
    assert again.queue.waiting == 0


async def test_failure_to_stop_that_is_not_about_records_is_raised(
    make_bus: MakeBus, broker: Broker
) -> None:
    inner = Behind(broker)
    bus = make_bus(inner)
    await bus.start()
    inner.stop_error = Fatal("takes no commit")
    with pytest.raises(Fatal, match="takes no commit"):
        await bus.stop()
    inner.stop_error = None


async def test_record_that_the_inner_bus_rejects_is_not_kept(
    make_bus: MakeBus, broker: Broker
) -> None:
    bus = make_bus(Behind(broker, rejects=event(2).id))
    await bus.start()
    sent = [say(bus, 1)]
    with pytest.raises(Rejected, match="too large"):
        say(bus, 2)
    sent.append(say(bus, 3))
    assert bus.queue.waiting == 2
    await bus.flush()
    assert broker.ids() == sent


async def test_record_from_disk_that_is_rejected_is_a_dead_letter(
    make_bus: MakeBus, broker: Broker
) -> None:
    broker.is_up = False
    bus = make_bus(Behind(broker, rejects=event(2).id))
    await bus.start()
    sent = [say(bus, number) for number in (1, 2, 3)]
    broker.is_up = True
    await until_flushed(bus)
    assert broker.ids() == sent
    letter = broker.kept[1]
    assert (letter.topic, letter.keys) == (DEAD_LETTERS.name, (EVENTS.name,))
    assert letter.record.reason == "too large for the broker"
    assert EVENTS.decode(letter.record.raw) == event(2)


async def test_second_process_is_refused(make_bus: MakeBus, broker: Broker) -> None:
    await make_bus(Behind(broker)).start()
    with pytest.raises(ConfigurationError, match=f"in use by process {os.getpid()}"):
        await make_bus(Behind(broker)).start()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{}\n", "is corrupt at position 0"),
        (b"\x00\x00\n", "is corrupt at position 0"),
        (b'{"t":"tidings.weather","i":"1","k":[],"s":"","b":{}}\n', "tidings.weather, which this"),
    ],
)
async def test_line_that_nobody_can_read_stops_the_start(
    make_bus: MakeBus, broker: Broker, tmp_path: Path, line: bytes, message: str
) -> None:
    directory = tmp_path / "spool"
    directory.mkdir()
    (directory / "spool-00000000.jsonl").write_bytes(line)
    with pytest.raises(Fatal, match=message):
        await make_bus(Behind(broker)).start()


async def test_topic_in_no_table_is_refused(make_bus: MakeBus, broker: Broker) -> None:
    bus = make_bus(Behind(broker))
    await bus.start()
    weather = Topic(
        "tidings.weather",
        EVENTS.record,
        schema="weather.v1",
        key="town",
        partitions=1,
        retention_ms=1,
        dead_letter=None,
        meaning="Rain.",
    )
    with pytest.raises(ConfigurationError, match="add it to TOPICS"):
        bus.publish(weather, event(1), record_id="1", keys=("K",), trace=Trace())


async def test_nothing_works_before_the_start(make_bus: MakeBus, broker: Broker) -> None:
    bus = make_bus(Behind(broker))
    with pytest.raises(Fatal, match="not started"):
        say(bus, 1)
    with pytest.raises(Fatal, match="start the bus first"):
        bus.check()


async def test_subscribing_is_refused_while_the_inner_bus_is_still_connecting(
    make_bus: MakeBus, broker: Broker
) -> None:
    broker.is_up = False
    bus = make_bus(Behind(broker))
    await bus.start()
    with pytest.raises(ConfigurationError, match="before the bus starts"):
        bus.subscribe(EVENTS, Inbox[Event](), group="reader")
