"""A channel's past: its dumps first, then what Reddit's listings or the thread still give."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import msgspec

from core.contracts.errors import Rejected
from crawlers.history import Cost, Page
from crawlers.item import Item, Refusal
from crawlers.normalise import Limits
from crawlers.sources.reddit.dumps import Dump
from crawlers.sources.reddit.gateway import Gateway
from crawlers.sources.reddit.parse import Listing, read_listing, read_more, read_thread
from crawlers.sources.reddit.posts import Post
from crawlers.sources.reddit.quota import NS_PER_S
from crawlers.sources.reddit.reading import BOUND, MORE, PAGE, SURELY_WHOLE, TREE
from crawlers.sources.reddit.settings import AGGREGATES, ChannelSettings, Posts

_QUOTA: Final = "of the app's requests, 100 a minute over ten minutes"


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the next page begins, as JSON in the page's cursor.

    Attributes:
        dump: which dump is being read; all are read where it is their number.
        offset: where in it, in bytes of unpacked text.
        dumped_s: the newest post of the dumps so far.
        after: the listing goes on after this post.
        listed: how many posts it gave so far.
        oldest_s: the oldest of them.
        ended: the listing gives no more, and its end is not the range's start.
        more: ids of a thread's comments that are still to be asked for.
        deeper: ids of comments whose answers are.
        begun: the thread itself was read.
    """

    dump: int = 0
    offset: int = 0
    dumped_s: float = 0.0
    after: str | None = None
    listed: int = 0
    oldest_s: float | None = None
    ended: bool = False
    more: tuple[str, ...] = ()
    deeper: tuple[str, ...] = ()
    begun: bool = False


class ChannelHistory:
    """See `crawlers.history.History`.

    Args:
        settings: the channel.
        gateway: to Reddit; None reads dumps only.
        source: kind of source.
        limits: for `normalise`.
    """

    def __init__(
        self, settings: ChannelSettings, gateway: Gateway | None, *, source: str, limits: Limits
    ) -> None:
        self.source = source
        self.channel = settings.channel
        self.limits = limits
        self._settings = settings
        self._gateway = gateway
        subreddit = settings.subreddit.lower()
        everywhere = subreddit in AGGREGATES
        self._subreddit = None if everywhere else subreddit
        word = settings.thread or ("" if everywhere else f'"{subreddit}"')
        self._dumps = [Dump(path, word) for path in settings.dumps]

    def close(self) -> None:
        """Close the dumps."""
        for dump in self._dumps:
            dump.close()

    async def cost(self, since_ns: int, until_ns: int) -> Cost:  # noqa: ARG002 - any range's
        """Tell the most requests it could take; a thread's size is asked for.

        Raises:
            Retryable, Rejected: as `page`.
        """
        read = f"{len(self._dumps)} dumps from disk" if self._dumps else ""
        if self._gateway is None:
            return Cost(0, exact=True, quota=f"no requests, {read}")
        thread = self._settings.thread
        if thread is None:
            pages = BOUND // PAGE
            told = f"{_QUOTA}; Reddit lists the last 1,000 posts only, older ones are in dumps"
        else:
            found = await self._gateway.get("api/info", {"id": f"t3_{thread}"})
            pages = 1 + -(-max(0, _comments_of(found) - TREE) // MORE)
            told = _QUOTA
        return Cost(pages, exact=False, quota=f"{told}; {read}" if read else told)

    async def page(self, since_ns: int, until_ns: int, cursor: str | None) -> Page:  # noqa: ARG002
        """Read one page: of a dump in its own order, of a listing from the newest back.

        Raises:
            Retryable: no answer, or a limit; with how long to wait.
            Rejected: a dump is damaged, Reddit refuses, or its listing ends before the range's
                start is reached, which says how far it goes.
        """
        place = Place() if cursor is None else msgspec.json.decode(cursor, type=Place)
        if place.dump < len(self._dumps):
            return await self._dump_page(place)
        if self._gateway is None:
            return Page((), None)
        if self._settings.thread is not None:
            return await self._thread_page(self._gateway, self._settings.thread, place)
        return await self._listing_page(self._gateway, place, since_ns / NS_PER_S)

    async def _dump_page(self, place: Place) -> Page:
        """Read a piece of a dump, off the loop."""
        dump = self._dumps[place.dump]
        while not await asyncio.to_thread(dump.skip, place.offset):
            pass
        piece = await asyncio.to_thread(dump.piece)
        posts = [post for post in piece.posts if self._wants(post)]
        dumped_s = max([place.dumped_s, *(post.created_s or 0.0 for post in posts)])
        if piece.next is None:
            dump.close()
            following = Place(dump=place.dump + 1, dumped_s=dumped_s)
        else:
            following = Place(dump=place.dump, offset=piece.next, dumped_s=dumped_s)
        is_last = following.dump == len(self._dumps) and self._gateway is None
        reached_ns = None if piece.reached_s is None else piece.reached_s * NS_PER_S
        entries: list[Item | Refusal] = [*piece.refusals, *(post.entry for post in posts)]
        return Page(entries, None if is_last else _write(following), reached_ns)

    async def _listing_page(self, gateway: Gateway, place: Place, since_s: float) -> Page:
        """Read a page of the subreddit's listing."""
        if place.ended:
            raise Rejected(self._too_short(place))
        params: dict[str, str | int] = {"limit": PAGE}
        if place.after is not None:
            params["after"] = place.after
        listing = await gateway.ask(self._settings.listing, params, read_listing)
        in_order = [post.created_s for post in listing.posts if not post.stickied]
        times = [at_s for at_s in in_order if at_s is not None]
        oldest_s = min(
            [*times, *([] if place.oldest_s is None else [place.oldest_s])], default=None
        )
        listed = place.listed + len(listing.posts) + len(listing.refusals)
        following = msgspec.structs.replace(
            place, after=listing.after, listed=listed, oldest_s=oldest_s
        )
        if times and max(times) < since_s:
            return self._page(listing, None, oldest_s)
        if listing.after is not None and listed < BOUND:
            return self._page(listing, following, oldest_s)
        # A listing that ends early has no more, and one that meets the dumps needs no more.
        if listed < SURELY_WHOLE or oldest_s is None or oldest_s <= max(since_s, place.dumped_s):
            return self._page(listing, None, oldest_s)
        following = msgspec.structs.replace(following, ended=True)
        return self._page(listing, following, oldest_s)

    async def _thread_page(self, gateway: Gateway, thread: str, place: Place) -> Page:
        """Read a thread, or some of what its answers left out."""
        more, deeper = place.more, place.deeper
        if not place.begun:
            params: dict[str, str | int] = {"limit": TREE, "sort": "old"}
            listing = await gateway.ask(f"comments/{thread}", params, read_thread)
        elif more:
            asked, more = more[:MORE], more[MORE:]
            listing = await gateway.ask_more(thread, list(asked), read_more)
        else:
            parent, deeper = deeper[0], deeper[1:]
            params = {"limit": TREE, "comment": parent}
            listing = await gateway.ask(f"comments/{thread}", params, read_thread)
        following = msgspec.structs.replace(
            place, begun=True, more=(*more, *listing.more), deeper=(*deeper, *listing.deeper)
        )
        is_last = not following.more and not following.deeper
        return self._page(listing, None if is_last else following, None)

    def _page(self, listing: Listing, following: Place | None, reached_s: float | None) -> Page:
        entries = [*listing.refusals, *(post.entry for post in listing.posts if self._wants(post))]
        reached_ns = None if reached_s is None else round(reached_s * NS_PER_S)
        return Page(entries, None if following is None else _write(following), reached_ns)

    def _wants(self, post: Post) -> bool:
        settings = self._settings
        if settings.thread is not None:
            return post.thread == f"t3_{settings.thread}"
        if post.is_comment is not (settings.posts is Posts.COMMENTS):
            return False
        return self._subreddit is None or post.subreddit == self._subreddit

    def _too_short(self, place: Place) -> str:
        goes_to = datetime.fromtimestamp(place.oldest_s or 0.0, UTC)
        return (
            f"{self._settings.listing} goes back to {goes_to:%Y-%m-%dT%H:%M:%SZ} and no further "
            f"({place.listed} posts: Reddit lists the last 1,000, those removed since counted "
            "in): begin there with --since, or name a dump of the time before in the channel's "
            "dumps"
        )


def _comments_of(found: object) -> int:
    """Find how many comments a thread has; 0 where the answer does not tell."""
    try:
        children = msgspec.convert(found, _Threads).data.children
    except msgspec.ValidationError:
        return 0
    return max((child.data.num_comments for child in children), default=0)


class _Thread(msgspec.Struct):
    num_comments: int = 0


class _Child(msgspec.Struct):
    data: _Thread


class _Children(msgspec.Struct):
    children: list[_Child]


class _Threads(msgspec.Struct):
    data: _Children


def _write(place: Place) -> str:
    return msgspec.json.encode(place).decode()
