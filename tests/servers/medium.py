"""Medium as a crawler meets it: feeds of publications, users and tags, and archive pages."""

import re
from collections import defaultdict
from datetime import UTC, datetime
from html import escape
from typing import Final

from aiohttp import web

from tests.servers.feeds import INTERVAL_MS, FeedSite, Post, rss

PUBLICATION: Final = "channel"
_POST_ID: Final = re.compile("[0-9a-f]{12}")
_FEW: Final = 3


class MediumSite(FeedSite):
    """Serves one publication: its feed at `/feed/channel`, its past at `/channel/archive/...`.

    Ids are those of Medium, 12 hexadecimal digits; other ones stand as they are. The archive's
    years link their months, and these their days, but for a year with fewer than three posts,
    which is one page, and to which its months and days lead.

    Attributes:
        settings: for `[crawl.medium]`.
        archive_asked: the archive's addresses that were asked for, in order.
        robots: what `/robots.txt` says.
        locked: archives answer with a log-in page.
    """

    def __init__(self) -> None:
        super().__init__()
        self.archive_asked: list[str] = []
        self.robots: str | None = None
        self.locked = False

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/feed/{name:.+}", self.answer)
        app.router.add_get("/channel/archive/{period:.+}", self._archive)
        app.router.add_get("/tag/coins/archive/{period:.+}", self._archive)
        app.router.add_get("/robots.txt", self._robots)

    def opened(self, base_url: str) -> None:
        self.url = f"{base_url}/feed/{PUBLICATION}"
        self.settings = {
            "publications": [PUBLICATION],
            "base_url": base_url,
            "interval_ms": INTERVAL_MS,
            "longest_interval_ms": INTERVAL_MS,
            "allow_private": True,
        }

    def document(self) -> bytes:
        """Write the feed as Medium does: an address for a guid, a query that tracks."""
        return rss([_listed(post) for post in (self.posts * 2 if self.doubled else self.posts)])

    async def _robots(self, request: web.Request) -> web.Response:
        if self.robots is None:
            return web.Response(status=404)
        return web.Response(text=self.robots)

    async def _archive(self, request: web.Request) -> web.Response:
        period = request.match_info["period"]
        self.archive_asked.append(period)
        if self.locked:
            return web.Response(text="<html>Sign in</html>", content_type="text/html")
        by_day: dict[str, list[Post]] = defaultdict(list)
        for post in self.posts:
            at = datetime.fromisoformat(post["published"]).astimezone(UTC)
            by_day[at.strftime("%Y/%m/%d")].append(post)
        held = {day: posts for day, posts in by_day.items() if day.startswith(period)}
        if not held:
            return web.Response(status=404)
        year = period[:4]
        if sum(len(posts) for day, posts in by_day.items() if day.startswith(year)) < _FEW:
            if period != year:
                raise web.HTTPFound(request.path.removesuffix(period) + year)
            finer = set[str]()
        else:
            depth = period.count("/") + 2
            finer = {"/".join(day.split("/")[:depth]) for day in held} - {period}
        home = request.path.removesuffix(period)
        links = "".join(f'<div class="timebucket"><a href="{home}{one}">{one}</a></div>'
                        for one in sorted(finer))  # fmt: skip
        posts = [post for day in sorted(held) for post in held[day]]
        shown = posts[:1] if finer else posts  # a year or month shows a selection
        boxes = "".join(_box(post) for post in shown)
        page = f"<html><body>{links}<div class='js-postStream'>{boxes}</div></body></html>"
        return web.Response(text=page, content_type="text/html")


def _listed(post: Post) -> Post:
    if not _POST_ID.fullmatch(post["id"]):
        return post
    return {
        **post,
        "id": f"https://medium.com/p/{post['id']}",
        "link": f"https://medium.com/channel/a-title-{post['id']}?source=rss----1---4",
    }


def _box(post: Post) -> str:
    """Draw one post of an archive page."""
    link = f"https://medium.com/channel/a-title-{post['id']}?source=collection_archive---------0"
    return (
        '<div class="streamItem streamItem--postPreview js-streamItem">'
        f'<div class="postArticle js-postArticle" data-post-id="{post["id"]}">'
        '<div class="postMetaInline"><a data-action="show-user-card" href="https://medium.com/@jo">'
        f'Jo</a> <a href="{link}"><time datetime="{post["published"]}">then</time></a></div>'
        f'<a href="{link}"><h3 class="graf graf--h3 graf--title">{escape(post["title"])}</h3>'
        f'<h4 class="graf graf--subtitle">{escape(post.get("text", ""))}</h4></a></div></div>'
    )
