"""Walks Medium's archive from a range's start to its end: years, their months, their days."""

import asyncio
import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from core.contracts.clock import Clock
from core.contracts.errors import Rejected
from crawlers.history import Cost, Page
from crawlers.http import AbsentError, fetch
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.normalise import Limits
from crawlers.robots import Robots
from crawlers.sources.medium.archive import parse_archive
from crawlers.sources.medium.settings import MediumSettings

_SECOND_NS: Final = 1_000_000_000
_DAY_NS: Final = 86_400 * _SECOND_NS
_EPOCH: Final = date(1970, 1, 1)
_FIRST_YEAR: Final = 2012  # Medium's own
_ASKED: Final = re.compile(r"/archive/(\d{4}(?:/\d\d){0,2})/?$", re.ASCII)


class ArchiveHistory:
    """The past of one publication or tag; see `History`.

    A page that links finer ones is not read itself: it only shows a selection.

    Args:
        source: kind of source.
        channel: as in the live feed.
        home: address that `/archive/2020/03/14` is put behind.
        settings: how Medium is asked.
        limits: with the channel's zone.
        session: from `open_session`.
        robots: None where robots.txt is not kept to.
        clock: for dates in headers.
    """

    def __init__(
        self,
        source: str,
        channel: str,
        home: str,
        settings: MediumSettings,
        *,
        limits: Limits,
        session: aiohttp.ClientSession,
        robots: Robots | None,
        clock: Clock,
    ) -> None:
        self.source = source
        self.channel = channel
        self.limits = limits
        self._home = home
        self._settings = settings
        self._session = session
        self._robots = robots
        self._clock = clock

    async def cost(self, since_ns: int, until_ns: int) -> Cost:
        """Count the pages of the range, as if each day had one; asks nothing of Medium."""
        until_ns = min(until_ns, self._clock.now_ns())
        days = max(1, -(-(until_ns - since_ns) // _DAY_NS) + 1)
        years = len(_years(since_ns, until_ns))
        months = min(12 * years, days // 28 + 2)
        return Cost(years + months + days, exact=False, quota="requests to Medium")

    async def page(self, since_ns: int, until_ns: int, cursor: str | None) -> Page:
        """Read the archive page that is next, the oldest first.

        Raises:
            Retryable: no answer, or too many requests; with the wait that Medium asks for.
            Rejected: Medium or its robots.txt refuses, or the page is no archive.
        """
        todo = _read_cursor(cursor) or _years(since_ns, min(until_ns, self._clock.now_ns()))
        if not todo:
            return Page((), None)
        period, *rest = todo
        settings = self._settings
        try:
            fetched = await fetch(
                self._session,
                f"{self._home}/archive/{period}",
                headers={},
                max_bytes=settings.max_document_bytes,
                max_redirects=settings.max_redirects,
                now_ns=self._clock.now_ns(),
                admit=None if self._robots is None else self._robots.admit,
            )
        except AbsentError:
            return _page((), rest)  # nothing was published then
        page = await asyncio.to_thread(parse_archive, fetched.body)
        for entry in page.entries:
            if isinstance(entry, Refusal) and entry.reason is RefusalReason.BAD_SHAPE:
                raise Rejected(f"{fetched.url} can't be read: {entry.detail}")
        arrived = _ASKED.search(URL(fetched.url).path)
        if arrived is not None and arrived[1] != period and period.startswith(arrived[1]):
            # Few posts: Medium leads from a day's page to its month's, or from that to its year's.
            rest = [one for one in rest if not one.startswith(arrived[1])]
            return _page(page.entries, rest)
        finer = [
            one
            for one in page.periods
            if one.startswith(f"{period}/")
            and one.count("/") == period.count("/") + 1
            and _overlaps(one, since_ns, until_ns)
        ]
        linked = any(one.startswith(f"{period}/") for one in page.periods)
        return _page(() if linked else page.entries, [*finer, *rest])


def _page(entries: Sequence[Item | Refusal], todo: list[str]) -> Page:
    """Give a page's entries, and what is left to do."""
    reached = _span(todo[0]) if todo else None
    return Page(
        entries,
        msgspec.json.encode(todo).decode() if todo else None,
        None if reached is None else reached[0],
    )


def _read_cursor(cursor: str | None) -> list[str] | None:
    """Read what is left to do; what can't be read begins anew."""
    try:
        return msgspec.json.decode(cursor, type=list[str]) if cursor else None
    except msgspec.DecodeError:
        return None


def _years(since_ns: int, until_ns: int) -> list[str]:
    """Give the years of a range."""
    first = datetime.fromtimestamp(since_ns // _SECOND_NS, UTC).year
    last = datetime.fromtimestamp((until_ns - 1) // _SECOND_NS, UTC).year
    return [f"{year:04}" for year in range(max(first, _FIRST_YEAR), last + 1)]


def _overlaps(period: str, since_ns: int, until_ns: int) -> bool:
    """Say whether a period may hold posts of the range; whose midnight Medium means is unknown."""
    span = _span(period)
    return span is not None and span[0] < until_ns + _DAY_NS and span[1] > since_ns - _DAY_NS


def _span(period: str) -> tuple[int, int] | None:
    """Give a period's first moment and the one after its last, UTC ns; None where there is none."""
    numbers = [int(part) for part in period.split("/")]
    year, month, day = (*numbers, 1, 1)[:3]
    try:
        begin = date(year, month, day)
        match len(numbers):
            case 1:
                end = date(year + 1, 1, 1)
            case 2:
                end = begin + timedelta(days=monthrange(year, month)[1])
            case _:
                end = begin + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    return (begin - _EPOCH).days * _DAY_NS, (end - _EPOCH).days * _DAY_NS
