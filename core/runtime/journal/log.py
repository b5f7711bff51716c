"""The append-only file that holds every record before anything is done about it."""

import errno
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from core.contracts.codec import encode
from core.contracts.errors import ConfigurationError, DecodeError, Fatal
from core.runtime.journal.kinds import KINDS, Kinds
from core.runtime.journal.segments import (
    Entry,
    cut_torn_line,
    entry_decoder,
    lock_directory,
    measure_segments,
    read_lines,
    segment_path,
)

SEGMENT_BYTES: Final = 64 * 1024 * 1024

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Position(NamedTuple):
    """A place between two lines: the segment's number and a byte offset in it."""

    segment: int
    offset: int


class JournalLog:
    """Segment files `journal-<n>.jsonl`, one JSON line a record, written by one process at a time.

    When `append` returns, the record survives `kill -9` of this process: the kernel has it. It
    survives a power cut only with `fsync`, which costs a disk's round trip for each record.

    Opening cuts off a line that was being written when the writer died. After a failed write the
    log takes nothing more: what the failed line left behind must not get a successor.

    Args:
        directory: made where missing.
        kinds: names and structs of the records; a line of another kind is an error.
        segment_bytes: a new segment begins when the present one has reached this size.
        fsync: survive power cuts too.

    Attributes:
        id: this log's lasting name.

    Raises:
        ConfigurationError: another process has this directory open, or its files are incomplete.
        Fatal: the directory can't be read or written.
    """

    def __init__(
        self,
        directory: Path,
        *,
        kinds: Kinds = KINDS,
        segment_bytes: int = SEGMENT_BYTES,
        fsync: bool = False,
    ) -> None:
        self._directory = directory
        self._kinds = dict(kinds)
        self._prefixes = {kind: b'{"k":"%b","t":' % kind.encode() for kind in kinds}
        self._decode = entry_decoder(kinds)
        self._segment_bytes = segment_bytes
        self._fsync = fsync
        self._failure: str | None = None
        self._fd = self._lock = -1
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = lock_directory(directory)
            self._sizes = measure_segments(directory)  # the newest one's is `_offset`
            self.id = self._identify()
            newest = max(self._sizes, default=1)
            if newest in self._sizes:
                cut_torn_line(segment_path(directory, newest))
            self._open_segment(newest)
        except OSError as error:
            self.close()
            raise Fatal(self._trouble("open", error)) from error
        except BaseException:
            self.close()
            raise

    def append(self, kind: str, record: msgspec.Struct, at_ns: int) -> None:
        """Write one record; it is durable when this returns. Blocks for one `write(2)`.

        Raises:
            TypeError: `record` is not what `kind` stands for.
            Fatal: the write failed, or one before it did; nothing may be sent that relies on it.
        """
        self._write(self._line(kind, record, at_ns))

    def append_many(self, records: Iterable[tuple[str, msgspec.Struct]], at_ns: int) -> None:
        """Write several records with one `write(2)`, in their order; errors as for `append`.

        Should the process die within it, a first part of them may have been kept.
        """
        if lines := b"".join([self._line(kind, record, at_ns) for kind, record in records]):
            self._write(lines)

    @property
    def start(self) -> Position:
        """Where the oldest record still kept begins."""
        return Position(min(self._sizes), 0)

    @property
    def end(self) -> Position:
        """Where the next record will go, unless a new segment is due."""
        return Position(self._segment, self._offset)

    def read(self, position: Position, *, max_bytes: int) -> tuple[list[Entry], Position]:
        """Read records from `position` on.

        Returns:
            The records, oldest first, about `max_bytes` of them and at least one unless
            `position` is the end; and the position after them.

        Raises:
            Fatal: a line is corrupt, of an unknown kind, or its segment is missing.
        """
        segment, offset = position
        while offset >= (size := self._size(segment)):
            if segment == self._segment:
                return [], Position(segment, offset)
            segment, offset = min(number for number in list(self._sizes) if number > segment), 0
        path = segment_path(self._directory, segment)
        entries = []
        try:
            for line in read_lines(path, offset, size, max_bytes).splitlines(True) or [b""]:
                entries.append(self._decode(line))
                offset += len(line)
        except OSError as error:
            raise Fatal(self._trouble("read", error)) from error
        except DecodeError as error:
            raise Fatal(
                f"{path} is corrupt at byte {offset}: {error}: restore the file, or move the "
                "journal's directory away and reconcile with the venues"
            ) from error
        return entries, Position(segment, offset)

    def size_after(self, position: Position) -> int:
        """Count the bytes from `position` to the end."""
        later = sum(self._size(number) for number in list(self._sizes) if number > position.segment)
        return later + max(0, self._size(position.segment) - position.offset)

    def delete_before(self, segment: int) -> None:
        """Delete the segments before `segment`; the newest always stays.

        Blocks on the disk: call it in a thread. Other calls may go on meanwhile.

        Raises:
            Fatal: a file can't be deleted.
        """
        for number in sorted(n for n in list(self._sizes) if n < min(segment, self._segment)):
            try:
                segment_path(self._directory, number).unlink(missing_ok=True)
            except OSError as error:
                raise Fatal(self._trouble("delete old files of", error)) from error
            del self._sizes[number]

    def begin_segment(self, number: int) -> None:
        """Go on in a new segment, whose number is above the present one's.

        Raises:
            Fatal: it can't be made.
        """
        old = self._fd
        self._sizes[self._segment] = self._offset
        try:
            self._open_segment(number)
        except OSError as error:
            raise self._failed(error) from error
        os.close(old)

    def close(self) -> None:
        """Release the files and the lock; the log takes nothing afterwards."""
        self._failure = f"the journal in {self._directory} is closed"
        for fd in (self._fd, self._lock):
            if fd >= 0:
                os.close(fd)
        self._fd = self._lock = -1

    def _line(self, kind: str, record: msgspec.Struct, at_ns: int) -> bytes:
        if self._kinds.get(kind) is not type(record):
            raise TypeError(f"the journal has no kind {kind!r} of {type(record).__name__}")
        return b'%b%d,"b":%b}\n' % (self._prefixes[kind], at_ns, encode(record))

    def _write(self, lines: bytes) -> None:
        if self._failure is not None:
            raise Fatal(self._failure)
        if self._offset >= self._segment_bytes:
            self.begin_segment(self._segment + 1)
        try:
            written = os.write(self._fd, lines)
            if self._fsync:
                os.fsync(self._fd)
        except OSError as error:
            raise self._failed(error) from error
        if written != len(lines):  # the room or the limit ended within the line
            taken = f"only {written} of {len(lines)} bytes were taken"
            raise self._failed(OSError(errno.ENOSPC, taken))
        self._offset += written

    def _failed(self, error: OSError) -> Fatal:
        """Take nothing more, and say why."""
        self._failure = self._trouble("write", error)
        return Fatal(self._failure)

    def _trouble(self, verb: str, error: OSError) -> str:
        advice = (
            "free space or raise the limit" if error.errno in _NO_ROOM else "repair the directory"
        )
        code = errno.errorcode.get(error.errno or 0, "unknown error")
        return (
            f"cannot {verb} the journal in {self._directory}: {error.strerror} ({code}): "
            f"{advice}, then start again"
        )

    def _identify(self) -> str:
        """Read the log's name, by which SQL knows how much of it was copied; give it at first."""
        path = self._directory / "journal.id"
        if path.exists():
            return path.read_text(encoding="ascii").strip()
        if self._sizes:
            raise ConfigurationError(
                f"{path} is missing, so nobody knows what of this journal is in SQL: restore it, "
                "or move the directory away to begin a new journal"
            )
        name = uuid.uuid4().hex
        draft = path.with_suffix(".new")
        with draft.open("w", encoding="ascii") as file:
            file.write(name)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        return name

    def _open_segment(self, number: int) -> None:
        path = segment_path(self._directory, number)
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if self._fsync:
            directory = os.open(self._directory, os.O_RDONLY)
            os.fsync(directory)
            os.close(directory)
        size = os.fstat(fd).st_size
        self._sizes[number] = size
        self._fd, self._segment, self._offset = fd, number, size

    def _size(self, segment: int) -> int:
        if segment == self._segment:
            return self._offset
        if segment not in self._sizes:
            raise Fatal(
                f"{segment_path(self._directory, segment)} is missing, and not all of it is in "
                "SQL: restore it, or move the directory away and reconcile with the venues"
            )
        return self._sizes[segment]
