"""One feed at one address: where it was read to, and how often it is worth asking for."""

import asyncio
from typing import Final

import msgspec

from crawlers.http import Fetched
from crawlers.sources.rss.interval import interval_ms, quiet_ms
from crawlers.sources.rss.reading import Reading, Shown
from crawlers.sources.rss.settings import FeedSettings
from crawlers.sources.rss.versions import Known
from crawlers.watch import Watch

_MOST_KEPT: Final = 500  # entries in a cursor; feeds of news list 10 to 100
_MOST_KNOWN: Final = 2_000  # entries of a channel, in memory


class FeedCursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a feed's last document, as JSON in the cursor.

    Attributes:
        url: where it came from; another address makes the rest void.
        etag: for `If-None-Match`.
        last_modified: for `If-Modified-Since`.
        known: its entries: what a feed still lists is not new, however old it gets.
    """

    url: str
    etag: str | None = None
    last_modified: str | None = None
    known: dict[str, Known] = {}


def read_cursor(cursor: str | None) -> FeedCursor | None:
    """Read a kept cursor; one that can't be read is as good as none."""
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(cursor, type=FeedCursor)
    except msgspec.DecodeError:
        return None


class Listing:
    """What is known of a channel's entries, from whichever of its addresses.

    Attributes:
        known: by `key_of`, the longest unheard of first.
        lock: held while a document is compared with it.
    """

    def __init__(self) -> None:
        self.known: Final[dict[str, Known]] = {}
        self.lock: Final = asyncio.Lock()

    def learn(self, known: dict[str, Known]) -> None:
        """Take over what a document showed; the longest unheard of is forgotten."""
        for key, one in known.items():
            before = self.known.pop(key, one)
            self.known[key] = one if one.revision >= before.revision else before
        for key in list(self.known)[: max(0, len(self.known) - _MOST_KNOWN)]:
            del self.known[key]


class Feed:
    """One address of one channel.

    Attributes:
        settings: the channel's configuration.
        watch: where its items go, and how it is doing.
        listing: shared by the channel's addresses.
        url: as configured.
        address: where it is asked: elsewhere once it has moved for good.
        cursor: of its last document.
        last_body: digest of the last body that was read to its end.
        shown: the entries of the last document.
        gone: it said that it is no more, and is not asked again.
    """

    def __init__(self, settings: FeedSettings, url: str, watch: Watch, listing: Listing) -> None:
        self.settings: Final = settings
        self.watch: Final = watch
        self.listing: Final = listing
        self.url: Final = url
        self.address = url
        self.last_body: bytes | None = None
        self.shown: dict[bytes, Shown] = {}
        self.gone = False
        self._quiet_ms: int | None = None
        self._unchanged = 0
        kept = read_cursor(watch.intake.channel.cursor)
        self.cursor = kept if kept and kept.url == url else FeedCursor(url)
        listing.learn(self.cursor.known)

    @property
    def interval_ms(self) -> int:
        """How long after its last request it is asked again."""
        settings = self.settings
        return interval_ms(
            settings.interval_ms, settings.longest_ms, self._quiet_ms, self._unchanged
        )

    def leave(self) -> None:
        """Never ask again."""
        self.gone = True
        self.watch.connected = False

    def heard(self, *, new: bool) -> None:
        """Hear whether an answer held anything new."""
        self._unchanged = 0 if new else self._unchanged + 1

    def learn_habit(self, reading: Reading, fetched: Fetched, now_ns: int) -> None:
        """Learn from a document how often it is worth asking for."""
        self._quiet_ms = quiet_ms(
            [one.published_ns for one in reading.shown.values() if one.exact],
            now_ns,
            said_ms=reading.document.interval_ms,
            fresh_ms=fetched.fresh_ms,
        )

    def move(self, fetched: Fetched, reading: Reading, digest: bytes) -> None:
        """Take a document as read, to be saved with the next cursors.

        One that was cut off keeps no `ETag` and `Last-Modified`, so that it is asked for in full.
        """
        known = {one.key: one.known for one in reading.shown.values()}
        self.listing.learn(known)
        self.shown = reading.shown
        whole = reading.document.whole
        self.last_body = digest if whole else None
        self.cursor = FeedCursor(
            self.url,
            fetched.etag if whole else None,
            fetched.last_modified if whole else None,
            dict(list(known.items())[-_MOST_KEPT:]),
        )
        self.watch.intake.channel.cursor = msgspec.json.encode(self.cursor).decode()
