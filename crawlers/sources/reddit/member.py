"""One channel as it is followed: what it wants, how far it was read, which posts it knows."""

from collections.abc import Iterable
from typing import Final

import msgspec

from crawlers.item import Refusal, RefusalReason
from crawlers.sources.reddit.posts import COMMENT, SUBMISSION, Post
from crawlers.sources.reddit.settings import AGGREGATES, ChannelSettings, Posts
from crawlers.watch import Watch

LATE_S: Final = 3_600.0
"""How much older than the newest a post may be when it shows up first, such as one that waited for
a moderator. An older one, a sticky for example, is not news."""

_KEPT: Final = 200  # posts in the cursor
_LEAST_KNOWN: Final = 1_000  # a listing's whole length
_CURSOR_STEP_S: Final = 60.0  # a silent channel's cursor moves no more often


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a channel was read, as JSON in the cursor.

    Attributes:
        of: the channel's name with Reddit; another one makes the rest void.
        through_s: everything created before was read (seconds since 1970).
        recent: the newest posts with their versions, the newest last. So the place is found again
            where the last post was removed, and edits are noticed after a restart.
    """

    of: str
    through_s: float | None = None
    recent: dict[str, tuple[int, float]] = {}


def read_cursor(cursor: str | None) -> Cursor | None:
    """Read a kept cursor; one that can't be read is as good as none."""
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(cursor, type=Cursor)
    except msgspec.DecodeError:
        return None


class Member:
    """One channel.

    Args:
        settings: its configuration.
        watch: where its items go, and how it is doing.
        known_posts: how many posts it has to remember for looking at them again.

    Attributes:
        settings, watch: as given.
        through_s: everything created before was read; None before the first answer.
        gap: what could not be read, for the operator.
    """

    def __init__(self, settings: ChannelSettings, watch: Watch, *, known_posts: int) -> None:
        self.settings: Final = settings
        self.watch: Final = watch
        self.gap: str | None = None
        kept = read_cursor(watch.intake.channel.cursor)
        cursor = kept if kept and kept.of == settings.name else Cursor(settings.name)
        self.through_s = cursor.through_s
        self._known: dict[str, tuple[int, float]] = dict(cursor.recent)
        self._most_known = max(known_posts, _LEAST_KNOWN)
        self._written_s = cursor.through_s or 0.0
        self._subreddit = settings.subreddit.lower()
        self._thread = settings.thread and f"{SUBMISSION}_{settings.thread}"

    def wants(self, post: Post) -> bool:
        """Say whether a post of the channel's listing is the channel's."""
        if self._thread is not None:
            return post.thread == self._thread
        if post.is_comment is not (self.settings.posts is Posts.COMMENTS):
            return False
        return self._subreddit in AGGREGATES or post.subreddit == self._subreddit

    def knows(self, post: Post) -> bool:
        """Say whether a post is one that was read before, in whichever version."""
        return post.fullname in self._known or post.fullname == self._thread

    def may_be_new(self, comment: str) -> bool:
        """Say whether a comment's id may be a new one's: ids grow with time."""
        known = [_number(name) for name in self._known if name.startswith(f"{COMMENT}_")]
        return _number(comment) > min(known, default=-1)

    def is_news(self, post: Post) -> bool:
        """Say whether a post has not come by in this version."""
        known = self._known.get(post.fullname)
        if known is not None:
            return known[0] != post.version
        if self.through_s is None or post.changed_s is None:
            return True
        return post.changed_s >= self.through_s - LATE_S

    def is_reached_by(self, posts: Iterable[Post]) -> bool:
        """Say whether a page, newest first, goes back to what was read before.

        By a post known by its name, or one from before the newest read: either may be removed
        since. A sticky stands where it does whatever its age, and says nothing.
        """
        through_s = self.through_s
        if through_s is None:
            return True
        return any(
            not post.stickied
            and (
                (post.created_s is not None and post.created_s < through_s)
                or (post.fullname in self._known and self.wants(post))
            )
            for post in posts
        )

    def took(self, post: Post, refusal: Refusal | None) -> None:
        """Hear that a post was published, was published before, or is refused."""
        if refusal is not None and refusal.reason is RefusalReason.FUTURE:
            return  # its time comes, or our clock is wrong
        known = self._known
        known.pop(post.fullname, None)
        known[post.fullname] = (post.version, post.created_s or 0.0)
        while len(known) > self._most_known:
            del known[next(iter(known))]

    def read_through(self, newest_s: float | None, *, moved: bool) -> None:
        """Move the cursor once everything up to a time was taken.

        Args:
            newest_s: the time; None where nothing was listed.
            moved: there were posts of this channel, so the cursor must not wait.
        """
        if newest_s is not None and (self.through_s is None or newest_s > self.through_s):
            self.through_s = newest_s
        through_s = self.through_s or 0.0
        if not moved and through_s < self._written_s + _CURSOR_STEP_S:
            return
        self._written_s = through_s
        recent = dict(list(self._known.items())[-_KEPT:])
        cursor = Cursor(self.settings.name, self.through_s, recent)
        self.watch.intake.channel.cursor = msgspec.json.encode(cursor).decode()

    def recent(self, since_s: float, most: int) -> list[str]:
        """Name the posts that are young enough to look at again, the newest first."""
        names = [
            name
            for name, (version, created_s) in reversed(self._known.items())
            if created_s >= since_s and version >= 0
        ]
        if self._thread is not None and self._known.get(self._thread, (0, 0.0))[0] >= 0:
            names.insert(0, self._thread)
        return list(dict.fromkeys(names))[:most]

    def show(self, quota: str | None) -> None:
        """Put what an operator should know into the channel's note."""
        self.watch.note = "; ".join(part for part in (self.gap, quota) if part) or None


def _number(name: str) -> int:
    """Read an id or fullname as the number it is in base 36."""
    try:
        return int(name.rpartition("_")[2], 36)
    except ValueError:
        return 0
