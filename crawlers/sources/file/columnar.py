"""Reads a Parquet file's rows, a few hundred at a time."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet

from core.contracts.errors import Rejected

_BATCH_ROWS: Final = 500


def read(
    path: Path, choose: Callable[[list[str]], list[str]], after: int
) -> Iterator[tuple[int, dict[str, Any], int]]:
    """Give rows from the one behind number `after` on; row groups before it are not read.

    Args:
        path: of the file.
        choose: picks the columns to read from those there are.
        after: a row's number, from 1; 0 for the first page.

    Yields:
        The row's number, its columns, and its size in bytes, roughly. Times with a zone are epoch
        numbers, those without one text, as other sources write them.

    Raises:
        Rejected: the file can't be read; says after which row.
    """
    number = 0
    try:
        with parquet.ParquetFile(path, pre_buffer=False) as file:
            columns = choose(file.schema_arrow.names)
            for group in range(file.num_row_groups):
                held = file.metadata.row_group(group).num_rows
                if number + held <= after:
                    number += held
                    continue
                for batch in file.iter_batches(
                    batch_size=_BATCH_ROWS, row_groups=[group], columns=columns, use_threads=False
                ):
                    size = batch.nbytes // max(1, batch.num_rows)
                    for row in _with_plain_times(batch).to_pylist():
                        number += 1
                        if number > after:
                            yield number, row, size
    except (pa.ArrowException, OSError) as error:
        raise Rejected(f"{path} can't be read after row {number}: {error}") from error


def _with_plain_times(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = []
    for column in batch.columns:
        kind = column.type
        if pa.types.is_timestamp(kind):
            columns.append(column.cast(pa.int64() if kind.tz else pa.string()))
        elif pa.types.is_date(kind):
            columns.append(column.cast(pa.string()))
        else:
            columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
