"""Writes gathered events to a file, oldest first: JSON lines or Parquet, whole or not at all."""

import os
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
from pyarrow import parquet

from core.contracts.codec import encode
from core.contracts.errors import Fatal
from core.contracts.event import Event

_ROWS: Final = 5_000  # of a Parquet row group, which is what is held in memory

_ORIGIN: Final = pa.struct(
    [
        ("kind", pa.string()),
        ("author", pa.string()),
        ("native_id", pa.string()),
        ("url", pa.string()),
        ("text", pa.string()),
        ("published_ns", pa.int64()),
    ]
)
SCHEMA: Final = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("channel", pa.string()),
        ("native_id", pa.string()),
        ("revision", pa.int64()),
        ("kind", pa.string()),
        ("title", pa.string()),
        ("text", pa.string()),
        ("author", pa.string()),
        ("url", pa.string()),
        ("language", pa.string()),
        ("published_ns", pa.int64()),
        ("published_precision", pa.string()),
        ("received_ns", pa.int64()),
        ("truncated", pa.bool_()),
        ("removed_characters", pa.int64()),
        ("lookalikes", pa.list_(pa.string())),
        ("origin", _ORIGIN),
    ]
)
"""The columns of a Parquet file: the fields of `Event`, times as UTC nanoseconds."""


class OutputFormat(StrEnum):
    """How events are written."""

    JSON_LINES = "jsonl"
    PARQUET = "parquet"


def format_of(path: Path) -> OutputFormat:
    """Tell the format from a file's name: Parquet for `.parquet`, else JSON lines."""
    parquet_name = path.suffix.lower() in (".parquet", ".pq")
    return OutputFormat.PARQUET if parquet_name else OutputFormat.JSON_LINES


def write_events(events: Iterable[Event], path: Path, form: OutputFormat) -> int:
    """Write events to `path`, which appears only when all of them are on the disk.

    Returns:
        How many were written.

    Raises:
        Fatal: the file can't be written; what was at `path` before is untouched.
    """
    partial = path.with_name(path.name + ".writing")
    write = _write_parquet if form is OutputFormat.PARQUET else _write_lines
    try:
        count = write(events, partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise Fatal(
            f"{path} can't be written: {error}; what was gathered is kept: make room, then run "
            "the same command again"
        ) from error
    return count


def _write_lines(events: Iterable[Event], path: Path) -> int:
    count = 0
    with path.open("wb") as file:
        for event in events:
            file.write(encode(event) + b"\n")
            count += 1
    return count


def _write_parquet(events: Iterable[Event], path: Path) -> int:
    count = 0
    with parquet.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for rows in _groups(events):
            writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
            count += len(rows)
    return count


def _groups(events: Iterable[Event]) -> Iterator[list[dict[str, Any]]]:
    remaining = iter(events)
    while rows := [msgspec.to_builtins(event) for event in islice(remaining, _ROWS)]:
        yield rows
