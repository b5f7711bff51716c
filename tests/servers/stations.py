"""Every source's local server with its faults, all to be served from at once."""

import asyncio
import json
import tempfile
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from tests.integration.news_servers import NewsSocket, serving
from tests.servers.exchange_news import ExchangeNews
from tests.servers.feeds import FeedSite
from tests.servers.medium import MediumSite
from tests.servers.reddit import Fault, RedditServer, submission
from tests.servers.telegram import TelegramServer
from tests.servers.twitter import Post as XPost
from tests.servers.twitter import XServer, snowflake
from tests.servers.webhook import WebhookSender

POLL_MS: Final = 400
FEED_HOLDS: Final = 150  # entries; what a real feed drops sooner is lost to whoever polls too late
_CLOUDED_S: Final = 0.7  # how long a fault that is switched on stays

Cause = Callable[[], Any]
"""Makes something go wrong at once; may be a coroutine function."""


class Station(ABC):
    """One source's server.

    Attributes:
        source: kind of source.
        settings: its section of `[crawl]`.
        served: native ids of what was served.
    """

    source: str

    def __init__(self) -> None:
        self.settings: Any = {}
        self.served: list[str] = []

    @abstractmethod
    async def start(self) -> None:
        """Listen, and fill `settings`."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop listening."""

    async def until_followed(self) -> None:  # noqa: B027 - who polls may come at any time
        """Wait until somebody listens, where a first start can't ask for what went before."""

    @abstractmethod
    async def serve(self, number: int, at: datetime) -> None:
        """Serve one more item, the `number`th, as published at `at`."""

    @abstractmethod
    def faults(self) -> Sequence[Cause]:
        """Give what may go wrong."""

    async def heal(self) -> None:  # noqa: B027 - most have nothing to put right
        """Let nothing go wrong any more."""


def title_of(number: int) -> str:
    """Write something that no two items share."""
    return f"Item {number} says what no other item says"


def switched(thing: object, name: str, on: object, off: object) -> Cause:
    """Make the fault that holds an attribute for a moment."""

    async def cause() -> None:
        setattr(thing, name, on)
        await asyncio.sleep(_CLOUDED_S)
        setattr(thing, name, off)

    return cause


def counted(thing: object, name: str, count: int = 2) -> Cause:
    """Make the fault that lets the next few answers go wrong, those of a moment at most."""
    return switched(thing, name, count, 0)


class FeedStation(Station):
    """A feed and its mirror; a second client reads the mirror."""

    source = "rss"

    def __init__(self, site: FeedSite) -> None:
        super().__init__()
        self._site = site

    async def start(self) -> None:
        await self._site.start()
        self.settings = self._site.settings
        for feed in self.settings["feeds"]:
            feed |= {"interval_ms": POLL_MS, "longest_interval_ms": POLL_MS}

    async def stop(self) -> None:
        await self._site.stop()

    def native_id(self, number: int) -> str:
        return f"post-{number}"

    async def serve(self, number: int, at: datetime) -> None:
        native_id = self.native_id(number)
        post = {"id": native_id, "title": title_of(number), "published": at.isoformat()}
        await self._site.serve(post)
        del self._site.posts[FEED_HOLDS:]
        self.served.append(native_id)

    def faults(self) -> Sequence[Cause]:
        site = self._site
        return [
            *(counted(site, name) for name in ("busy", "unavailable", "cut", "malformed")),
            switched(site, "doubled", on=True, off=False),
            switched(site, "shuffled", on=True, off=False),
        ]


class MediumStation(FeedStation):
    """A publication."""

    source = "medium"

    async def start(self) -> None:
        await self._site.start()
        pace = {"interval_ms": POLL_MS, "longest_interval_ms": POLL_MS}
        self.settings = self._site.settings | pace

    def native_id(self, number: int) -> str:
        return blake2b(str(number).encode(), digest_size=6).hexdigest()


class NewswireStation(Station):
    """A stream that two clients follow, each going on from the last id it read."""

    source = "newswire"

    def __init__(self) -> None:
        super().__init__()
        self._socket = NewsSocket()
        self._serving: Any = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/news", self._socket.handle)
        self._serving = serving(app)
        port = await self._serving.__aenter__()
        url = f"ws://127.0.0.1:{port}/news"
        self.settings = [
            {
                "channel": "channel",
                "url": url,
                "clients": [{"name": "second"}],
                "fields": {"id": "id", "title": "title", "published": "at"},
                "resume_param": "after",
            }
        ]

    async def stop(self) -> None:
        for client in list(self._socket.clients):
            await client.close()
        await self._serving.__aexit__(None, None, None)

    async def until_followed(self) -> None:
        await self._socket.until_connected()

    async def serve(self, number: int, at: datetime) -> None:
        item: dict[str, object] = {
            "id": f"wire-{number}",
            "title": title_of(number),
            "at": at.isoformat(),
        }
        self._socket.sent.append(item)
        self.served.append(f"wire-{number}")
        await self._send(json.dumps(item))

    async def _send(self, text: str) -> None:
        for client in list(self._socket.clients):
            if not client.closed:
                try:
                    await client.send_str(text)
                except ConnectionError:
                    continue  # it comes back and asks for what follows its last id

    async def _again(self) -> None:
        for item in self._socket.sent[-3:]:
            await self._send(json.dumps(item))

    async def _nonsense(self) -> None:
        await self._send("<html>Service unavailable</html>")
        await self._send('{"id": ')

    def faults(self) -> Sequence[Cause]:
        return [self._cut, self._again, self._nonsense]

    def _cut(self) -> None:
        for request in self._socket.requests[-2:]:
            if request.transport is not None:
                request.transport.abort()


class TwitterStation(Station):
    """X by stream and by search at once, with two keys."""

    source = "twitter"

    def __init__(self) -> None:
        super().__init__()
        self._server = XServer()

    async def start(self) -> None:
        await self._server.start()
        ways = {"ways": ["stream", "search"], "search_interval_ms": POLL_MS}
        self.settings = self._server.settings | ways

    async def stop(self) -> None:
        await self._server.stop()

    async def serve(self, number: int, at: datetime) -> None:
        native_id = snowflake(at, number % 4_096)
        self.served.append(native_id)
        await self._server.serve(XPost(native_id, title_of(number), published=at, matches=True))

    def faults(self) -> Sequence[Cause]:
        server = self._server
        return [
            server.cut,
            server.close_streams,
            switched(server, "malformed", on=True, off=False),
            switched(server, "doubled", on=True, off=False),
            switched(server, "shuffled", on=True, off=False),
            *(self._refusing(status) for status in (429, 401, 403, 503)),
        ]

    def _refusing(self, status: int) -> Cause:
        async def cause() -> None:
            self._server.refusals["first", "*"] = status
            await asyncio.sleep(_CLOUDED_S)
            self._server.refusals.clear()

        return cause

    async def heal(self) -> None:
        self._server.refusals.clear()


class RedditStation(Station):
    """A subreddit."""

    source = "reddit"

    def __init__(self) -> None:
        super().__init__()
        self._server = RedditServer()

    async def start(self) -> None:
        await self._server.start()
        self.settings = self._server.settings | {"interval_ms": POLL_MS}

    async def stop(self) -> None:
        await self._server.stop()

    async def serve(self, number: int, at: datetime) -> None:
        native_id = f"t3_{number:x}z"
        self.served.append(native_id)
        thing = submission(native_id, title_of(number), created_utc=at.timestamp())
        await self._server.serve([thing])

    def faults(self) -> Sequence[Cause]:
        busy = Fault(429, b"{}", {"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "1"})
        return [
            *(
                self._answering(fault)
                for fault in (
                    busy,
                    Fault(503, b"<html>Our CDN was unable to reach us</html>"),
                    Fault(200, b"<html>Our CDN was unable to reach us</html>"),
                    Fault(0),
                )
            ),
            self._server.forget_token,
        ]

    def _answering(self, fault: Fault) -> Cause:
        return lambda: self._server.faults.append(fault)

    async def heal(self) -> None:
        self._server.faults.clear()


class TelegramStation(Station):
    """A channel, over Telegram's own protocol."""

    source = "telegram"

    def __init__(self) -> None:
        super().__init__()
        self._server = TelegramServer()

    async def start(self) -> None:
        await self._server.start()
        self.settings = self._server.settings

    async def stop(self) -> None:
        await self._server.stop()

    async def until_followed(self) -> None:
        await self._server.until_following()

    async def serve(self, number: int, at: datetime) -> None:
        self.served.append(str(number))
        date = at.replace(microsecond=0)
        await self._server.serve(self._server.message(number, title_of(number), date=date))

    def faults(self) -> Sequence[Cause]:
        server = self._server
        return [
            server.cut,
            switched(server, "silent", on=True, off=False),
            self._flood,
            self._again,
        ]

    def _flood(self) -> None:
        for request in ("GetHistory", "GetChannelDifference"):
            self._server.floods.setdefault(request, deque()).append(1)

    async def _again(self) -> None:
        messages = self._server.channel.messages
        for message_id in sorted(messages)[-2:]:
            await self._server.serve(messages[message_id])


class AnnouncementsStation(Station):
    """An exchange's list, which its blog repeats under a channel of its own, and a status page."""

    source = "announcements"

    def __init__(self) -> None:
        super().__init__()
        self._server = ExchangeNews()

    async def start(self) -> None:
        await self._server.start()
        self._server.feed_holds = FEED_HOLDS
        pace: Any = {"interval_ms": POLL_MS}
        self.settings = {
            "lists": [self._server.binance(**pace)],
            "status_pages": [self._server.status_page(**pace)],
            "allow_private": True,
        }

    async def stop(self) -> None:
        await self._server.stop()

    async def serve(self, number: int, at: datetime) -> None:
        code = f"notice-{number}"
        self.served.append(code)
        if number % 10:
            self._server.serve(code, title_of(number), at)
        else:
            self._server.post(code, title_of(number), status="investigating", at=at)

    def faults(self) -> Sequence[Cause]:
        server = self._server
        return [
            *(switched(server, "fault", on=status, off=None) for status in (0, 403, 429, 503)),
            counted(server, "nonsense"),
            switched(server, "conditional", on=False, off=True),
        ]

    async def heal(self) -> None:
        self._server.fault = None


class WebhookStation(Station):
    """A tool that posts."""

    source = "webhook"

    def __init__(self) -> None:
        super().__init__()
        self._sender = WebhookSender()

    async def start(self) -> None:
        self.settings = self._sender.settings
        await self._sender.start()

    async def stop(self) -> None:
        await self._sender.stop()

    async def serve(self, number: int, at: datetime) -> None:
        native_id = f"hook-{number}"
        self.served.append(native_id)
        post = {"id": native_id, "text": title_of(number), "published": at.isoformat()}
        await self._sender.serve(post)

    def faults(self) -> Sequence[Cause]:
        return [
            switched(self._sender, name, on=True, off=False)
            for name in ("doubled", "forged", "malformed", "cut")
        ]


class FileStation(Station):
    """A file of past posts, read by a backfill while all the others are live."""

    source = "file"
    rows: Final = 5_000

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()

    async def start(self) -> None:
        path = Path(self._folder.name) / "past.jsonl"
        now_s = int(time.time())
        with path.open("w", encoding="utf-8") as file:
            for number in range(self.rows):
                at = datetime.fromtimestamp(now_s - number, UTC).isoformat()
                row = {"id": f"row-{number}", "text": title_of(number), "published": at}
                file.write(json.dumps(row) + "\n")
                self.served.append(f"row-{number}")
                if number % 100 == 0:
                    file.write('{"id": "torn", "te\n')
                    file.write(json.dumps(row) + "\n")
        self.settings = [{"channel": "channel", "path": str(path)}]

    async def stop(self) -> None:
        self._folder.cleanup()

    async def serve(self, number: int, at: datetime) -> None:
        """Everything was served at the start."""

    def faults(self) -> Sequence[Cause]:
        return []


def all_stations() -> list[Station]:
    """Make one station for each source."""
    return [
        FeedStation(FeedSite()),
        MediumStation(MediumSite()),
        NewswireStation(),
        TwitterStation(),
        RedditStation(),
        TelegramStation(),
        AnnouncementsStation(),
        WebhookStation(),
        FileStation(),
    ]
