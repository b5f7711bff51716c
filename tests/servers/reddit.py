"""A server that speaks Reddit's API: tokens, listings, threads, quotas, and refusals when told to.

What it answers follows reddit.com/dev/api and the recorded answers; `RedditServer.settings` is
what `[crawl.reddit]` needs to read from it.
"""

import asyncio
import json
from base64 import b64decode
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from types import MappingProxyType
from typing import Any, NamedTuple

from aiohttp import web

from tests.integration.news_servers import serving

Thing = dict[str, Any]

CLIENT_ID, CLIENT_SECRET = "app-id", "app-secret"
NOT_FOUND = {"message": "Not Found", "error": 404}
_DEPTH = 10  # deeper answers are behind "continue this thread"


class Fault(NamedTuple):
    """One answer other than the right one; status 0 cuts the connection in its middle."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})


def submission(native_id: str, title: str | None, **fields: Any) -> Thing:  # noqa: ANN401
    """Make a text submission; fields as Reddit names them."""
    plain = native_id.removeprefix("t3_")
    subreddit = fields.get("subreddit", "Bitcoin")
    data = {
        "id": plain,
        "name": native_id,
        "subreddit": subreddit,
        "title": title,
        "author": "satoshi",
        "selftext": "",
        "is_self": True,
        "url": f"https://www.reddit.com/r/{subreddit}/comments/{plain}/slug/",
        "permalink": f"/r/{subreddit}/comments/{plain}/slug/",
        "created_utc": 1_790_000_000.0,
        "edited": False,
        "stickied": False,
        "removed_by_category": None,
    }
    return {"kind": "t3", "data": {**data, **fields}}


def comment(native_id: str, body: str, thread: str, **fields: Any) -> Thing:  # noqa: ANN401
    """Make a comment; without `parent_id` it answers the submission itself."""
    plain = native_id.removeprefix("t1_")
    subreddit = fields.get("subreddit", "Bitcoin")
    data = {
        "id": plain,
        "name": native_id,
        "subreddit": subreddit,
        "body": body,
        "author": "hal",
        "link_id": thread,
        "link_title": "title of the thread",
        "link_author": "satoshi",
        "parent_id": thread,
        "permalink": f"/r/{subreddit}/comments/{thread[3:]}/slug/{plain}/",
        "created_utc": 1_790_000_000.0,
        "edited": False,
        "stickied": False,
        "replies": "",
    }
    return {"kind": "t1", "data": {**data, **fields}}


class RedditServer:
    """Serves what it is given, the newest first.

    Attributes:
        settings: for `[crawl.reddit]`; `channels` may be replaced.
        things: all posts, the newest last.
        subreddits: name in small letters to how it may be read; others are public.
        bound: how many posts a listing has, those removed since included.
        quota: requests left in the window, and its rest in seconds; None sends no such headers.
        faults: answers to the next requests that are not for tokens.
        token_faults: answers to the next requests for tokens.
        recorded: bodies to answer a path with, whatever is asked.
        requests: how often each path was asked for.
        queries: what was asked with, in order.
        tokens: how many were given.
    """

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.things: list[Thing] = []
        self.subreddits: dict[str, str] = {}
        self.bound = 1_000
        self.quota: tuple[float, float] | None = (100_000, 600)
        self.faults: deque[Fault] = deque()
        self.token_faults: deque[Fault] = deque()
        self.recorded: dict[str, deque[bytes]] = {}
        self.requests: Counter[str] = Counter()
        self.queries: list[tuple[str, dict[str, str]]] = []
        self.agents: set[str] = set()
        self.tokens = 0
        self._token = ""
        self._used = 0
        self._changed = asyncio.Event()
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Listen on a free loopback port."""
        app = web.Application()
        app.router.add_post("/api/v1/access_token", self._give_token)
        app.router.add_route("*", "/{path:.*}", self._handle)
        port = await self._stack.enter_async_context(serving(app))
        url = f"http://127.0.0.1:{port}"
        self.settings = {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "username": "tidings_test",
            "reddit_url": url,
            "oauth_url": url,
            "short_url": url,
            "allow_private": True,
            "interval_ms": 20,
            "refused_interval_ms": 100,
            "recheck_interval_ms": 40,
            "channels": [{"channel": "channel", "subreddit": "Bitcoin"}],
        }

    async def stop(self) -> None:
        """Close every connection."""
        await self._stack.aclose()

    async def serve(self, posts: Iterable[Thing]) -> None:
        """Serve posts, the last one newest; those served before stay."""
        self.things += posts

    def edit(self, name: str, at_s: float, **fields: Any) -> None:  # noqa: ANN401
        """Change a post, as its author does."""
        self._find(name)["data"].update(fields, edited=at_s)

    def remove(self, name: str, by: str = "moderator") -> None:
        """Take a post out of the listings; it leaves its mark where it is asked for by name."""
        data = self._find(name)["data"]
        mark = "[deleted]" if by == "deleted" else "[removed]"
        if name.startswith("t1_"):
            data.update(author="[deleted]", body=mark, gone=True)
        else:
            data.update(selftext=mark, removed_by_category=by, gone=True)

    def forget_token(self) -> None:
        """Make the token that the client has worthless."""
        self._token = ""

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the server has seen something."""
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_polled(self, times: int = 2) -> None:
        """Wait until so many more polls were answered, so that one began after this call."""
        before = sum(self.requests.values())
        await self.until(lambda: sum(self.requests.values()) >= before + times)

    def _find(self, name: str) -> Thing:
        return next(thing for thing in self.things if thing["data"].get("name") == name)

    async def _give_token(self, request: web.Request) -> web.StreamResponse:
        if self.token_faults:
            return await self._fail(request, self.token_faults.popleft())
        basic = request.headers.get("Authorization", "").removeprefix("Basic ")
        form = await request.post()
        if b64decode(basic) != f"{CLIENT_ID}:{CLIENT_SECRET}".encode():
            return web.json_response({"message": "Unauthorized", "error": 401}, status=401)
        if form.get("grant_type") != "client_credentials":
            return web.json_response({"error": "unsupported_grant_type"})
        self.tokens += 1
        self._token = f"token-{self.tokens}"
        return web.json_response(
            {"access_token": self._token, "token_type": "bearer", "expires_in": 3600, "scope": "*"}
        )

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path.strip("/")
        self.requests[path] += 1
        self.queries.append((path, dict(request.query)))
        self.agents.add(request.headers.get("User-Agent", ""))
        self._changed.set()
        if self.faults:
            return await self._fail(request, self.faults.popleft())
        if request.headers.get("Authorization") != f"bearer {self._token}" or not self._token:
            challenge = {"www-authenticate": 'Bearer realm="reddit", error="invalid_token"'}
            return web.json_response({"error": 401}, status=401, headers=challenge)
        headers = {}
        if self.quota is not None:
            remaining, reset_s = self.quota
            self._used += 1
            left = max(0.0, remaining - self._used)
            headers = {
                "X-Ratelimit-Remaining": f"{left:.1f}",
                "X-Ratelimit-Used": str(self._used),
                "X-Ratelimit-Reset": f"{reset_s:.0f}",
            }
        if self.recorded.get(path):
            body = self.recorded[path].popleft()
            return web.Response(body=body, content_type="application/json", headers=headers)
        status, answer = await self._answer(request, path)
        return web.json_response(answer, status=status, headers=headers)

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.status:
            return web.Response(status=fault.status, body=fault.body, headers=fault.headers)
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"kind": "Lis')
        if request.transport is not None:
            request.transport.abort()
        return response

    async def _answer(self, request: web.Request, path: str) -> tuple[int, Any]:
        match path.split("/"):
            case ["r", names, ("new" | "comments") as kind]:
                return self._listing(names.lower().split("+"), kind, dict(request.query))
            case ["api", "info"] if "sr_name" in request.query:
                return 200, self._roll(request.query["sr_name"].split(","))
            case ["api", "info"]:
                asked = request.query["id"].split(",")
                if len(asked) > 100:
                    return 400, {"message": "Bad Request", "error": 400}
                found = [t for n in asked for t in self.things if t["data"]["name"] == n]
                return 200, _listed(self._counted(thing) for thing in found)
            case ["comments", thread]:
                return self._thread(thread, dict(request.query))
            case ["api", "morechildren"]:
                form = await request.post()
                return self._more(str(form["link_id"]), str(form["children"]).split(","))
        return 404, NOT_FOUND

    def _listing(self, names: list[str], kind: str, query: dict[str, str]) -> tuple[int, Any]:
        """Answer one page; a shared listing leaves out what may not be read without a word."""
        if len(names) == 1 and (word := self.subreddits.get(names[0])) is not None:
            status = 404 if word == "banned" else 403
            return status, {"reason": word, "message": "Forbidden", "error": status}
        readable = {name for name in names if name not in self.subreddits}
        prefix = "t3" if kind == "new" else "t1"
        listed = [
            thing
            for thing in reversed(self.things)
            if thing["kind"] == prefix
            and ("all" in names or thing["data"]["subreddit"].lower() in readable)
        ][: self.bound]
        if after := query.get("after"):
            place = [thing["data"]["name"] for thing in listed].index(after) + 1
            listed = listed[place:]
        shown = [thing for thing in listed if not thing["data"].get("gone")]
        limit = int(query.get("limit", 25))
        page = shown[:limit]
        return 200, _listed(page, page[-1]["data"]["name"] if len(shown) > limit else None)

    def _roll(self, names: list[str]) -> Thing:
        told = {name: self.subreddits.get(name.lower(), "public") for name in names}
        return _listed(
            {
                "kind": "t5",
                "data": {
                    "display_name": name,
                    "subreddit_type": "public" if word == "quarantined" else word,
                    "quarantine": word == "quarantined",
                },
            }
            for name, word in told.items()
            if word != "banned"
        )

    def _thread(self, thread: str, query: dict[str, str]) -> tuple[int, Any]:
        own = [thing for thing in self.things if thing["data"].get("name") == f"t3_{thread}"]
        if not own:
            return 404, NOT_FOUND
        below = [t for t in self.things if t["data"].get("link_id") == f"t3_{thread}"]
        if query.get("sort") == "new":
            below.reverse()
        focus = f"t1_{query['comment']}" if "comment" in query else None
        room = [int(query.get("limit", 200))]
        if focus is not None:
            top = [t for t in below if t["data"]["name"] == focus]
            tree = [_with_replies(top[0], _tree(below, focus, room, 1))]
        else:
            tree = _tree(below, f"t3_{thread}", room, 0)
        return 200, [_listed([self._counted(own[0])]), _listed(tree)]

    def _counted(self, thing: Thing) -> Thing:
        """Tell how many comments a submission has."""
        name = thing["data"]["name"]
        count = sum(1 for other in self.things if other["data"].get("link_id") == name)
        more = {"num_comments": count} if thing["kind"] == "t3" else {}
        return {"kind": thing["kind"], "data": {**thing["data"], **more}}

    def _more(self, thread: str, children: list[str]) -> tuple[int, Any]:
        below = [t for t in self.things if t["data"].get("link_id") == thread]
        things: list[Thing] = []
        for plain in children:
            for thing in below:
                if thing["data"]["name"] != f"t1_{plain}":
                    continue
                things.append(thing)
                hidden = [t["data"]["id"] for t in below if t["data"]["parent_id"] == f"t1_{plain}"]
                if hidden:
                    things.append(_left_out(f"t1_{plain}", hidden))
        return 200, {"json": {"errors": [], "data": {"things": things}}}


def _tree(below: list[Thing], parent: str, room: list[int], depth: int) -> list[Thing]:
    """Give the answers to a post as far as there is room, and word of those left out."""
    answers = [thing for thing in below if thing["data"]["parent_id"] == parent]
    if answers and depth >= _DEPTH:
        return [_left_out(parent, [])]
    shown: list[Thing] = []
    while answers and room[0] > 0:
        room[0] -= 1
        thing = answers.pop(0)
        shown.append(_with_replies(thing, _tree(below, thing["data"]["name"], room, depth + 1)))
    if answers:
        shown.append(_left_out(parent, [thing["data"]["id"] for thing in answers]))
    return shown


def _with_replies(thing: Thing, replies: list[Thing]) -> Thing:
    return {"kind": "t1", "data": {**thing["data"], "replies": _listed(replies) if replies else ""}}


def _left_out(parent: str, children: list[str]) -> Thing:
    name = children[0] if children else "_"
    data = {"id": name, "name": f"t1_{name}", "parent_id": parent, "children": children}
    return {"kind": "more", "data": {**data, "count": len(children)}}


def _listed(things: Iterable[Thing], after: str | None = None) -> Thing:
    return {"kind": "Listing", "data": {"children": list(things), "after": after, "before": None}}


def body_of(things: Iterable[Thing]) -> bytes:
    """Give a listing's bytes."""
    return json.dumps(_listed(things)).encode()
