"""The news servers' state: outlets, the posts they are to release, and recorded documents."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from console.demo.documents import Document
from console.demo.outlets import Counter, Feed, Page, Wire
from console.demo.posts import Form, Outlet, Post
from core.contracts.clock import Clock
from core.contracts.errors import Rejected


class Released(msgspec.Struct, frozen=True):
    """What a release changed.

    Attributes:
        step: which post.
        channel: of its outlet.
        form: how that outlet is read.
        version: of the feed's document, or the number of the wire's messages, with the post in it.
    """

    step: int
    channel: str
    form: Form
    version: int


class Station:
    """All that is on the air.

    Args:
        outlets: who publishes.
        posts: what there is to release, by step.
        documents: recorded ones, served from the start.
        clock: for publication times.
    """

    def __init__(
        self,
        outlets: Sequence[Outlet],
        posts: dict[int, Post],
        documents: Sequence[Document],
        clock: Clock,
    ) -> None:
        now_ns = clock.now_ns()
        self.wires: Final = {o.slug: Wire(o) for o in outlets if o.form is Form.WIRE}
        self.feeds: Final = {o.slug: Feed(o, now_ns) for o in outlets if o.form is not Form.WIRE}
        self.documents: Final = {document.channel: document for document in documents}
        self.pages: Final[dict[str, Page]] = {slug: f.page for slug, f in self.feeds.items()}
        for document in documents:
            page = self.pages[document.channel] = Page(document.content_type)
            page.publish(document.body, now_ns)
        self.total: Final = len(posts)
        self.released = 0
        self._posts = posts
        self._waiting = dict(sorted(posts.items()))
        self._clock = clock

    def release(self, step: int) -> Released:
        """Publish one post now.

        Raises:
            Rejected: there is no post at this step, or it has been released.
        """
        post = self._waiting.pop(step, None)
        if post is None:
            known = "was released before" if step in self._posts else "holds no post"
            raise Rejected(f"step {step} {known}")
        outlet = self.wires.get(post.outlet) or self.feeds[post.outlet]
        version = outlet.release(post, self._clock.now_ns())
        self.released += 1
        return Released(step, post.outlet, outlet.outlet.form, version)

    def release_next(self, count: int) -> None:
        """Publish the next posts in order, at most as many as are left."""
        for step in list(self._waiting)[:count]:
            self.release(step)

    def served(self) -> dict[str, Counter]:
        """Tell what was asked of each feed and document."""
        return {channel: page.asked for channel, page in self.pages.items()}


class Pace:
    """Releases a station's posts at a steady rate, without drifting behind."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._timer: asyncio.TimerHandle | None = None
        self._began_s = 0.0
        self._before = 0
        self._rate = 0.0

    def start(self, rate: float) -> None:
        """Release `rate` posts a second from now on; the first one at once."""
        self.stop()
        self._began_s = asyncio.get_running_loop().time()
        self._before = self._station.released
        self._rate = rate
        self._release_due()

    def stop(self) -> None:
        """Release no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _release_due(self) -> None:
        loop, station = asyncio.get_running_loop(), self._station
        due = self._before + int((loop.time() - self._began_s) * self._rate) + 1
        station.release_next(due - station.released)
        if station.released < station.total:
            next_s = self._began_s + (station.released - self._before) / self._rate
            self._timer = loop.call_at(next_s, self._release_due)
