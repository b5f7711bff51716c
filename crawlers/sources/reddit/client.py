"""Opens Reddit: the channels to follow live, and their past."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Final

from core.contracts.clock import Clock
from crawlers.history import History
from crawlers.newsroom import Newsroom, Task
from crawlers.normalise import Limits
from crawlers.sources.reddit.follow import Follower, Group
from crawlers.sources.reddit.gateway import open_gateway
from crawlers.sources.reddit.history import ChannelHistory
from crawlers.sources.reddit.member import Member
from crawlers.sources.reddit.settings import AGGREGATES, RedditSettings

SOURCE: Final = "reddit"

_MISSED_POLLS: Final = 3
_PATIENCE_MS: Final = 60_000  # for quota, while following
_LEAST_ANSWER_MS: Final = 120_000  # a spent quota alone is no reason to be unhealthy at once


async def open_source(settings: RedditSettings, room: Newsroom) -> dict[str, Task]:
    """Build the channels, all followed by one task.

    Raises:
        Retryable: the cursor store can't be reached.
    """
    members = []
    for one in settings.channels:
        polls_ms = settings.interval_ms * _MISSED_POLLS + settings.timeout_ms
        watch = await room.watch(
            SOURCE, one.channel, answer_limit_ms=max(polls_ms, _LEAST_ANSWER_MS)
        )
        members.append(Member(one, watch, known_posts=settings.recheck_posts))

    async def run() -> None:
        try:
            async with open_gateway(
                settings, clock=room.clock, patience_ms=_PATIENCE_MS, sleep=room.sleep
            ) as gateway:
                follower = Follower(settings, gateway, room)
                async with asyncio.TaskGroup() as tasks:
                    for group in _groups(members, settings.subreddits_per_request):
                        tasks.create_task(follower.follow(group))
                    if settings.recheck_posts:
                        tasks.create_task(follower.look_again(members))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several

    return {SOURCE: run}


def _groups(members: Sequence[Member], most: int) -> Iterator[Group]:
    """Put channels together whose subreddits Reddit gives in one listing."""
    by_kind: dict[str, dict[str, list[Member]]] = {}
    for member in members:
        subreddit = member.settings.subreddit.lower()
        kind = member.settings.listing.rpartition("/")[2]
        apart = subreddit if subreddit in AGGREGATES else ""
        by_kind.setdefault(f"{kind}/{apart}", {}).setdefault(subreddit, []).append(member)
    for by_subreddit in by_kind.values():
        names = list(by_subreddit)
        for at in range(0, len(names), most):
            yield Group([one for name in names[at : at + most] for one in by_subreddit[name]])


@asynccontextmanager
async def open_histories(
    settings: RedditSettings,
    limits: Limits,
    *,
    clock: Clock,
    jitter: Random,  # noqa: ARG001 - Reddit's own figures say how long to wait
) -> AsyncIterator[Sequence[History]]:
    """Open every channel's past: its dumps, and with an app's id what Reddit still lists."""
    async with AsyncExitStack() as stack:
        gateway = None
        if settings:
            gateway = await stack.enter_async_context(
                open_gateway(settings, clock=clock, patience_ms=1_000)
            )
        histories = [
            ChannelHistory(one, gateway, source=SOURCE, limits=limits) for one in settings.channels
        ]
        for history in histories:
            stack.callback(history.close)
        yield histories
