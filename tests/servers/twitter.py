"""X's API v2 on a loopback port: stream, rules, searches, timelines, limits, and faults."""

import asyncio
import contextlib
import json
import re
import ssl
import tempfile
import time
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

import trustme
from aiohttp import web

NAME: Final = "api.twitter.com"  # tweepy's fixed host
KEYS: Final = {"first": "token-first", "second": "token-second"}
CHANNEL: Final = "channel"
QUERY: Final = "coin"
DESK: Final = "desk"

_EPOCH_MS: Final = 1_288_834_974_657
_PAGE: Final = 100

Json = dict[str, Any]


class Post(NamedTuple):
    """A post as its author wrote it.

    Attributes:
        id: decimal; `snowflake` makes one.
        text: plain; the server escapes it as X does.
        author: handle.
        published: None leaves `created_at` out.
        extra: more fields of the post, as X writes them.
        included: posts that it refers to.
        reply_to: handle of whom it answers.
        matches: found by every term, whatever its text.
    """

    id: str
    text: str | None = "coin"
    author: str = "somebody"
    published: datetime | None = None
    extra: Json = {}  # noqa: RUF012 - never changed
    included: tuple["Post", ...] = ()
    reply_to: str | None = None
    matches: bool = False


def snowflake(at: datetime, number: int = 0) -> str:
    """Give the id of the nth post of a millisecond."""
    return str(((round(at.timestamp() * 1000) - _EPOCH_MS) << 22) + number)


def author_id(handle: str) -> str:
    """Give an account's id, always the same."""
    return str(int.from_bytes(handle.lower().encode(), "big") % 10**15)


def stamp(at: datetime) -> str:
    """Write a time as X does: cut to seconds, with `.000Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class XServer:
    """X's API behind a certificate for its name; start it, then put `settings` into the crawl.

    Attributes:
        settings: for `[crawl.twitter]`.
        requests: how many of each endpoint came, by `METHOD path`.
        tokens: which key asked, in order, by `METHOD path`.
        rules: the stream's rules of each key: id, value, tag.
        script: answers to the next requests of a path: each takes the request, or gives None.
        refusals: by key and path (or `*`), the status to answer with.
        resets_s: by key and path (or `*`), how long 429 lasts.
        recorded: answers of a path, as bytes, served before anything else.
        keep_alive_s: between two keep-alives; None sends none.
        malformed: the stream sends half a line before each post.
        doubled: the stream sends each post twice.
        shuffled: the stream sends each batch from the newest to the oldest.
        cut_after: the stream is cut after so many posts, in the middle of the next; 0 never.
        page_size: longest page.
    """

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.tokens: dict[str, list[str]] = defaultdict(list)
        self.queries: list[Mapping[str, str]] = []
        self.rules: dict[str, list[Json]] = defaultdict(list)
        self.script: dict[str, deque[Callable[[web.Request], Awaitable[web.Response | None]]]] = (
            defaultdict(deque)
        )
        self.refusals: dict[tuple[str, str], int] = {}
        self.resets_s: dict[tuple[str, str], int] = {}
        self.recorded: dict[str, bytes] = {}
        self.keep_alive_s: float | None = 0.05
        self.malformed = self.doubled = self.shuffled = False
        self.cut_after = 0
        self.page_size = _PAGE
        self.posts: list[Post] = []
        self.streams: list[tuple[str, web.StreamResponse, web.Request]] = []
        self.changed = asyncio.Event()
        self.port = 0
        self.settings: Json = {}
        self._number = 0
        self._since_cut = 0
        self._sending = asyncio.Lock()
        self._runner: web.AppRunner | None = None
        self._folder = tempfile.TemporaryDirectory()

    async def start(self) -> None:
        """Listen."""
        authority = trustme.CA()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(NAME).configure_cert(context)
        ca_file = Path(self._folder.name) / "ca.pem"
        authority.cert_pem.write_to_path(str(ca_file))
        app = web.Application(middlewares=[self._admit])
        router = app.router
        router.add_get("/2/tweets/search/stream", self._stream)
        router.add_get("/2/tweets/search/stream/rules", self._list_rules)
        router.add_post("/2/tweets/search/stream/rules", self._change_rules)
        router.add_get("/2/tweets/search/{archive:recent|all}", self._search)
        router.add_get("/2/tweets/counts/{archive:recent|all}", self._count)
        router.add_get("/2/users/by", self._users)
        router.add_get("/2/users/{id}/tweets", self._timeline)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.settings = {
            "keys": dict(KEYS),
            "terms": [{"channel": CHANNEL, "query": QUERY}],
            "connect_to": f"127.0.0.1:{self.port}",
            "ca_file": str(ca_file),
            "search_interval_ms": 20,
            "timeline_interval_ms": 20,
            "keep_alive_timeout_ms": 2_000,
        }

    async def stop(self) -> None:
        """End every connection."""
        await self.cut()
        if self._runner is not None:
            await self._runner.cleanup()
        self._folder.cleanup()

    async def serve(self, *posts: Post) -> None:
        """Publish posts: into the streams that are open, and for searches and timelines."""
        self.posts += posts
        async with self._sending:
            for post in reversed(posts) if self.shuffled else posts:
                await self._send(post)

    async def send_raw(self, line: bytes) -> None:
        """Send a line to every stream as it is."""
        for _, response, _ in list(self.streams):
            with contextlib.suppress(ConnectionError):
                await response.write(line)

    async def cut(self) -> None:
        """Drop every stream without a goodbye."""
        for _, _, request in self.streams:
            if request.transport is not None:
                request.transport.abort()
        await self.until(lambda: not self.streams)

    async def close_streams(self) -> None:
        """End every stream properly, as X does for maintenance."""
        for _, response, _ in list(self.streams):
            with contextlib.suppress(ConnectionError):
                await response.write_eof()
        self.streams.clear()
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the server has seen something."""
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def until_connected(self) -> None:
        """Wait for a stream."""
        await self.until(lambda: bool(self.streams))

    @web.middleware
    async def _admit(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Count, then refuse or answer from the script, else let the endpoint answer."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        label = next((name for name, value in KEYS.items() if value == token), "")
        path = re.sub(r"/users/\d+/", "/users/:id/", request.path)
        name = f"{request.method} {path}"
        self.requests[name] += 1
        self.tokens[name].append(label)
        self.queries.append(dict(request.query))
        try:
            for place in (path, "*"):
                if (label, place) in self.refusals:
                    return self._refuse(self.refusals[label, place], label, place)
            if not label:
                return self._refuse(401, label, path)
            if self.script[path]:
                scripted = await self.script[path].popleft()(request)
                if scripted is not None:
                    return scripted
            if path in self.recorded:
                return web.Response(body=self.recorded[path], content_type="application/json")
            return await handler(request)
        finally:
            self.changed.set()

    def _refuse(self, status: int, label: str, place: str) -> web.Response:
        headers = {}
        if status == 429:
            reset = int(time.time()) + self.resets_s.get((label, place), 1)
            headers = {
                "x-rate-limit-limit": "450",
                "x-rate-limit-remaining": "0",
                "x-rate-limit-reset": str(reset),
            }
        if status >= 500:
            return web.Response(status=status, text="<html>Over capacity</html>", headers=headers)
        problem = {"title": web.Response(status=status).reason, "detail": f"refused {status}"}
        return web.json_response(problem, status=status, headers=headers)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        if not self.rules[token]:
            return web.json_response({"title": "RuleConfigurationIssue"}, status=409)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        entry = (token, response, request)
        self.streams.append(entry)
        self.changed.set()
        try:
            while entry in self.streams and request.transport is not None:
                if self.keep_alive_s is not None:
                    await response.write(b"\r\n")
                await asyncio.sleep(self.keep_alive_s or 0.05)
        except ConnectionError:
            pass
        finally:
            if entry in self.streams:
                self.streams.remove(entry)
            self.changed.set()
        return response

    async def _send(self, post: Post) -> None:
        for token, response, request in list(self.streams):
            rules = [rule for rule in self.rules[token] if _matches(rule["value"], post)]
            if not rules:
                continue
            body = answer(post)
            body |= {
                "data": body["data"][0],
                "matching_rules": [{"id": rule["id"], "tag": rule["tag"]} for rule in rules],
            }
            line = json.dumps(body).encode() + b"\r\n"
            self._since_cut += 1
            with contextlib.suppress(ConnectionError):
                if self.cut_after and self._since_cut > self.cut_after:
                    self._since_cut = 0
                    await response.write(line[: len(line) // 2])
                    if request.transport is not None:
                        request.transport.abort()
                    self.streams.remove((token, response, request))
                    continue
                if self.malformed:
                    await response.write(line[: len(line) // 2] + b"\r\n")
                for _ in range(1 + self.doubled):
                    await response.write(line)

    async def _list_rules(self, request: web.Request) -> web.Response:
        rules = self.rules[request.headers["Authorization"].removeprefix("Bearer ")]
        body: Json = {"meta": {"sent": stamp(datetime.now(UTC)), "result_count": len(rules)}}
        return web.json_response({"data": rules, **body} if rules else body)

    async def _change_rules(self, request: web.Request) -> web.Response:
        rules = self.rules[request.headers["Authorization"].removeprefix("Bearer ")]
        asked = await request.json()
        if "delete" in asked:
            ids = asked["delete"]["ids"]
            rules[:] = [rule for rule in rules if rule["id"] not in ids]
            return web.json_response({"meta": {"summary": {"deleted": len(ids)}}})
        added: list[Json] = []
        errors: list[Json] = []
        for wanted in asked["add"]:
            value = wanted["value"]
            if any(rule["value"] == value for rule in rules):
                errors.append({"value": value, "title": "DuplicateRule", "id": "1"})
            elif "bad:" in value:
                errors.append(
                    {"value": value, "title": "Invalid Rule", "details": ["no such operator"]}
                )
            else:
                self._number += 1
                rule = {"id": str(1_000 + self._number), "value": value, "tag": wanted["tag"]}
                rules.append(rule)
                added.append(rule)
        body: Json = {"data": added} if added else {}
        if errors:
            body["errors"] = errors
        return web.json_response(body, status=201)

    async def _search(self, request: web.Request) -> web.Response:
        query = request.query["query"]
        return self._page(request, [one for one in self.posts if _matches(query, one)])

    async def _timeline(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        return self._page(request, [one for one in self.posts if author_id(one.author) == wanted])

    async def _count(self, request: web.Request) -> web.Response:
        found = [one for one in self.posts if _matches(request.query["query"], one)]
        total = len(_within(found, request.query))
        return web.json_response({"data": [], "meta": {"total_tweet_count": total}})

    async def _users(self, request: web.Request) -> web.Response:
        names = request.query["usernames"].split(",")
        known = [name for name in names if name != "nobody"]
        body: Json = {"data": [{"id": author_id(one), "username": one} for one in known]}
        if len(known) < len(names):
            body["errors"] = [{"value": "nobody", "title": "Not Found Error", "detail": "none"}]
        return web.json_response(body)

    def _page(self, request: web.Request, found: list[Post]) -> web.Response:
        """Answer with a page, newest first, and the token of the next."""
        query = request.query
        newest_first = sorted(_within(found, query), key=lambda one: int(one.id), reverse=True)
        size = min(int(query.get("max_results", "10")), self.page_size)
        start = int(query.get("next_token", query.get("pagination_token", "t0"))[1:])
        page = newest_first[start : start + size]
        if not page:
            return web.json_response({"meta": {"result_count": 0}})
        body = answer(*page)
        body["meta"] = {
            "result_count": len(page),
            "newest_id": page[0].id,
            "oldest_id": page[-1].id,
        }
        if start + size < len(newest_first):
            body["meta"]["next_token"] = f"t{start + size}"
        return web.json_response(body)


def answer(*posts: Post) -> Json:
    """Write a page of posts as X does, with the accounts and posts that they refer to."""
    included = [other for post in posts for other in post.included]
    handles = {one.author for one in (*posts, *included)}
    handles |= {one.reply_to for one in (*posts, *included) if one.reply_to}
    data = [_written(post) for post in posts]
    body: Json = {"data": data}
    includes: Json = {
        "users": [{"id": author_id(one), "name": one, "username": one} for one in sorted(handles)]
    }
    if included:
        includes["tweets"] = [_written(one) for one in included]
    return body | {"includes": includes}


def _written(post: Post) -> Json:
    written: Json = {
        "id": post.id,
        "text": "" if post.text is None else escape(post.text, quote=False),
        "author_id": author_id(post.author),
        "edit_history_tweet_ids": [post.id],
        "lang": "en",
    }
    if post.published is not None:
        zone = post.published.strftime("%z")
        plain = zone in ("", "+0000")
        written["created_at"] = stamp(post.published) if plain else post.published.isoformat()
    if post.reply_to is not None:
        written["in_reply_to_user_id"] = author_id(post.reply_to)
    return written | post.extra


def _within(posts: list[Post], query: Mapping[str, str]) -> list[Post]:
    """Keep what lies in the range that is asked for."""
    since, until = query.get("start_time"), query.get("end_time")
    after = int(query.get("since_id", "-1"))
    return [
        one
        for one in posts
        if int(one.id) > after
        and (since is None or one.published is None or stamp(one.published) >= since[:-1])
        and (until is None or one.published is None or stamp(one.published) < until[:-1])
    ]


def _matches(query: str, post: Post) -> bool:
    """Understand what the tests ask for: `from:`, `to:`, and words that must all be there."""
    if query.startswith("(") and query.endswith(")") and ") OR (" not in query:
        query = query[1:-1]
    for part in query.split(" OR "):
        bare = part.strip("()")
        if bare.startswith("from:"):
            found = post.author.lower() == bare[5:].lower()
        elif bare.startswith("to:"):
            found = (post.reply_to or "").lower() == bare[3:].lower()
        else:
            found = post.matches or all(word in (post.text or "") for word in bare.split())
        if found:
            return True
    return False
