"""Opens files of past posts for backfills; there is nothing to follow live."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Final

from msgspec.structs import replace

from core.contracts.clock import Clock
from core.contracts.errors import Rejected
from crawlers.history import Cost, History, Page
from crawlers.item import Item, Refusal
from crawlers.newsroom import Newsroom, Task
from crawlers.normalise import Limits
from crawlers.sources.file.parse import make_read
from crawlers.sources.file.rows import Rows, read_rows
from crawlers.sources.file.settings import FileSettings

SOURCE: Final = "file"

_PAGE_ROWS: Final = 1_000
_PAGE_BYTES: Final = 4_000_000
_ROW_BYTES: Final = 500  # a guess, to tell how many pages a file has


async def open_source(_settings: tuple[FileSettings, ...], _room: Newsroom) -> dict[str, Task]:
    """Give no tasks: a file's past is read by a backfill."""
    return {}


@asynccontextmanager
async def open_histories(
    settings: tuple[FileSettings, ...],
    limits: Limits,
    *,
    clock: Clock,  # noqa: ARG001 - as every source is opened; files have no limits to wait for
    jitter: Random,  # noqa: ARG001
) -> AsyncIterator[Sequence[History]]:
    """Open the past that each configured file holds."""
    histories = [FileHistory(one, limits) for one in settings]
    try:
        yield histories
    finally:
        for history in histories:
            history.close()


class FileHistory:
    """One file; its cursor is the number of the last row read.

    Attributes:
        source: `file`.
        channel: as configured.
        limits: with the file's zone.
    """

    def __init__(self, settings: FileSettings, limits: Limits) -> None:
        self.source = SOURCE
        self.channel = settings.channel
        self.limits = replace(limits, default_zone=settings.zone)
        self._settings = settings
        self._read = make_read(settings.columns, settings.text_format)
        self._open: tuple[int, Rows] | None = None  # the row it stands behind, and what follows

    async def cost(self, _since_ns: int, _until_ns: int) -> Cost:
        """Guess the number of pages from the file's size.

        Raises:
            Rejected: there is no such file.
        """
        path = self._settings.path
        try:
            size = (await asyncio.to_thread(path.stat)).st_size
        except OSError as error:
            raise Rejected(f"{path} can't be read: {error.strerror}") from error
        pages = -(-size // (_PAGE_ROWS * _ROW_BYTES))
        return Cost(max(1, pages), exact=False, quota=f"none: a local file of {size} bytes")

    async def page(self, _since_ns: int, _until_ns: int, cursor: str | None) -> Page:
        """Read the next rows; those outside the range are among them.

        Raises:
            Rejected: there is no such file, or it is not what it should be.
        """
        after = int(cursor) if cursor and cursor.isdecimal() else 0
        opened, self._open = self._open, None  # not shared with a thread that a cancel left behind
        if opened is not None and opened[0] == after:
            rows = opened[1]
        else:
            rows = read_rows(self._settings, after)
        entries, reached = await asyncio.to_thread(self._take, rows)
        if reached is None:
            return Page(entries, None)
        self._open = (reached, rows)
        return Page(entries, str(reached))

    def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _take(self, rows: Rows) -> tuple[list[Item | Refusal], int | None]:
        """Read a page's rows; gives the last one's number, or None at the file's end."""
        entries: list[Item | Refusal] = []
        size = 0
        for number, row, row_size in rows:
            entries.append(row if isinstance(row, Refusal) else self._read(row, number))
            size += row_size
            if len(entries) >= _PAGE_ROWS or size >= _PAGE_BYTES:
                return entries, number
        return entries, None
