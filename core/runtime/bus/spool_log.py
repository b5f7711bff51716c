"""The spool's files: lines appended at one end, forgotten at the other, cut where a write tore."""

import asyncio
import errno
import os
from pathlib import Path
from typing import Final

from core.contracts.errors import Fatal, Retryable
from core.runtime.journal.segments import (
    cut_torn_line,
    lock_directory,
    measure_segments,
    read_lines,
    segment_path,
)

STEM: Final = "spool"
SEGMENT_BYTES: Final = 8 * 1024 * 1024

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class SpoolLog:
    """Segment files `spool-<n>.jsonl`, each named by the position at which it begins.

    A position is the number of bytes appended before it since the spool was first made. What was
    appended survives `kill -9`, not a power cut: a spool is for what can be read once more.

    Opening cuts off lines that were being written when the writer died. A write that fails leaves
    nothing behind, and the next one may succeed.

    Args:
        directory: made where missing.
        segment_bytes: a new segment begins when the present one has reached this size.

    Attributes:
        begin: where the oldest line that is still needed begins.
        end: where the next line will go.

    Raises:
        ConfigurationError: another process has this directory open.
        Fatal: the directory can't be read or written.
    """

    def __init__(self, directory: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._is_torn = False
        self.begin = self.end = 0
        self._fd = self._lock = self._position = -1
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = lock_directory(directory, STEM)
            for number in measure_segments(directory, STEM):
                cut_torn_line(segment_path(directory, number, STEM))
            self._sizes = measure_segments(directory, STEM)
            self._position = os.open(directory / f"{STEM}.position", os.O_RDWR | os.O_CREAT, 0o600)
            noted = os.pread(self._position, 32, 0).strip()
            position = int(noted) if noted.isdigit() else 0
            self._base = max(self._sizes, default=position)
            self._fd = self._open_segment(self._base)
            self.end = self._base + self._sizes.get(self._base, 0)
            # After a power cut the note may be ahead of what is left.
            self.forget(min(max(position, min(self._sizes, default=0)), self.end))
        except OSError as error:
            self.close()
            raise Fatal(self._trouble("open", error)) from error
        except BaseException:
            self.close()
            raise

    def append(self, line: bytes) -> int:
        """Write a line, its newline included, with one `write(2)`; give where it begins.

        Raises:
            Retryable: there is no room on the disk; nothing was kept.
            Fatal: the disk failed otherwise.
        """
        start = self.end
        try:
            if self._is_torn:
                self._cut()
            if start - self._base >= self._segment_bytes:
                self._begin_segment()
            written = os.write(self._fd, line)
            if written != len(line):
                self._is_torn = True
                self._cut()
                taken = f"only {written} of {len(line)} bytes were taken"
                raise OSError(errno.ENOSPC, taken)  # noqa: TRY301 - told as the others are
        except OSError as error:
            trouble = self._trouble("write", error)
            raise (Retryable if error.errno in _NO_ROOM else Fatal)(trouble) from error
        self.end = start + written
        return start

    def undo(self, start: int) -> None:
        """Take the newest line back, which begins at `start`.

        Raises:
            Fatal: the disk failed.
        """
        self.end = start
        try:
            self._cut()
        except OSError as error:
            raise Fatal(self._trouble("write", error)) from error

    async def read(self, position: int, max_bytes: int) -> tuple[list[bytes], int]:
        """Read lines from `position` on, in a thread.

        Returns:
            The lines without newlines, oldest first, about `max_bytes` of them and at least one
            unless `position` is the end; and where the first of them begins.

        Raises:
            Fatal: a file is missing or can't be read.
        """
        for base in sorted(self._sizes | {self._base: 0}):
            end = self.end if base == self._base else base + self._sizes[base]
            if position < end:
                break
        else:
            return [], self.end
        start = max(position, base)  # a power cut may have taken lines before it
        path = segment_path(self._directory, base, STEM)
        try:
            raw = await asyncio.to_thread(read_lines, path, start - base, end - base, max_bytes)
        except OSError as error:
            raise Fatal(self._trouble("read", error)) from error
        if not raw.endswith(b"\n"):
            raise Fatal(
                f"{path} ends before byte {end - base}: something else has cut it; move "
                f"{self._directory} away and start again"
            )
        return raw[:-1].split(b"\n"), start

    def forget(self, position: int) -> None:
        """Note that no line before `position` is needed any more; `delete_old` frees their room.

        Raises:
            Fatal: it can't be noted.
        """
        self.begin = position
        try:
            os.pwrite(self._position, b"%020d\n" % position, 0)
        except OSError as error:
            if error.errno not in _NO_ROOM:  # an older note only makes more lines come twice
                raise Fatal(self._trouble("write", error)) from error

    async def delete_old(self) -> None:
        """Delete the segments that hold nothing but forgotten lines, in a thread.

        Raises:
            Fatal: a file can't be deleted.
        """
        sizes = self._sizes
        for base in [n for n in sizes if n != self._base and n + sizes[n] <= self.begin]:
            path = segment_path(self._directory, base, STEM)
            try:
                await asyncio.to_thread(path.unlink, missing_ok=True)
            except OSError as error:
                raise Fatal(self._trouble("delete old files of", error)) from error
            sizes.pop(base, None)

    def close(self) -> None:
        """Release the files and the lock."""
        for fd in (self._fd, self._position, self._lock):
            if fd >= 0:
                os.close(fd)
        self._fd = self._position = self._lock = -1

    def _begin_segment(self) -> None:
        fd = self._open_segment(self.end)
        os.close(self._fd)
        self._sizes[self._base] = self.end - self._base
        self._base, self._fd = self.end, fd

    def _open_segment(self, base: int) -> int:
        path = segment_path(self._directory, base, STEM)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _cut(self) -> None:
        """Cut off what stands after the last whole line."""
        os.ftruncate(self._fd, self.end - self._base)
        self._is_torn = False

    def _trouble(self, verb: str, error: OSError) -> str:
        no_room = error.errno in _NO_ROOM
        advice = "free space or raise the limit" if no_room else "repair it, then start again"
        code = errno.errorcode.get(error.errno or 0, "unknown error")
        return f"cannot {verb} the spool in {self._directory}: {error.strerror} ({code}): {advice}"
