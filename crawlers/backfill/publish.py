"""Publishes gathered events to the bus, oldest first, going on where it was stopped."""

from collections.abc import Callable
from itertools import islice
from typing import Final

from msgspec.structs import replace

from core.contracts.clock import Clock
from core.contracts.topics import EVENTS
from core.contracts.trace import Trace
from core.runtime.bus.port import Bus
from crawlers.backfill.work import WorkFile
from crawlers.intake import Keyer

_BATCH: Final = 500


async def publish_events(
    work: WorkFile, bus: Bus, keyer: Keyer, clock: Clock, *, on_batch: Callable[[int], None]
) -> int:
    """Publish what a work file holds and no earlier run has published.

    Each event counts as received when it is published, so that nobody downstream takes history
    for fresh news. A batch that was confirmed just before a kill comes again, under the same
    event ids.

    Args:
        work: the work file.
        bus: started.
        keyer: gives an event's keys.
        clock: for the times of receipt.
        on_batch: hears how many more have been confirmed.

    Returns:
        How many were published now.

    Raises:
        Retryable: the bus did not confirm in time; run it again to go on.
        Fatal: the bus has failed.
    """
    published = 0
    while batch := list(islice(work.events(work.published()), _BATCH)):
        for event in batch:
            now_ns = clock.now_ns()
            bus.publish(
                EVENTS,
                replace(event, received_ns=now_ns),
                record_id=event.id,
                keys=keyer(event),
                trace=Trace(now_ns),
            )
        await bus.flush()
        work.keep_published(batch[-1])
        published += len(batch)
        on_batch(len(batch))
    return published
