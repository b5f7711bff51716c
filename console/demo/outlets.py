"""What each outlet has released: feeds with their documents, wires with their readers."""

from collections import defaultdict
from email.utils import formatdate
from hashlib import blake2b
from typing import Protocol

import msgspec

from console.demo.feeds import CONTENT_TYPES, SECOND_NS, document, entry, wire_message
from console.demo.posts import Outlet, Post


class Counter(msgspec.Struct):
    """What was asked of one feed.

    Attributes:
        version: of the document as it is now; grows by one with each release.
        served: the newest version that a reader was given, or told it has.
        requests: how many there were.
        not_modified: how many of them were answered 304.
    """

    version: int = 0
    served: int = 0
    requests: int = 0
    not_modified: int = 0


class Page:
    """One document on the web, with what conditional requests need.

    Attributes:
        body: its bytes.
        content_type: as in the header.
        etag: strong, of the bytes.
        modified_s: when it last changed, UTC seconds; each change has its own second, so that
            no change hides behind the one before.
        asked: the requests.
    """

    def __init__(self, content_type: str) -> None:
        self.content_type = content_type
        self.body = b""
        self.etag = ""
        self.modified_s = 0
        self.asked = Counter()

    def publish(self, body: bytes, now_ns: int) -> int:
        """Replace the document and give its version."""
        self.body = body
        self.etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
        self.modified_s = max(now_ns // SECOND_NS, self.modified_s + 1)
        self.asked.version += 1
        return self.asked.version

    @property
    def last_modified(self) -> str:
        """The time of the last change as in the header (RFC 9110)."""
        return formatdate(self.modified_s, usegmt=True)


class Feed:
    """An outlet that is polled: all it has released, the newest first."""

    def __init__(self, outlet: Outlet, now_ns: int) -> None:
        self.outlet = outlet
        self.page = Page(CONTENT_TYPES[outlet.form])
        self._entries: list[str] = []  # oldest first
        self._spoilt = False  # the newest entry goes with the next release
        self.page.publish(document(outlet, ()), now_ns)

    def release(self, post: Post, now_ns: int) -> int:
        """Add a post and give the document's version."""
        if self._spoilt:
            self._entries.pop()
        self._entries.append(entry(self.outlet, post, now_ns))
        self._spoilt = post.raw is not None
        return self.page.publish(document(self.outlet, reversed(self._entries)), now_ns)


class Reader(Protocol):
    """Who follows a wire."""

    def send(self, message: bytes) -> None:
        """Take one message; must not block or raise."""


class Wire:
    """An outlet that pushes: each release goes to every reader at once, and is kept for others."""

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.readers: dict[Reader, None] = {}
        self._messages: list[bytes] = []
        self._places: defaultdict[str, int] = defaultdict(int)  # by id: how many came up to it

    def release(self, post: Post, now_ns: int) -> int:
        """Push a post and give the number of messages so far."""
        message = wire_message(self.outlet, post, now_ns)
        self._messages.append(message)
        self._places[post.id] = len(self._messages)
        for reader in self.readers:
            reader.send(message)
        return len(self._messages)

    def follow(self, reader: Reader, since: str | None) -> None:
        """Give a reader what came after the post `since`, then all that comes.

        A reader that names no post, or one that is not known, gets everything from the start: it
        would rather hear twice than miss.
        """
        start = self._places.get(since, 0) if since is not None else 0
        for message in self._messages[start:]:
            reader.send(message)
        self.readers[reader] = None

    def leave(self, reader: Reader) -> None:
        """Forget a reader."""
        self.readers.pop(reader, None)
