"""An exchange's news site: announcement list, blog feed and status page, and their faults.

No traffic of the real sites was recorded: the answers are built from the shapes that Statuspage's
API documentation and public readers of Binance's list show.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from typing import Any, Self

from aiohttp import web

BINANCE_PATH = "/bapi/composite/v1/public/cms/article/list/query"
PAGE_SIZES = (1, 2, 5, 10, 15, 20, 50)
LIST_HOLDS = 50
MONTHS_A_PAGE = 3


def stamp(at: datetime) -> str:
    """Write a time as Statuspage does."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class ExchangeNews:
    """One exchange's site. Times of what it serves are the caller's.

    Attributes:
        articles: of the announcement list, the newest first.
        posts: of the status page, the newest first; change them by `post`, `update`, `forget`.
        conditional: answers have an `ETag`, and a matching `If-None-Match` gets 304.
        fault: status of every answer while it is set, with `fault_headers`; 0 cuts connections.
        nonsense: how many answers to give that are no document at all.
        stale_lists: the lists of the status page stay as they were, as out of an old cache.
        feed_holds: entries on a page of the blog's feed.
        robots: what robots.txt says; None for none.
        asked: paths with their queries, in order.
    """

    def __init__(self) -> None:
        self.articles: list[dict[str, Any]] = []
        self.posts: list[dict[str, Any]] = []
        self.components: list[dict[str, Any]] = []
        self.conditional = True
        self.fault: int | None = None
        self.fault_headers: dict[str, str] = {}
        self.nonsense = 0
        self.stale_lists = False
        self.feed_holds = 10
        self.robots: str | None = None
        self.asked: list[str] = []
        self.statuses: list[int] = []
        self.url = ""
        self._kept: dict[str, bytes] = {}
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None

    # ------------------------------------------------------------------ its own life

    async def start(self) -> Self:
        """Listen on a free port of this machine."""
        app = web.Application()
        app.router.add_get("/robots.txt", self._robots)
        app.router.add_get("/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of `[crawl.announcements]` that follow everything here, quickly."""
        return {
            "lists": [self.binance(), self.feed()],
            "status_pages": [self.status_page()],
            "allow_private": True,
            "jitter": 0,
        }

    def binance(self, channel: str = "listings", **more: Any) -> dict[str, Any]:  # noqa: ANN401
        """Give the settings of the announcement list."""
        url = f"{self.url}{BINANCE_PATH}"
        one = {"channel": channel, "kind": "binance", "url": url, "catalog": 48, "interval_ms": 20}
        return one | more

    def feed(self, channel: str = "blog", **more: Any) -> dict[str, Any]:  # noqa: ANN401
        """Give the settings of the blog's feed."""
        one = {
            "channel": channel,
            "kind": "feed",
            "url": f"{self.url}/blog/feed",
            "page_param": "paged",
            "interval_ms": 20,
        }
        return one | more

    def status_page(self, channel: str = "status", **more: Any) -> dict[str, Any]:  # noqa: ANN401
        """Give the settings of the status page; the venue is the one that Tidings trades on."""
        one = {"channel": channel, "venue": "hitbtc", "url": self.url, "interval_ms": 20}
        return one | more

    async def until_asked(self, times: int) -> None:
        """Wait until so many requests were answered."""
        async with asyncio.timeout(10):
            while len(self.statuses) < times:
                self._changed.clear()
                await self._changed.wait()

    # ------------------------------------------------------------------ what it says

    def serve(
        self,
        code: str,
        title: str | None,
        published: datetime | None,
        *,
        catalog: int = 48,
    ) -> None:
        """Put an announcement at the top of its list, and of the blog."""
        release = None if published is None else int(published.timestamp() * 1000)
        article = {"code": code, "title": title, "type": 1, "releaseDate": release}
        self.articles.insert(0, {"id": len(self.articles) + 1, "catalog": catalog, **article})

    def post(
        self,
        code: str,
        name: str,
        *,
        status: str,
        impact: str = "major",
        at: datetime | None,
        body: str = "We are looking into it.",
        components: Mapping[str, str] | None = None,
        window: tuple[datetime | None, datetime | None] | None = None,
    ) -> None:
        """Begin an incident, or with a window a maintenance; components are names by id."""
        self.posts.insert(
            0,
            {
                "id": code,
                "name": name,
                "status": status,
                "impact": impact,
                "created_at": at and stamp(at),
                "updated_at": at and stamp(at),
                "started_at": at and stamp(at),
                "monitoring_at": None,
                "resolved_at": None,
                "shortlink": f"https://stspg.io/{code}",
                "page_id": "page",
                "incident_updates": [],
                "components": [
                    {"id": key, "name": value, "status": "major_outage", "group_id": None}
                    for key, value in (components or {}).items()
                ],
            },
        )
        if window is not None:
            begins, ends = window
            self.posts[0] |= {
                "scheduled_for": begins and stamp(begins),
                "scheduled_until": ends and stamp(ends),
            }
        self.update(code, status=status, at=at, body=body)

    def update(
        self,
        code: str,
        *,
        at: datetime | None,
        body: str,
        status: str,
        **fields: Any,  # noqa: ANN401
    ) -> None:
        """Add an update to an incident or maintenance, and change fields of it."""
        post, written = self._post(code), at and stamp(at)
        told = {"id": f"{code}-{len(post['incident_updates'])}", "incident_id": code}
        times = dict.fromkeys(("created_at", "updated_at", "display_at"), written)
        post["incident_updates"].insert(0, {**told, "status": status, "body": body, **times})
        post |= {"status": status, "updated_at": written, **fields}
        if status in ("resolved", "completed"):
            post["resolved_at"] = written

    def change(self, code: str, *, at: datetime, **fields: Any) -> None:  # noqa: ANN401
        """Change fields of an incident or maintenance without a word."""
        self._post(code).update({"updated_at": stamp(at), **fields})

    def forget(self, code: str) -> None:
        """Take an incident or maintenance away, as if it had never been."""
        self.posts.remove(self._post(code))

    def _post(self, code: str) -> dict[str, Any]:
        return next(post for post in self.posts if post["id"] == code)

    # ------------------------------------------------------------------ what it answers

    async def _robots(self, _request: web.Request) -> web.Response:
        if self.robots is None:
            return web.Response(status=404)
        return web.Response(text=self.robots)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(str(request.rel_url))
        if self.fault == 0:
            if request.transport is not None:
                request.transport.abort()
            self._count(0)
            return web.Response(status=500)
        if self.fault is not None:
            response = web.Response(status=self.fault, headers=self.fault_headers)
        elif self.nonsense:
            self.nonsense -= 1
            response = web.Response(text="<html>Service unavailable</html>")
        else:
            response = self._answer(request)
        self._count(response.status)
        return response

    def _count(self, status: int) -> None:
        self.statuses.append(status)
        self._changed.set()

    def _answer(self, request: web.Request) -> web.Response:
        body, kind = self._body(request.path, request.query)
        if body is None:
            return web.Response(status=404)
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if self.conditional and request.headers.get("If-None-Match") == tag:
            return web.Response(status=304)
        headers = {"ETag": tag} if self.conditional else {}
        return web.Response(body=body, content_type=kind, headers=headers)

    def _body(self, path: str, query: Mapping[str, str]) -> tuple[bytes | None, str]:
        number = int(query.get("pageNo") or query.get("paged") or query.get("page") or 1)
        if path == BINANCE_PATH:
            return _json(self._articles(int(query["catalogId"]), number, int(query["pageSize"])))
        if path == "/blog/feed":
            return self._feed(number), "application/rss+xml"
        if path == "/history.json":
            return _json(self._history(number))
        if path.startswith("/incidents/"):
            code = path.removeprefix("/incidents/").removesuffix(".json")
            found = [post for post in self.posts if post["id"] == code]
            return _json(found[0]) if found else (None, "")
        if not path.startswith("/api/v2/"):
            return None, ""
        name = path.rpartition("/")[2]
        body, kind = _json(self._status(name))
        if self.stale_lists and name != "summary.json":
            body = self._kept.get(name, body)
        self._kept[name] = body
        return body, kind

    def _articles(self, catalog: int, number: int, size: int) -> dict[str, Any]:
        size = size if size in PAGE_SIZES else 20
        held = [one for one in self.articles if one["catalog"] == catalog]
        shown = held[(number - 1) * size : number * size]
        articles = [{k: v for k, v in one.items() if k != "catalog"} for one in shown]
        catalogs = [{"catalogId": catalog, "total": len(held), "articles": articles}]
        return {
            "code": "000000",
            "message": None,
            "data": {"catalogs": catalogs},
            "success": True,
        }

    def _feed(self, number: int) -> bytes | None:
        shown = self.articles[(number - 1) * self.feed_holds : number * self.feed_holds]
        if not shown and number > 1:
            return None
        items = []
        for one in shown:
            title = f"<title>{escape(one['title'])}</title>" if one["title"] is not None else ""
            at = one["releaseDate"]
            date = ""
            if at is not None:
                when = datetime.fromtimestamp(at / 1000, UTC)
                date = f"<pubDate>{format_datetime(when)}</pubDate>"
            items.append(f"<item><guid>{one['code']}</guid>{title}{date}</item>")
        return f'<rss version="2.0"><channel>{"".join(items)}</channel></rss>'.encode()

    def _status(self, name: str) -> dict[str, Any]:
        over = ("resolved", "completed", "postmortem")
        planned = [post for post in self.posts if "scheduled_for" in post]
        incidents = [post for post in self.posts if "scheduled_for" not in post]
        if name == "incidents.json":
            return {"page": {"id": "page"}, "incidents": incidents[:LIST_HOLDS]}
        if name == "scheduled-maintenances.json":
            return {"page": {"id": "page"}, "scheduled_maintenances": planned[:LIST_HOLDS]}
        return {
            "page": {"id": "page", "name": "Exchange", "url": self.url},
            "status": {"indicator": "none", "description": "All Systems Operational"},
            "components": self.components,
            "incidents": [post for post in incidents if post["status"] not in over],
            "scheduled_maintenances": [post for post in planned if post["status"] not in over],
        }

    def _history(self, number: int) -> dict[str, Any]:
        newest = datetime.now(UTC).replace(day=15) - timedelta(days=91 * (number - 1))
        months = []
        for back in range(MONTHS_A_PAGE):
            month = newest - timedelta(days=30.4 * back)
            held = [
                {"code": post["id"], "name": post["name"], "impact": post["impact"]}
                for post in self.posts
                if post["created_at"].startswith(f"{month:%Y-%m}")
            ]
            months.append({"name": f"{month:%B}", "year": month.year, "incidents": held})
        return {"months": months}


def _json(document: object) -> tuple[bytes, str]:
    return json.dumps(document).encode(), "application/json"


@asynccontextmanager
async def exchange_news() -> AsyncIterator[ExchangeNews]:
    """Run a site while the block lasts."""
    server = await ExchangeNews().start()
    try:
        yield server
    finally:
        await server.stop()
