"""A server of many feeds, each publishing now and then; answers conditional requests with 304."""

import asyncio
import contextlib
import signal
import sys
import time
from datetime import UTC, datetime
from typing import Final

import msgspec
import uvloop
from aiohttp import web

LISTED: Final = 20  # entries in a document
PUBLISHED_EVERY_S: Final = 300
_EARLIER: Final = 1_000_000  # numbers of entries count up from here, so that none is below 0


class Ready(msgspec.Struct):
    """Where the feeds are: the address of one is this and its number."""

    url: str


class Publisher:
    """Feeds whose entries are published evenly spread over time.

    Args:
        feeds: how many there are.
    """

    def __init__(self, feeds: int) -> None:
        self._feeds = feeds
        self._begun_s = time.time()

    def newest(self, feed: int, at_s: float) -> int:
        """Give the number of a feed's newest entry."""
        offset_s = PUBLISHED_EVERY_S * feed / self._feeds
        return _EARLIER + int((at_s - self._begun_s + offset_s) // PUBLISHED_EVERY_S)

    def published(self, feed: int, entry: int) -> str:
        """Give when an entry was published."""
        offset_s = PUBLISHED_EVERY_S * feed / self._feeds
        at_s = self._begun_s + (entry - _EARLIER) * PUBLISHED_EVERY_S - offset_s
        return datetime.fromtimestamp(at_s, UTC).isoformat()

    async def answer(self, request: web.Request) -> web.Response:
        """Serve a feed."""
        feed = int(request.match_info["feed"])
        newest = self.newest(feed, time.time())
        etag = f'"{newest}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304)
        entries = "".join(
            f"<entry><id>tag:example.com,{feed}:{number}</id>"
            f"<title>Exchange {feed} lists coin number {number}</title>"
            f"<published>{self.published(feed, number)}</published>"
            '<content type="html">&lt;p&gt;Trading opens once deposits are confirmed; the pair is '
            "&lt;b&gt;quoted&lt;/b&gt; in dollars.&lt;/p&gt;</content></entry>"
            for number in range(newest, newest - LISTED, -1)
        )
        body = f'<feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'
        return web.Response(
            body=body.encode(), headers={"ETag": etag, "Content-Type": "application/atom+xml"}
        )


async def main(feeds: int) -> None:
    """Serve until SIGTERM."""
    app = web.Application()
    app.router.add_get("/feeds/{feed}", Publisher(feeds).answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/feeds/"
    sys.stdout.write(msgspec.json.encode(Ready(url)).decode() + "\n")
    sys.stdout.flush()
    with contextlib.suppress(asyncio.CancelledError):
        await over.wait()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[-1])))
