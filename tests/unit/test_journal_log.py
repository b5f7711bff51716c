"""The append-only file: what it keeps through torn writes, full disks and kill -9."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.contracts.errors import ConfigurationError, Fatal
from core.contracts.gate import GateChange, GateState
from core.runtime.journal.kinds import EXIT_CLOSED, GATE, KINDS, ExitClosed
from core.runtime.journal.log import JournalLog, Position
from core.runtime.journal.segments import Entry
from tests.unit.journal_examples import any_record

ROOT = Path(__file__).resolve().parents[2]

# Appends numbers until killed or refused; says each after `append` returned, then what went wrong.
APPENDER = """
import os, resource, sys
from pathlib import Path
from core.contracts.errors import Fatal
from core.runtime.journal.kinds import ExitClosed
from core.runtime.journal.log import JournalLog
directory, limit = Path(sys.argv[1]), int(sys.argv[2])
log = JournalLog(directory, segment_bytes=20_000)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
number = 0
try:
    while True:
        log.append("exit_closed", ExitClosed(entry_client_order_id="e", closed_ns=number), 1)
        os.write(1, b"%d\\n" % number)
        number += 1
except Fatal as error:
    os.write(2, str(error).encode())
"""


def closed(number: int) -> ExitClosed:
    return ExitClosed(entry_client_order_id="entry", closed_ns=number)


def read_all(log: JournalLog, max_bytes: int = 1000) -> list[Entry]:
    found: list[Entry] = []
    position = log.start
    while (batch := log.read(position, max_bytes=max_bytes))[0]:
        found += batch[0]
        position = batch[1]
    assert batch[1] == log.end  # which may lie in a new segment with nothing in it yet
    return found


def numbers(log: JournalLog) -> list[int]:
    return [entry.record.closed_ns for entry in read_all(log)]  # type: ignore[attr-defined]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[JournalLog]:
    opened = JournalLog(tmp_path)
    yield opened
    opened.close()


def segment(directory: Path, number: int = 1) -> Path:
    return directory / f"journal-{number:08d}.jsonl"


@given(
    st.lists(any_record(st.text(max_size=40)), max_size=8),
    st.integers(1, 600),
    st.integers(1, 2000),
)
@settings(max_examples=60, deadline=None)
def test_appended_records_are_read_back_equal_and_in_order(
    records: list[tuple[str, msgspec.Struct]], max_bytes: int, segment_bytes: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        log = JournalLog(Path(directory), segment_bytes=segment_bytes)
        for at_ns, (kind, record) in enumerate(records):
            log.append(kind, record, at_ns)
        log.append_many(records, 99)
        written = [Entry(kind, at_ns, record) for at_ns, (kind, record) in enumerate(records)]
        written += [Entry(kind, 99, record) for kind, record in records]
        assert read_all(log, max_bytes) == written
        log.close()
        log = JournalLog(Path(directory), segment_bytes=segment_bytes)
        assert read_all(log, max_bytes) == written
        log.close()


def test_reading_goes_on_from_where_it_stopped(log: JournalLog) -> None:
    log.append(EXIT_CLOSED, closed(1), 5)
    entries, position = log.read(log.start, max_bytes=1000)
    assert [entry.at_ns for entry in entries] == [5]
    assert log.read(position, max_bytes=1000) == ([], position)
    log.append(EXIT_CLOSED, closed(2), 6)
    entries, position = log.read(position, max_bytes=1000)
    assert [entry.at_ns for entry in entries] == [6]
    assert position == log.end
    assert log.size_after(log.start) == log.end.offset
    assert log.size_after(position) == 0


def test_line_longer_than_the_read_size_is_read_whole(log: JournalLog) -> None:
    change = GateChange(state=GateState.HALTED, reason="x" * 5000, by="test", changed_ns=1)
    log.append(GATE, change, 1)
    assert log.read(log.start, max_bytes=10)[0] == [Entry(GATE, 1, change)]


@pytest.mark.parametrize("tail", [b"{", b'{"k":"exit_closed","t":1,"b":{"entry', b"\x00" * 9000])
def test_torn_last_line_is_cut_off_at_open(tmp_path: Path, log: JournalLog, tail: bytes) -> None:
    log.append(EXIT_CLOSED, closed(1), 1)
    log.close()
    with segment(tmp_path).open("ab") as file:
        file.write(tail)
    log = JournalLog(tmp_path)
    log.append(EXIT_CLOSED, closed(2), 1)
    assert numbers(log) == [1, 2]
    log.close()


def test_only_line_torn_leaves_an_empty_log(tmp_path: Path, log: JournalLog) -> None:
    log.close()
    segment(tmp_path).write_bytes(b"y" * 70_000)
    log = JournalLog(tmp_path)
    assert read_all(log) == []
    assert log.end == Position(1, 0)
    log.close()


@pytest.mark.parametrize(
    "line",
    [b"rubbish\n", b'{"k":"gate","t":1,"b":{"state":"open"}}\n', b'{"k":"new","t":1,"b":1}\n'],
)
def test_corrupt_line_in_the_middle_is_fatal_and_located(
    tmp_path: Path, log: JournalLog, line: bytes
) -> None:
    log.append(EXIT_CLOSED, closed(1), 1)
    offset = log.end.offset
    log.close()
    with segment(tmp_path).open("ab") as file:
        file.write(line)
    log = JournalLog(tmp_path)
    log.append(EXIT_CLOSED, closed(2), 1)
    with pytest.raises(Fatal, match=rf"journal-00000001\.jsonl is corrupt at byte {offset}"):
        read_all(log)
    log.close()


def test_record_of_another_type_than_its_kind_is_refused(log: JournalLog) -> None:
    with pytest.raises(TypeError, match="no kind 'gate' of ExitClosed"):
        log.append(GATE, closed(1), 1)
    with pytest.raises(TypeError, match="no kind 'other'"):
        log.append_many([(EXIT_CLOSED, closed(1)), ("other", closed(1))], 1)
    assert read_all(log) == []


def test_kinds_can_be_added(tmp_path: Path) -> None:
    class Note(msgspec.Struct):
        text: str

    log = JournalLog(tmp_path, kinds={**KINDS, "note": Note})
    log.append("note", Note("a\nb"), 3)
    assert read_all(log) == [Entry("note", 3, Note("a\nb"))]
    log.close()


def test_segments_begin_when_due_and_are_deleted_but_the_newest(tmp_path: Path) -> None:
    log = JournalLog(tmp_path, segment_bytes=100)
    for number in range(10):
        log.append(EXIT_CLOSED, closed(number), 1)
    assert log.end.segment == 5
    assert numbers(log) == list(range(10))
    assert log.size_after(log.start) == sum(
        segment(tmp_path, n).stat().st_size for n in range(1, 6)
    )
    log.delete_before(3)
    assert numbers(log) == list(range(4, 10))
    log.delete_before(99)
    assert [path.name for path in tmp_path.glob("*.jsonl")] == ["journal-00000005.jsonl"]
    with pytest.raises(Fatal, match=r"journal-00000002\.jsonl is missing"):
        log.read(Position(2, 0), max_bytes=100)
    log.close()


def test_segment_begun_and_not_yet_written_is_the_end(log: JournalLog) -> None:
    log.append(EXIT_CLOSED, closed(1), 1)
    log.begin_segment(2)
    assert numbers(log) == [1]


def test_fsync_writes_the_same_log(tmp_path: Path) -> None:
    log = JournalLog(tmp_path, fsync=True, segment_bytes=100)
    for number in range(4):
        log.append(EXIT_CLOSED, closed(number), 1)
    assert numbers(log) == [0, 1, 2, 3]
    log.close()


def test_second_process_is_refused_and_told_whose_the_log_is(
    tmp_path: Path, log: JournalLog
) -> None:
    program = [sys.executable, "-c", APPENDER, str(tmp_path), "0"]
    other = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, check=False)
    assert other.returncode != 0
    assert f"is in use by process {os.getpid()}: stop that one" in other.stderr
    with pytest.raises(ConfigurationError, match=f"in use by process {os.getpid()}"):
        JournalLog(tmp_path)
    log.close()
    JournalLog(tmp_path).close()


def test_log_without_its_id_is_refused(tmp_path: Path, log: JournalLog) -> None:
    log.close()
    (tmp_path / "journal.id").unlink()
    with pytest.raises(ConfigurationError, match=r"journal\.id is missing"):
        JournalLog(tmp_path)


def test_directory_that_cannot_be_made_is_fatal(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Fatal, match=r"cannot open the journal in .*file.*repair the directory"):
        JournalLog(tmp_path / "file" / "journal")


def test_closed_log_takes_nothing(log: JournalLog) -> None:
    log.close()
    with pytest.raises(Fatal, match="is closed"):
        log.append(EXIT_CLOSED, closed(1), 1)


def test_full_disk_is_fatal_and_stays_so(log: JournalLog) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, log._fd)
    os.close(full)
    for _ in range(2):
        with pytest.raises(Fatal, match=r"ENOSPC\): free space or raise the limit"):
            log.append(EXIT_CLOSED, closed(1), 1)
    assert read_all(log) == []


def test_write_that_only_fits_in_part_is_fatal_and_leaves_a_log_that_opens(tmp_path: Path) -> None:
    program = [sys.executable, "-c", APPENDER, str(tmp_path), "1000"]
    child = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, check=True)
    appended = [int(line) for line in child.stdout.split()]
    assert "bytes were taken (ENOSPC): free space or raise the limit" in child.stderr
    assert segment(tmp_path).stat().st_size == 1000  # the last line is torn
    log = JournalLog(tmp_path)
    assert numbers(log) == appended
    log.append(EXIT_CLOSED, closed(99), 1)
    assert numbers(log) == [*appended, 99]
    log.close()


@pytest.mark.parametrize("seed", range(3))
def test_every_append_that_returned_survives_kill_9(tmp_path: Path, seed: int) -> None:
    program = [sys.executable, "-c", APPENDER, str(tmp_path), "0"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=ROOT) as child:
        assert child.stdout is not None
        said = child.stdout.readline()
        time.sleep(random.Random(seed).uniform(0, 0.05))  # the moment of death, not a wait
        child.send_signal(signal.SIGKILL)
        said += child.stdout.read()
    returned = [int(line) for line in said.splitlines()]
    log = JournalLog(tmp_path)
    found = numbers(log)
    log.close()
    assert found == list(range(len(found)))
    assert len(returned) <= len(found) <= len(returned) + 1


def test_log_and_kinds_do_without_sqlalchemy() -> None:
    program = "import sys, core.runtime.journal.log, core.runtime.journal.kinds;"
    program += "sys.exit('sqlalchemy' in sys.modules or 'asyncio' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
