"""Reads a range of the past, page by page, into a work file; waits out limits and failures."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Final, NamedTuple

from core.contracts.errors import Rejected, Retryable
from core.contracts.event import Event, TimePrecision
from core.runtime.backoff import delays
from crawlers.backfill.work import Job, Place, WorkFile
from crawlers.history import History, Page
from crawlers.item import Refusal, RefusalReason
from crawlers.normalise import normalise

OUTSIDE: Final = "outside_the_range"
UNDATED: Final = "undated"

_TRIES: Final = 8
_FIRST_WAIT_MS: Final = 1_000
_LONGEST_WAIT_MS: Final = 120_000
_NS_PER_S: Final = 1_000_000_000

Sleep = Callable[[float], Awaitable[None]]


class Step(NamedTuple):
    """What happened last, for whoever shows progress.

    Attributes:
        channel: where.
        events: new events of a page; 0 while waiting.
        reached: the part of the range that has been read, 0 to 1; None where that is not known.
        waiting: why nothing is asked for a while; None otherwise.
    """

    channel: str
    events: int
    reached: float | None
    waiting: str | None = None


async def gather(
    histories: Sequence[History],
    work: WorkFile,
    job: Job,
    *,
    on_step: Callable[[Step], None],
    jitter: Random,
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Read every channel of a job to its end, going on where the work file says.

    A page is kept together with the cursor behind it, so being killed costs one page at most. An
    event that two pages hold is kept once. Limits are waited out as long as the source says;
    other failures are tried again eight times.

    Args:
        histories: one for each channel of the job.
        work: of this job.
        job: see `Job`.
        on_step: hears of each page and each wait.
        jitter: spreads waits.
        sleep: waits seconds.

    Raises:
        Retryable: a source did not answer in eight tries. What was gathered is kept.
        Rejected: a source refused; the message names the channel.
    """
    for history in histories:
        place = work.place(history.channel)
        reached: list[int] = []
        while not place.finished:
            page = await _page(history, job, place.cursor, on_step, jitter, sleep)
            if page.next is not None and page.next == place.cursor:
                raise Rejected(
                    f"{history.source}:{history.channel} gives the same page again and again "
                    f"(at {page.next[:100]!r}): report this with the dates asked for"
                )
            events, refused = _read(history, page, job)
            place = Place(page.next, page.next is None, place.pages + 1)
            new = work.keep(history.channel, place, events, refused.elements())
            if page.reached_ns is not None:
                reached = [*reached[-1:], page.reached_ns]
            on_step(Step(history.channel, new, 1.0 if place.finished else _part(reached, job)))
            await asyncio.sleep(0)


async def _page(
    history: History,
    job: Job,
    cursor: str | None,
    on_step: Callable[[Step], None],
    jitter: Random,
    sleep: Sleep,
) -> Page:
    """Ask for one page until it comes."""
    waits = delays(_FIRST_WAIT_MS, _LONGEST_WAIT_MS, 2.0, jitter)
    tries = 0
    while True:
        try:
            return await history.page(job.since_ns, job.until_ns, cursor)
        except Retryable as error:
            wait_s = next(waits) / 1_000
            if error.retry_after_ns is None:
                tries += 1
                if tries >= _TRIES:
                    raise Retryable(
                        f"{history.source}:{history.channel} gave no page in {_TRIES} tries: "
                        f"{error}; what was gathered is kept: run the same command to go on"
                    ) from error
            else:  # a limit that the source told us about: being patient is all it takes
                wait_s += error.retry_after_ns / _NS_PER_S
            on_step(Step(history.channel, 0, None, f"{error}; again in {wait_s:.0f} s"))
            await sleep(wait_s)
        except Rejected as error:
            raise Rejected(f"{history.source}:{history.channel}: {error}") from error


def _read(history: History, page: Page, job: Job) -> tuple[list[Event], Counter[str]]:
    """Normalise a page's entries; count those that are refused or outside the range."""
    events: list[Event] = []
    refused: Counter[str] = Counter()
    for entry in page.entries:
        if isinstance(entry, Refusal):
            refused[entry.reason] += 1
            continue
        event = normalise(
            entry,
            source=history.source,
            channel=history.channel,
            # The same in every run of the job: a post of the future is one after the range.
            received_ns=job.until_ns,
            limits=history.limits,
        )
        if isinstance(event, Refusal):
            refused[OUTSIDE if event.reason is RefusalReason.FUTURE else event.reason] += 1
        elif event.published_precision is TimePrecision.RECEIVED:
            refused[UNDATED] += 1
        elif not job.since_ns <= event.published_ns < job.until_ns:
            refused[OUTSIDE] += 1
        else:
            events.append(event)
    return events, refused


def _part(reached: list[int], job: Job) -> float | None:
    """Tell from the last two pages which part of the range has been read, from either end."""
    if len(reached) < len(("before", "now")):
        return None
    before, now = reached
    done = now - job.since_ns if now > before else job.until_ns - now
    return min(1.0, max(0.0, done / (job.until_ns - job.since_ns)))
