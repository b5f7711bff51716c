"""The past of announcement lists and status pages, page by page."""

import asyncio
from calendar import month_name
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final

import msgspec

from core.contracts.clock import Clock
from core.contracts.errors import Retryable
from crawlers.history import Cost, Page
from crawlers.http import AbsentError
from crawlers.item import Item, Refusal
from crawlers.normalise import Limits
from crawlers.sources.announcements.asking import Asking
from crawlers.sources.announcements.lists import page_url
from crawlers.sources.announcements.parse import Announcements, parse
from crawlers.sources.announcements.parse_status import Groups, parse_status
from crawlers.sources.announcements.settings import ListSettings, StatusPageSettings
from crawlers.sources.announcements.status import LISTS, SUMMARY, document_url
from crawlers.times import parse_time

SOURCE: Final = "announcements"

_QUOTA: Final = "no quota is published: a request every second or two is borne"
_POSTS_A_PAGE: Final = 10  # incidents read for one page of history
_MONTHS_A_PAGE: Final = 3
_POSTS_A_MONTH: Final = 20  # a guess
_DAY_NS: Final = 86_400_000_000_000
_FIRST_YEAR: Final = 2012  # there was no Statuspage before
_MONTHS: Final = {name: number for number, name in enumerate(month_name) if name}
_decode: Final = msgspec.json.Decoder().decode


class ListHistory:
    """One list's past: its pages, from the newest on.

    Args:
        settings: of the list.
        asking: see `Asking`.
        limits: with the list's zone.
        clock: for times without a date.
    """

    source: str = SOURCE

    def __init__(
        self, settings: ListSettings, asking: Asking, limits: Limits, clock: Clock
    ) -> None:
        self.channel = settings.channel
        self.limits = limits
        self._settings = settings
        self._asking = asking
        self._clock = clock

    async def cost(self, since_ns: int, until_ns: int) -> Cost:
        """Tell how many pages there are at most; asks for the first one."""
        del until_ns
        if page_url(self._settings, 2) is None:
            return Cost(1, exact=True, quota=_QUOTA)
        page = await self._read(1)
        if page is None:
            return Cost(1, exact=True, quota=_QUOTA)
        oldest_ns, held = self._oldest_ns(page), sum(isinstance(e, Item) for e in page.entries)
        if oldest_ns is None or oldest_ns < since_ns or not held:
            return Cost(1, exact=True, quota=_QUOTA)
        now_ns = self._clock.now_ns()
        pages = ceil((now_ns - since_ns) / max(1, now_ns - oldest_ns)) + 1
        if page.total is not None:
            pages = min(pages, ceil(page.total / held) + 1)
        return Cost(pages, exact=False, quota=_QUOTA)

    async def page(self, since_ns: int, until_ns: int, cursor: str | None) -> Page:
        """Read one page; the cursor is its number. Pages move on as the list grows: they overlap.

        Raises:
            Retryable, Rejected: see `Asking.ask`; `Retryable` also for a body that is no list.
        """
        del until_ns
        number = int(cursor) if cursor is not None and cursor.isdecimal() else 1
        page = await self._read(number)
        if page is None:  # past the last one
            return Page((), None, since_ns)
        oldest_ns = self._oldest_ns(page)
        last = oldest_ns is None or oldest_ns < since_ns
        more = not last and page_url(self._settings, number + 1) is not None
        return Page(page.entries, str(number + 1) if more else None, oldest_ns)

    async def _read(self, number: int) -> Announcements | None:
        url = page_url(self._settings, number)
        if url is None:
            return None
        try:
            fetched = await self._asking.ask(url)
        except AbsentError:
            if number == 1:
                raise
            return None
        page = await asyncio.to_thread(
            parse, fetched.body, self._settings.kind, fetched.content_type, fetched.url
        )
        if page.refused is not None:
            raise Retryable(f"{fetched.url}: {page.refused.reason}: {page.refused.detail}")
        return page

    def _oldest_ns(self, page: Announcements) -> int | None:
        """Give the oldest publication on a page; None where none is dated."""
        now_ns, zone = self._clock.now_ns(), self.limits.default_zone
        dated = [
            parse_time(entry.published, now_ns, zone)
            for entry in page.entries
            if isinstance(entry, Item) and entry.published is not None
        ]
        return min((one[0] for one in dated if isinstance(one, tuple)), default=None)


class _Place(msgspec.Struct, frozen=True):
    """Where in a status page's history to go on, as JSON in the cursor.

    Attributes:
        page: of `history.json`.
        after: the last incident read of it.
    """

    page: int
    after: str | None = None


class StatusHistory:
    """One status page's past: its lists, then the incidents of its history pages, one by one.

    Args:
        settings: of the page.
        asking: see `Asking`.
        limits: of texts.
    """

    source: str = SOURCE

    def __init__(self, settings: StatusPageSettings, asking: Asking, limits: Limits) -> None:
        self.channel = settings.channel
        self.limits = limits
        self._settings = settings
        self._asking = asking
        self._groups: Groups | None = None

    async def cost(self, since_ns: int, until_ns: int) -> Cost:
        """Guess from the months asked for; asks nothing."""
        months = (until_ns - since_ns) // (30 * _DAY_NS) + 1
        requests = 1 + len(LISTS) + ceil(months / _MONTHS_A_PAGE) + months * _POSTS_A_MONTH
        return Cost(requests, exact=False, quota=_QUOTA)

    async def page(self, since_ns: int, until_ns: int, cursor: str | None) -> Page:
        """Read the lists of recent notices first, then ten incidents of the history at a time.

        Raises:
            Retryable, Rejected: see `Asking.ask`; `Retryable` also for a body that is none of
                the page's documents.
        """
        if self._groups is None:  # live, components are named with their groups too
            self._groups = (await self._parse(document_url(self._settings, SUMMARY)))[1]
        if cursor is None:
            entries: list[Item | Refusal] = []
            for name in LISTS.values():
                entries += (await self._parse(document_url(self._settings, name)))[0]
            return Page(entries, _encode(_Place(1)), None)
        try:
            place = msgspec.json.decode(cursor, type=_Place)
        except msgspec.DecodeError:
            place = _Place(1)
        codes, oldest = await self._codes(place.page, since_ns, until_ns)
        begin = codes.index(place.after) + 1 if place.after in codes else 0
        batch = codes[begin : begin + _POSTS_A_PAGE]
        found: list[Item | Refusal] = []
        for code in batch:
            try:
                found += (await self._parse(f"{self._settings.page_url}/incidents/{code}.json"))[0]
            except AbsentError:  # withdrawn since the page listed it
                continue
        if begin + len(batch) < len(codes):
            return Page(found, _encode(_Place(place.page, batch[-1])), None)
        if oldest is None or oldest <= max(_month(since_ns - _DAY_NS), (_FIRST_YEAR, 1)):
            return Page(found, None, since_ns)
        return Page(found, _encode(_Place(place.page + 1)), _begin_ns(oldest))

    async def _parse(self, url: str) -> tuple[tuple[Item | Refusal, ...], Groups]:
        fetched = await self._asking.ask(url)
        document = await asyncio.to_thread(parse_status, fetched.body, self._settings, self._groups)
        if document.refused is not None:
            refused = document.refused
            raise Retryable(f"{fetched.url}: {refused.reason}: {refused.detail}")
        return document.entries, document.groups

    async def _codes(
        self, number: int, since_ns: int, until_ns: int
    ) -> tuple[list[str], tuple[int, int] | None]:
        """Give the incidents of the wanted months on a history page, and its oldest month."""
        url = f"{self._settings.page_url}/history.json?page={number}"
        try:
            fetched = await self._asking.ask(url)
        except AbsentError:  # not every page shows its history
            return [], None
        # Its months are of the page's own zone: a day more on either side is surely enough.
        first, last = _month(since_ns - _DAY_NS), _month(until_ns + _DAY_NS)
        return _read_history(fetched.body, url, first, last)


def _read_history(
    body: bytes, url: str, first: tuple[int, int], last: tuple[int, int]
) -> tuple[list[str], tuple[int, int] | None]:
    """Read a history page.

    Sample: {"months":[{"name":"June","year":2026,"incidents":[{"code":"cp306tmzcl0y",
    "name":"Unplanned outage","impact":"critical","timestamp":"Jun <var>11</var>, ..."}]}]}

    Raises:
        Retryable: it is none.
    """
    try:
        found: Any = _decode(body)
        months = [
            ((month["year"], _MONTHS[month["name"]]), month["incidents"])
            for month in found["months"]
        ]
        wanted = [one for month, posts in months if first <= month <= last for one in posts]
        return [str(one["code"]) for one in wanted], min((one for one, _ in months), default=None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Retryable(f"{url}: no JSON: {error}") from error
    except (KeyError, TypeError) as error:
        raise Retryable(f"{url}: no history of a status page: {error!r}") from error


def _encode(place: _Place) -> str:
    return msgspec.json.encode(place).decode()


def _month(at_ns: int) -> tuple[int, int]:
    at = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    return at.year, at.month


def _begin_ns(month: tuple[int, int]) -> int:
    return int(datetime(*month, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
