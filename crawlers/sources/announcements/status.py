"""Follows one status page: its summary often, its lists of past notices when something changed."""

import asyncio
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec.structs import replace

from core.contracts.errors import Retryable
from core.contracts.event import Event, EventKind
from core.contracts.notice import OVER, NoticeKind, NoticeState, VenueNotice
from crawlers.http import Fetched
from crawlers.intake import Intake
from crawlers.item import Item, ItemNotice, Refusal
from crawlers.newsroom import Newsroom
from crawlers.notices import notice_of
from crawlers.seen import Seen
from crawlers.sources.announcements.asking import Asking
from crawlers.sources.announcements.parse_status import Groups, StatusDocument, parse_status
from crawlers.sources.announcements.settings import StatusPageSettings
from crawlers.watch import Watch

SUMMARY: Final = "summary.json"
LISTS: Final = {
    NoticeKind.INCIDENT: "incidents.json",
    NoticeKind.MAINTENANCE: "scheduled-maintenances.json",
}

_MILLI_NS: Final = 1_000_000
_LIST_HOLDS: Final = 50  # the newest; what is older may be missing from them
_SURELY_GONE: Final = 3  # readings that lack it: caches are not all equally old

Taken = list[tuple[Event | Refusal, VenueNotice | None]]


class OpenNotice(msgspec.Struct, frozen=True):
    """An incident or maintenance that is not over, to notice when its page forgets it."""

    title: str
    published: str | float | None
    created_ns: int
    notice: ItemNotice


class StatusCursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a status page, as JSON in the cursor.

    Attributes:
        url: of the page; another one makes the rest void.
        entries: ids of the events in its last documents: what it still shows is not new.
        open: what is not over, by native id.
    """

    url: str
    entries: tuple[str, ...] = ()
    open: dict[str, OpenNotice] = {}


def read_cursor(cursor: str | None, url: str) -> StatusCursor:
    """Read a kept cursor; one that can't be read, or is of another page, is as good as none."""
    if cursor is not None:
        try:
            kept = msgspec.json.decode(cursor, type=StatusCursor)
        except msgspec.DecodeError:
            return StatusCursor(url)
        if kept.url == url:
            return kept
    return StatusCursor(url)


def document_url(settings: StatusPageSettings, name: str) -> str:
    """Give the address of one of the page's documents."""
    return f"{settings.page_url}/api/v2/{name}"


class _Document:
    """One document's last answer.

    Attributes:
        ids: events in it.
        posts: when its incidents and maintenances were first told, by native id.
    """

    def __init__(self) -> None:
        self.etag: str | None = None
        self.last_modified: str | None = None
        self.digest: bytes | None = None
        self.ids: tuple[str, ...] = ()
        self.posts: Mapping[str, int] = {}


class FollowedStatusPage:
    """One status page and what it said.

    Nothing is asked for conditionally before it was read once: after a start, what is open is
    told again.

    Args:
        settings: its configuration.
        watch: where its items go, and how it is doing.
        seen: what this source has published.
        room: see `Newsroom`.
    """

    def __init__(
        self, settings: StatusPageSettings, watch: Watch, seen: Seen, room: Newsroom
    ) -> None:
        self.settings: Final = settings
        self.watch: Final = watch
        self._room = room
        self._documents = {name: _Document() for name in (SUMMARY, *LISTS.values())}
        self._groups: Groups = {}
        cursor = read_cursor(watch.intake.channel.cursor, settings.page_url)
        self._open = dict(cursor.open)
        self._lacking: dict[str, int] = {}
        self._lists_due = True
        self._lists_ns = 0
        self._kept = cursor.entries  # until the lists were read
        for event_id in cursor.entries:
            seen.add(event_id)

    async def poll(self, asking: Asking) -> None:
        """Ask for the summary; where it changed or lacks something open, for the lists too.

        Raises:
            Retryable: see `Asking.ask`; also for a body that is no such document.
            Rejected: see `Asking.ask`.
            Fatal: the bus has stopped.
        """
        changed = await self._document(SUMMARY, asking)
        now_ns = self._room.clock.now_ns()
        age_ms = (now_ns - self._lists_ns) // _MILLI_NS
        missing = self._open.keys() - self._documents[SUMMARY].posts
        self._lists_due |= changed or bool(missing) or age_ms >= self.settings.lists_interval_ms
        if self._lists_due:
            for name in LISTS.values():
                await self._document(name, asking)
            self._lists_due, self._lists_ns, self._kept = False, now_ns, ()
            await self._withdraw()
        for overrun in self.watch.intake.notices.overrunning(now_ns):
            try:
                self.watch.intake.publish(overrun)
            except Retryable:  # the bus is full: the next request is soon enough
                break
        self.watch.answered(now_ns)

    async def _document(self, name: str, asking: Asking) -> bool:
        """Read one document and publish what is new in it; gives whether it had changed."""
        last = self._documents[name]
        fetched = await asking.ask(
            document_url(self.settings, name), etag=last.etag, last_modified=last.last_modified
        )
        digest = blake2b(fetched.body, digest_size=16).digest()
        if not fetched.changed or digest == last.digest:
            return False
        received_ns = self._room.clock.now_ns()
        intake = self.watch.intake
        document, taken = await asyncio.to_thread(
            _read, fetched, self.settings, self._groups, intake, received_ns
        )
        ids = [await self._room.take(self.watch, event, notice) for event, notice in taken]
        intake.counts.documents += 1
        if document.refused is not None:
            refused = document.refused
            raise Retryable(f"{fetched.url}: {refused.reason}: {refused.detail}")
        self._groups = document.groups
        for entry in document.entries:
            if isinstance(entry, Item) and entry.notice is not None:
                self._note(entry, entry.notice, document.created_ns[entry.native_id])
        last.etag, last.last_modified = fetched.etag, fetched.last_modified
        last.digest = digest
        last.ids = tuple(event_id for event_id in ids if event_id)
        last.posts = document.created_ns
        self._move_cursor()
        return True

    def _note(self, item: Item, notice: ItemNotice, created_ns: int) -> None:
        """Remember what is open, the latest word of it."""
        known = self._open.get(item.native_id)
        if known is not None and known.notice.revision > notice.revision:
            return
        if notice.state in OVER:
            self._open.pop(item.native_id, None)
            self._lacking.pop(item.native_id, None)
        else:
            self._open[item.native_id] = OpenNotice(
                item.title or "", item.published, created_ns, notice
            )

    async def _withdraw(self) -> None:
        """Publish that open notices are gone that no document of the page holds any more."""
        for native_id, open_notice in list(self._open.items()):
            if self._is_listed(native_id, open_notice):
                self._lacking.pop(native_id, None)
                continue
            self._lacking[native_id] = self._lacking.get(native_id, 0) + 1
            if self._lacking[native_id] < _SURELY_GONE:
                continue
            item = Item(
                native_id=native_id,
                kind=EventKind.DELETED,
                title=open_notice.title,
                published=open_notice.published,
                url=f"{self.settings.page_url}/incidents/{native_id}",
                notice=replace(open_notice.notice, state=NoticeState.CANCELLED),
            )
            await self._room.accept(self.watch, item, self._room.clock.now_ns())
            del self._open[native_id], self._lacking[native_id]
            self._move_cursor()

    def _is_listed(self, native_id: str, open_notice: OpenNotice) -> bool:
        """Say whether a document has a notice, or may lack it only because of its age."""
        if any(native_id in document.posts for document in self._documents.values()):
            return True
        posts = self._documents[LISTS[open_notice.notice.kind]].posts
        return len(posts) >= _LIST_HOLDS and open_notice.created_ns <= min(posts.values())

    def _move_cursor(self) -> None:
        now = (one for document in self._documents.values() for one in document.ids)
        ids = tuple(dict.fromkeys((*self._kept, *now)))
        cursor = StatusCursor(self.settings.page_url, ids, self._open)
        self.watch.intake.channel.cursor = msgspec.json.encode(cursor).decode()


def _read(
    fetched: Fetched,
    settings: StatusPageSettings,
    groups: Groups,
    intake: Intake,
    received_ns: int,
) -> tuple[StatusDocument, Taken]:
    """Parse and normalise a document; runs in another thread.

    Returns:
        The document, and what it holds: refusals first, then events in its order.
    """
    document = parse_status(fetched.body, settings, groups)
    refusals: Taken = []
    events: Taken = []
    for entry in document.entries:
        read = intake.normalise(entry, received_ns) if isinstance(entry, Item) else entry
        if isinstance(read, Event) and isinstance(entry, Item):
            notice = None if entry.notice is None else notice_of(entry.notice, read)
            events.append((read, notice))
        else:
            refusals.append((read, None))
    return document, [*refusals, *events]
