"""An append-only log's files as they lie on disk: names, sizes, lines, and the lock on them."""

import fcntl
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from core.contracts.codec import decoder
from core.contracts.errors import ConfigurationError, DecodeError
from core.runtime.journal.kinds import Kinds

JOURNAL: Final = "journal"

_BLOCK: Final = 64 * 1024


class Entry(NamedTuple):
    """One line, read back: its kind, when it was appended (UTC ns) and the record."""

    kind: str
    at_ns: int
    record: msgspec.Struct


class _Line(msgspec.Struct):
    """One line: its kind, its time and the record's bytes, yet to be read.

    Sample: {"k":"gate","t":1700000000000000000,"b":{"state":"halted", ...}}
    """

    k: str
    t: int
    b: msgspec.Raw


def segment_path(directory: Path, number: int, stem: str = JOURNAL) -> Path:
    """Name the file of segment `number`."""
    return directory / f"{stem}-{number:08d}.jsonl"


def measure_segments(directory: Path, stem: str = JOURNAL) -> dict[int, int]:
    """Map the number of each segment in `directory` to its size in bytes."""
    name = re.compile(rf"{stem}-(\d+)\.jsonl")
    paths = [(name.fullmatch(path.name), path) for path in directory.iterdir()]
    return {int(found[1]): path.stat().st_size for found, path in paths if found}


def lock_directory(directory: Path, stem: str = JOURNAL) -> int:
    """Have a log's directory for this process alone, until the descriptor given is closed.

    Raises:
        ConfigurationError: another process has it.
    """
    fd = os.open(directory / f"{stem}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(fd)
        raise ConfigurationError(
            f"the {stem} in {directory} is in use by process {owner}: "
            "stop that one, or give this one another data directory"
        ) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, b"%d\n" % os.getpid(), 0)
    return fd


def cut_torn_line(path: Path) -> None:
    """Cut off what stands after the last newline: a line whose writer died within it."""
    with path.open("r+b") as file:
        end = size = file.seek(0, os.SEEK_END)
        while end > 0:
            begin = max(0, end - _BLOCK)
            newline = os.pread(file.fileno(), end - begin, begin).rfind(b"\n")
            if newline >= 0:
                end = begin + newline + 1
                break
            end = begin
        if end != size:
            file.truncate(end)


def read_lines(path: Path, offset: int, end: int, max_bytes: int) -> bytes:
    """Read whole lines between two offsets: about `max_bytes`, the first however long it is."""
    fd = os.open(path, os.O_RDONLY)
    try:
        wanted = max_bytes
        while True:
            raw = os.pread(fd, min(wanted, end - offset), offset)
            if (whole := raw.rfind(b"\n") + 1) or len(raw) < wanted:
                return raw[:whole] if whole else raw
            wanted *= 2
    finally:
        os.close(fd)


def entry_decoder(kinds: Kinds) -> Callable[[bytes], Entry]:
    """Make the decoder of lines; it raises `DecodeError` for one that is none of `kinds`."""
    decode_line = decoder(_Line)
    decoders = {kind: decoder(struct) for kind, struct in kinds.items()}

    def decode(line: bytes) -> Entry:
        parsed = decode_line(line)
        decode_body = decoders.get(parsed.k)
        if decode_body is None:
            raise DecodeError(f"unknown kind {parsed.k!r}", line)
        return Entry(parsed.k, parsed.t, decode_body(bytes(parsed.b)))

    return decode
