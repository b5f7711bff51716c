"""The port behind `tidings backfill`: a channel's past, page by page."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from crawlers.item import Item, Refusal
from crawlers.normalise import Limits


class Page(NamedTuple):
    """One answer of a channel's history.

    Attributes:
        entries: items and refusals, in any order; those outside the range are left out by the
            reader of the page.
        next: where the next page begins; None after the last.
        reached_ns: the publication time up to (or back to) which everything has been read;
            None where the source does not tell. For showing progress.
    """

    entries: Sequence[Item | Refusal]
    next: str | None
    reached_ns: int | None = None


class Cost(NamedTuple):
    """What reading a range would take.

    Attributes:
        requests: how many.
        exact: False where that is the most it could be, or a guess from the channel's rhythm.
        quota: what the source counts them against, in words and figures.
    """

    requests: int
    exact: bool
    quota: str


class History(Protocol):
    """One channel's past. Items get the same event ids as live."""

    source: str
    channel: str
    limits: Limits

    async def cost(self, since_ns: int, until_ns: int) -> Cost:
        """Tell what reading the range would take; asks little or nothing of the source.

        Raises:
            Retryable, Rejected: as `page`.
        """

    async def page(self, since_ns: int, until_ns: int, cursor: str | None) -> Page:
        """Read one page of posts published from `since_ns` on and before `until_ns`.

        The same cursor gives the same page again, as far as the source keeps to it; pages may
        come from the newest to the oldest or the other way round, and may overlap.

        Args:
            since_ns: UTC ns, inclusive.
            until_ns: UTC ns, exclusive.
            cursor: None for the first page, then each page's `next`.

        Raises:
            Retryable: no answer, or a limit of requests; with how long to wait.
            Rejected: the source refuses: what to do about it.
        """
