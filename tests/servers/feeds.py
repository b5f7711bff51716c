"""A site with one feed, in RSS, Atom or JSON, that also fails as sites do."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from random import Random
from typing import Any, Final

from aiohttp import web

CHANNEL: Final = "channel"
INTERVAL_MS: Final = 20

Post = dict[str, Any]
"""A post: `id`, and where it has them `title`, `text` (both HTML), `published`, `updated` (ISO)."""


def rss(posts: list[Post], more: str = "") -> bytes:
    """Write posts as RSS 2.0, with the time of their change as WordPress and Medium do."""
    items = []
    for post in posts:
        parts = [f'<guid isPermaLink="false">{escape(post["id"])}</guid>']
        parts += [f"<{tag}>{escape(post[tag])}</{tag}>" for tag in ("title", "link") if tag in post]
        if "text" in post:
            parts.append(f"<description>{escape(post['text'])}</description>")
        if "published" in post:
            at = datetime.fromisoformat(post["published"]).astimezone(UTC)
            parts.append(f"<pubDate>{format_datetime(at, usegmt=True)}</pubDate>")
        if "updated" in post:
            parts.append(f"<atom:updated>{post['updated']}</atom:updated>")
        items.append(f"<item>{''.join(parts)}</item>")
    return (
        '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">'
        f"<channel>{more}{''.join(items)}</channel></rss>"
    ).encode()


def atom(posts: list[Post], more: str = "") -> bytes:
    """Write posts as Atom; what has `deleted` is a tombstone (RFC 6721)."""
    entries = []
    for post in posts:
        native_id = escape(post["id"])
        if "deleted" in post:
            entries.append(f'<at:deleted-entry ref="{native_id}" when="{post["deleted"]}"/>')
            continue
        parts = [f"<id>{native_id}</id>"]
        parts += [
            f'<{tag} type="html">{escape(post[key])}</{tag}>'
            for tag, key in (("title", "title"), ("content", "text"))
            if key in post
        ]
        parts += [f"<{tag}>{post[tag]}</{tag}>" for tag in ("published", "updated") if tag in post]
        entries.append(f"<entry>{''.join(parts)}</entry>")
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom" '
        'xmlns:at="http://purl.org/atompub/tombstones/1.0">'
        f"{more}{''.join(entries)}</feed>"
    ).encode()


def json_feed(posts: list[Post], more: str = "") -> bytes:
    """Write posts as JSON Feed 1.1; `more` is the address of the next page."""
    keys = {
        "id": "id",
        "title": "title",
        "text": "content_html",
        "published": "date_published",
        "updated": "date_modified",
    }
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [{to: post[key] for key, to in keys.items() if key in post} for post in posts],
    }
    if more:
        feed["next_url"] = more
    return json.dumps(feed).encode()


WRITERS: Final[dict[str, Callable[[list[Post], str], bytes]]] = {
    "rss": rss,
    "atom": atom,
    "json": json_feed,
}


class FeedSite:
    """Serves one feed at `/feed`, conditionally, and again at `/mirror`.

    Attributes:
        settings: for `[crawl.rss]`.
        url: of the feed.
        posts: what it lists, the newest first.
        asked: how many requests for the feed came.
        busy: how many of the next requests are answered with 429, and a second's wait.
        unavailable: how many with 503.
        cut: how many are cut off in the middle of the body.
        malformed: how many give a log-in page.
        doubled: each post is listed twice.
        shuffled: posts are listed in any order.
    """

    def __init__(self, form: str = "rss") -> None:
        self._write = WRITERS[form]
        self._runner: web.AppRunner | None = None
        self._random = Random(7)
        self._changed = asyncio.Event()
        self.settings: dict[str, Any] = {}
        self.url = ""
        self.posts: list[Post] = []
        self.asked = 0
        self.busy = self.unavailable = self.cut = self.malformed = 0
        self.doubled = self.shuffled = False

    async def start(self) -> None:
        """Listen on a free loopback port."""
        app = web.Application()
        self.add_routes(app)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.opened(f"http://127.0.0.1:{self._runner.addresses[0][1]}")

    def add_routes(self, app: web.Application) -> None:
        """Say what is where."""
        app.router.add_get("/feed", self.answer)
        app.router.add_get("/mirror", self.answer)

    def opened(self, base_url: str) -> None:
        """Learn the address."""
        self.url = f"{base_url}/feed"
        feed = {
            "channel": CHANNEL,
            "url": self.url,
            "mirrors": [f"{base_url}/mirror"],
            "interval_ms": INTERVAL_MS,
            "longest_interval_ms": INTERVAL_MS,
        }
        self.settings = {"feeds": [feed], "allow_private": True}

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def serve(self, *posts: Post) -> None:
        """List posts, the last one newest; one with a known id takes its place."""
        for post in posts:
            places = [at for at, old in enumerate(self.posts) if old["id"] == post["id"]]
            if places:
                self.posts[places[0]] = post
            else:
                self.posts.insert(0, post)

    async def until_asked(self, times: int) -> None:
        """Wait until so many requests for the feed were answered."""
        async with asyncio.timeout(10):
            while self.asked < times:
                self._changed.clear()
                await self._changed.wait()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request for the feed."""
        self.asked += 1
        self._changed.set()
        if self.busy:
            self.busy -= 1
            return web.Response(status=429, headers={"Retry-After": "1"})
        if self.unavailable:
            self.unavailable -= 1
            return web.Response(status=503)
        if self.malformed:
            self.malformed -= 1
            return web.Response(text="<html>Log in</html>", content_type="text/html")
        body = self.document()
        if self.cut:
            self.cut -= 1
            response = web.StreamResponse(headers={"Content-Length": str(len(body))})
            await response.prepare(request)
            await response.write(body[: len(body) // 2])
            if request.transport is not None:
                request.transport.abort()
            return response
        response = web.Response(body=body)
        response.etag = f"{hash(body):x}"
        if request.if_none_match and response.etag in request.if_none_match:
            return web.Response(status=304)
        return response

    def document(self) -> bytes:
        """Write the feed as it is now."""
        posts = self.posts * 2 if self.doubled else list(self.posts)
        if self.shuffled:
            self._random.shuffle(posts)
        return self._write(posts, "")
