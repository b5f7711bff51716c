"""Kills a backfill with SIGKILL again and again: its file is that of an unbroken run.

    python -m tests.chaos.backfill_killed --items 100000 --kills 5

A local server holds the items in pages of a JSON Feed, newest first, some pages overlapping and
some answers refused for a moment. One run is left alone, the other is killed at even distances.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from aiohttp import web

PAGE: Final = 250
BEGIN: Final = datetime(2024, 1, 1, tzinfo=UTC)
STEP: Final = timedelta(seconds=30)
LIMIT_S: Final = 900.0


class Archive:
    """A feed of many pages, written once and served again and again.

    Attributes:
        asked: how many pages were answered.
        refused: how many requests were answered 503.
    """

    def __init__(self, items: int) -> None:
        self._items = items
        self._random = random.Random(3)
        self._turned_away: set[int] = set()
        self.asked = 0
        self.refused = 0
        self.url = ""
        self._answered = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/feed.json", self._page)]

    async def until_asked(self, count: int) -> None:
        """Wait until so many pages were answered in all."""
        async with asyncio.timeout(LIMIT_S):
            while self.asked < count:
                self._answered.clear()
                await self._answered.wait()

    async def _page(self, request: web.Request) -> web.Response:
        number = int(request.query.get("page", "0"))
        if self._random.random() < 0.02 and number not in self._turned_away:
            self._turned_away.add(number)
            self.refused += 1
            return web.Response(status=503, headers={"Retry-After": "0"})
        begin = number * PAGE
        end = min(begin + PAGE, self._items)
        overlap = 3 if number % 5 == 4 else 0  # a post came in between, say
        feed: dict[str, Any] = {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "archive",
            "items": [self._item(n) for n in range(max(0, begin - overlap), end)],
        }
        if end < self._items:
            feed["next_url"] = f"{self.url}?page={number + 1}"
        self.asked += 1
        self._answered.set()
        return web.json_response(feed)

    def _item(self, back: int) -> dict[str, str]:
        number = self._items - 1 - back
        at = BEGIN + STEP * (number // 2)  # two posts share a moment
        return {
            "id": f"post-{number}",
            "title": f"Post {number} says <b>what</b> it says &amp; no more",
            "content_text": "words " * (number % 40),
            "date_published": at.isoformat(),
            "url": f"https://example.org/posts/{number}?utm_source=feed",
        }


class Backfill:
    """One `tidings backfill` as a child process."""

    def __init__(self, folder: Path, config: Path, output: str, items: int) -> None:
        until = BEGIN + STEP * items
        self.target = folder / output
        self._arguments = [
            *("-m", "console", "backfill", "rss", "--config", str(config)),
            *("--since", BEGIN.isoformat(), "--until", until.isoformat()),
            *("--output", str(self.target)),
        ]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(sys.executable, *self._arguments)

    async def kill(self) -> int | None:
        """End it as `kill -9` does; gives its exit code if it had ended before."""
        if self._process is None:
            raise RuntimeError("not started")
        before = self._process.returncode
        if before is None:
            self._process.kill()
            await self._process.wait()
        return before

    async def finish(self) -> None:
        """Wait for its end."""
        if self._process is None:
            raise RuntimeError("not started")
        async with asyncio.timeout(LIMIT_S):
            code = await self._process.wait()
        if code != 0:
            raise RuntimeError(f"backfill ended with {code}")


async def check(items: int, kills: int, suffix: str = "jsonl") -> dict[str, Any]:
    """Run both backfills and compare their files."""
    archive = Archive(items)
    app = web.Application()
    app.add_routes(archive.routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    archive.url = f"http://127.0.0.1:{port}/feed.json"
    pages = -(-items // PAGE)
    try:
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            config = folder / "tidings.toml"
            config.write_text(
                f"[runtime]\ndata_dir = '{folder}/data'\n[crawl.rss]\nallow_private = true\n"
                f"[[crawl.rss.feeds]]\nchannel = 'archive'\nurl = '{archive.url}'\n"
            )
            began = time.monotonic()
            unbroken = Backfill(folder, config, f"unbroken.{suffix}", items)
            await unbroken.start()
            await unbroken.finish()
            unbroken_s = time.monotonic() - began
            killed = Backfill(folder, config, f"killed.{suffix}", items)
            ended_before = 0
            for kill in range(kills):
                await killed.start()
                await archive.until_asked(pages + (kill + 1) * pages // (kills + 1))
                ended_before += await killed.kill() is not None
            await killed.start()
            await killed.finish()
            files = [unbroken.target.read_bytes(), killed.target.read_bytes()]
            left = sorted(p.name for p in folder.glob("*.partial*"))  # noqa: ASYNC240 - done by now
    finally:
        await runner.cleanup()
    result: dict[str, Any] = {
        "items": items,
        "kills": kills,
        "ended_before_a_kill": ended_before,
        "pages_asked": archive.asked,
        "refused_for_a_moment": archive.refused,
        "same_file": files[0] == files[1],
        "sha256": sha256(files[0]).hexdigest(),
        "left_behind": left,
        "unbroken_s": round(unbroken_s, 1),
    }
    if suffix == "jsonl":
        events = [json.loads(line) for line in files[1].splitlines()]
        times = [event["published_ns"] for event in events]
        doubled = Counter(event["id"] for event in events)
        result |= {
            "events": len(events),
            "doubled": sum(count - 1 for count in doubled.values()),
            "oldest_first": times == sorted(times),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=5)
    arguments = parser.parse_args()
    os.environ.setdefault("TIDINGS_RUNTIME__LOG_LEVEL", "WARNING")
    result = asyncio.run(check(arguments.items, arguments.kills))
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    good = result["same_file"] and result["events"] == arguments.items and not result["doubled"]
    if not good or result["left_behind"] or result["ended_before_a_kill"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
