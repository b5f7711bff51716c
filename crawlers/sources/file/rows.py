"""Reads the rows of a file of any kind, one after the other, in bounded memory."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

import msgspec
import zstandard

from core.contracts.errors import Rejected
from crawlers.item import Refusal, RefusalReason
from crawlers.sources.file.parse import Row, all_names, missing
from crawlers.sources.file.settings import FileFormat, FileSettings

LONGEST_ROW: Final = 4_000_000  # bytes; a longer line is skipped unread

_CSV_CELL: Final = 1_000_000  # characters
_MARK: Final = b"\xef\xbb\xbf"

_decode: Final = msgspec.json.Decoder().decode


class Numbered(NamedTuple):
    """One row of a file.

    Attributes:
        number: from 1; lines of JSON, records below a CSV's header, rows of Parquet.
        row: its columns, or why it can't be read.
        size: its share of memory, in bytes, roughly.
    """

    number: int
    row: Row | Refusal
    size: int


Rows = Generator[Numbered, None, None]


def read_rows(settings: FileSettings, after: int) -> Rows:
    """Give a file's rows from the one behind number `after` on; close it to close the file.

    Raises:
        Rejected: there is no such file, or it is not what it should be; says after which row.
    """
    open_rows: dict[FileFormat, Callable[[FileSettings, int], Rows]] = {
        FileFormat.JSONL: _json_rows,
        FileFormat.CSV: _csv_rows,
        FileFormat.PARQUET: _parquet_rows,
    }
    return open_rows[settings.rows](settings, after)


def _json_rows(settings: FileSettings, after: int) -> Rows:
    with _opened(settings.path) as stream:
        for number, line in enumerate(_lines(stream), 1):
            if number <= after or not line.strip():
                continue
            if len(line) > LONGEST_ROW:
                yield _broken(number, RefusalReason.TOO_LARGE, f"more than {LONGEST_ROW} bytes")
                continue
            try:
                row = _decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                yield _broken(number, RefusalReason.BAD_JSON, str(error))
                continue
            if isinstance(row, dict):
                yield Numbered(number, row, len(line))
            else:
                yield _broken(number, RefusalReason.BAD_SHAPE, "no JSON object")


def _csv_rows(settings: FileSettings, after: int) -> Rows:
    csv.field_size_limit(_CSV_CELL)
    with _opened(settings.path) as stream:
        # What is no UTF-8 goes through as lone surrogates, and its row is refused below.
        lines = (line.decode("utf-8", "surrogateescape") for line in _lines(stream))
        reader = csv.reader(lines, delimiter=settings.delimiter)
        try:
            header = next(reader, [])
        except csv.Error as error:
            raise Rejected(f"{settings.path} has no readable header: {error}") from error
        _require(settings, header)
        number = 0
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                number += 1
                if number > after:
                    yield _broken(number, RefusalReason.BAD_SHAPE, str(error))
                continue
            if not cells:
                continue
            number += 1
            if number <= after:
                continue
            text = "".join(cells)
            if len(cells) > len(header):
                what = f"{len(cells)} cells below {len(header)} columns"
                yield _broken(number, RefusalReason.BAD_SHAPE, what)
            elif not text.isascii() and not _is_unicode(text):
                yield _broken(number, RefusalReason.BAD_SHAPE, "no UTF-8 text")
            else:
                row: Row = dict(zip(header, cells, strict=False))
                yield Numbered(number, row, 2 * len(text))


def _parquet_rows(settings: FileSettings, after: int) -> Rows:
    from crawlers.sources.file import columnar  # noqa: PLC0415 - pyarrow takes a while to import

    def use(present: list[str]) -> list[str]:
        _require(settings, present)
        names = all_names(settings.columns)
        wanted = names | {name.split(".")[0] for name in names}
        return [name for name in present if name in wanted]

    for number, row, size in columnar.read(settings.path, use, after):
        yield Numbered(number, row, size)


def _require(settings: FileSettings, present: list[str]) -> None:
    """Refuse a file that lacks a column for all its rows.

    Raises:
        Rejected: with the columns it has.
    """
    if lacking := missing(settings.columns, present):
        raise Rejected(
            f"{settings.path}: {lacking}; say in [[crawl.file]] columns which ones are meant"
        )


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a text file, decompressing it where its name says so.

    Raises:
        Rejected: it can't be opened or read to its end.
    """
    try:
        with path.open("rb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile(fileobj=raw) as stream:
                    yield cast("IO[bytes]", stream)
            elif path.suffix == ".zst":
                reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
                with io.BufferedReader(cast("io.RawIOBase", reader)) as buffered:
                    yield buffered
            else:
                yield raw
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise Rejected(f"{path} can't be read: {error}") from error


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Give lines; of one that is too long, only enough to tell that it is."""
    first = True
    while line := stream.readline(LONGEST_ROW + 1):
        if len(line) > LONGEST_ROW:
            while (rest := stream.readline(LONGEST_ROW)) and not rest.endswith(b"\n"):
                pass
        yield line.removeprefix(_MARK) if first else line
        first = False


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _broken(number: int, reason: RefusalReason, what: str) -> Numbered:
    return Numbered(number, Refusal(reason, f"row {number}: {what}"), 0)
