"""Reads back from the newest post to what was read before, however many pages lie between."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from core.contracts.clock import Clock
from crawlers.item import Refusal
from crawlers.sources.reddit.gateway import Gateway
from crawlers.sources.reddit.member import Member
from crawlers.sources.reddit.parse import Listing, read_listing, read_more, read_thread
from crawlers.sources.reddit.posts import Post
from crawlers.sources.reddit.quota import NS_PER_S

PAGE: Final = 100  # reddit.com/dev/api: most posts a page
BOUND: Final = 1_000  # a listing's whole length, posts that were removed since counted in
SURELY_WHOLE: Final = 500  # a listing this short ended because there was no more
TREE: Final = 500  # most comments in one answer of a thread
MORE: Final = 100  # most comments of one request for more

_CLOCK_SKEW_S: Final = 60


class Received(NamedTuple):
    """A post and when its bytes came in."""

    post: Post
    at_ns: int


class Reading(NamedTuple):
    """What reading back brought.

    Attributes:
        posts: the oldest first, each once.
        refusals: entries that are no posts.
        newest_s: up to where the listing was read; None where it was empty.
        short: the members whose last read place was not reached, with where reading ended.
    """

    posts: tuple[Received, ...]
    refusals: tuple[Refusal, ...]
    newest_s: float | None
    short: dict[Member, float | None]


class Reader:
    """Reads what is new to channels that share a listing.

    Args:
        gateway: see `Gateway`.
        clock: for receive times.
    """

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock

    async def read(self, members: Sequence[Member], first_page: int) -> Reading:
        """Read the listing that the members share until each of them is reached.

        A member that the shared listing does not reach, since Reddit lists 1,000 posts and no
        more, is read alone; a thread in its own tree. A member without a cursor takes what the
        first page holds, a thread what its first answer holds.

        Args:
            members: of one listing each, or several subreddits' that Reddit puts into one.
            first_page: how many posts to ask for at first.

        Raises:
            Retryable, Rejected: as `Gateway.ask`.
        """
        page = _Pages()
        unread = await self._read_back(_shared_listing(members), members, first_page, page)
        short: dict[Member, float | None] = {}
        for member in members:
            if member.settings.thread is not None:
                needs_tree = member in unread or member.through_s is None
                if needs_tree and not await self._read_tree(member, page):
                    short[member] = unread.get(member)
            elif member in unread:
                alone = unread
                if len(members) > 1:
                    alone = await self._read_back(member.settings.listing, [member], PAGE, page)
                if member in alone:
                    short[member] = alone[member]
        return page.reading(short)

    async def recheck(self, names: Sequence[str]) -> Reading:
        """Read posts by their names, at most 100, as they are now; raises as `read`."""
        page = _Pages()
        params = {"id": ",".join(names)}
        page.add(await self._gateway.ask("api/info", params, read_listing), self._clock.now_ns())
        return page.reading({})

    async def _read_back(
        self, path: str, members: Sequence[Member], first_page: int, pages: "_Pages"
    ) -> dict[Member, float | None]:
        """Read a listing; give the members it does not reach, with its oldest post's time."""
        unread = {member for member in members if member.through_s is not None}
        is_first = any(member.through_s is None for member in members)
        params: dict[str, str | int] = {"limit": PAGE if is_first else first_page}
        listed, oldest_s = 0, None
        while True:
            listing = await self._gateway.ask(path, params, read_listing)
            pages.add(listing, self._clock.now_ns(), newest=not listed)
            listed += len(listing.posts) + len(listing.refusals)
            unread = {member for member in unread if not member.is_reached_by(listing.posts)}
            oldest_s = _oldest(listing.posts) or oldest_s
            if not unread:
                return {}
            if listing.after is None or listed >= BOUND:
                return {} if listed < SURELY_WHOLE else dict.fromkeys(unread, oldest_s)
            params = {"limit": PAGE, "after": listing.after}

    async def _read_tree(self, member: Member, pages: "_Pages") -> bool:
        """Read a thread, newest comments first; say whether nothing new can have been left out."""
        thread = member.settings.thread or ""
        params: dict[str, str | int] = {"limit": TREE, "sort": "new"}
        listing = await self._gateway.ask(f"comments/{thread}", params, read_thread)
        pages.add(listing, self._clock.now_ns())
        if member.through_s is None:
            return True
        more = [one for one in listing.more if member.may_be_new(one)][:BOUND]
        for at in range(0, len(more), MORE):
            found = await self._gateway.ask_more(thread, more[at : at + MORE], read_more)
            pages.add(found, self._clock.now_ns())
        return len(more) == len(listing.more) and not listing.deeper


class _Pages:
    """Puts pages together."""

    def __init__(self) -> None:
        self._posts: list[Received] = []
        self._refusals: list[Refusal] = []
        self._newest_s: float | None = None

    def add(self, listing: Listing, at_ns: int, *, newest: bool = False) -> None:
        """Take a page; `newest` says that no post of the listing is newer than its newest."""
        self._posts += [Received(post, at_ns) for post in listing.posts]
        self._refusals += listing.refusals
        if newest and self._newest_s is None:
            latest_s = at_ns / NS_PER_S + _CLOCK_SKEW_S  # nothing is read through the future
            times = [
                post.created_s
                for post in listing.posts
                if post.created_s is not None and post.created_s <= latest_s
            ]
            self._newest_s = max(times, default=None)

    def reading(self, short: dict[Member, float | None]) -> Reading:
        """Give all posts from the oldest to the newest; those of one time as they were listed."""
        oldest_first = self._posts[::-1]
        oldest_first.sort(
            key=lambda one: (
                one.at_ns / NS_PER_S if one.post.created_s is None else one.post.created_s
            ),
        )
        return Reading(tuple(oldest_first), tuple(self._refusals), self._newest_s, short)


def _shared_listing(members: Sequence[Member]) -> str:
    """Give the path of one listing of all the members' subreddits."""
    names = dict.fromkeys(member.settings.subreddit for member in members)
    kind = members[0].settings.listing.rpartition("/")[2]
    return f"r/{'+'.join(names)}/{kind}"


def _oldest(posts: Iterable[Post]) -> float | None:
    times = (post.created_s for post in posts if post.created_s is not None and not post.stickied)
    return min(times, default=None)
