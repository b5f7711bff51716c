"""Runs recorded documents and a recorded book through the fast lane and accounts for each one."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from console.demo.world import World, recorded_exchange, recorded_trader, running
from core.contracts.errors import Fatal
from crawlers.intake import Counts

ASK_ONCE_MS: Final = 3_600_000
LIMIT_S: Final = 300.0
POLL_S: Final = 0.05
BOOKS_S: Final = 1.0


class DocumentResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one document: events, or refusals with their reasons."""

    file: str
    events: int
    refusals: dict[str, int]


class RecordedReport(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run.

    Attributes:
        documents: how many were served, and read.
        events: entries that became events.
        refusals: by reason, over all documents.
        unexplained: documents that gave neither an event nor a reason; there should be none.
        signals: how many the events gave.
        skipped: why the others gave none.
        orders: how many were sent.
        counts: what else the trader counted.
        books: symbols with a book, and how many updates each had.
        per_document: one entry for each.
    """

    documents: int
    events: int
    refusals: dict[str, int]
    unexplained: tuple[str, ...]
    signals: int
    skipped: dict[str, int]
    orders: int
    counts: dict[str, int]
    books: dict[str, int]
    per_document: tuple[DocumentResult, ...]


async def run_recorded(
    documents: Path, capture: Path, on_progress: Callable[[int, int], None]
) -> RecordedReport:
    """Serve every file of a folder as a feed, replay a book, and wait until all are accounted for.

    Args:
        documents: the folder, with its subfolders.
        capture: a recording of HitBTC's or Binance's traffic with a book in it.
        on_progress: told how many of how many documents are read.

    Raises:
        ConfigurationError: the folder is empty, or the capture holds no book.
        Fatal: some documents were not read in time; it says how many.
    """
    arguments = ("--documents", str(documents))
    async with running(
        arguments, recorded_exchange(capture), recorded_trader(), ASK_ONCE_MS
    ) as world:
        updates: Counter[str] = Counter()
        books = world.lane.trading.trader.books
        books.on_change = lambda depth: updates.update((depth.symbol,))
        await world.lane.start()
        await _all_read(world, on_progress)
        await asyncio.sleep(BOOKS_S)
        await world.lane.trading.trader.quiet.wait()
        return _report(world, updates)


async def _all_read(world: World, on_progress: Callable[[int, int], None]) -> None:
    total = len(world.news.feeds)
    try:
        async with asyncio.timeout(LIMIT_S):
            while (read := _read(world)) < total:
                on_progress(read, total)
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise Fatal(f"only {_read(world)} of {total} documents were read in time") from None
    on_progress(total, total)


def _read(world: World) -> int:
    return sum(1 for counts in world.lane.crawl.counts().values() if counts.items)


def _report(world: World, updates: Counter[str]) -> RecordedReport:
    lane = world.lane
    counts = lane.crawl.counts()
    total: Counts = sum(counts.values(), Counts())
    files = {feed.channel: feed.file or feed.channel for feed in world.news.feeds}
    per_document = tuple(
        DocumentResult(
            file=file,
            events=counts[f"rss:{channel}"].events,
            refusals=dict(counts[f"rss:{channel}"].refusals),
        )
        for channel, file in files.items()
    )
    trader = lane.trading.trader
    return RecordedReport(
        documents=len(files),
        events=total.events,
        refusals=dict(total.refusals.most_common()),
        unexplained=tuple(d.file for d in per_document if not d.events and not d.refusals),
        signals=lane.classifier.signals,
        skipped={str(reason): n for reason, n in lane.classifier.skipped.most_common()},
        orders=trader.counts["orders"],
        counts=dict(trader.counts),
        books=dict(updates.most_common()),
        per_document=per_document,
    )
