"""Reddit followed live, by the real client over real HTTP, with all that goes wrong there."""

import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.contracts.event import DELETED_REVISION, EventKind, OriginKind
from tests.integration.crawl_runs import Run, crawling
from tests.servers.reddit import Fault, RedditServer, Thing, comment, submission
from tests.unit.crawlers.doubles import MemoryCursorStore

NOW_S = float(int(time.time()))
SUBMISSIONS = {"channel": "posts", "subreddit": "Bitcoin"}
COMMENTS = {"channel": "comments", "subreddit": "Bitcoin", "posts": "comments"}


@pytest.fixture
async def server() -> AsyncIterator[RedditServer]:
    running = RedditServer()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def store() -> MemoryCursorStore:
    return MemoryCursorStore()


def news(number: int, subreddit: str = "Bitcoin", **fields: Any) -> Thing:  # noqa: ANN401
    created = {"created_utc": NOW_S - 10_000 + number, **fields}
    return submission(f"t3_{number}", f"title {number}", subreddit=subreddit, **created)


def said(number: int, thread: str = "t3_1", **fields: Any) -> Thing:  # noqa: ANN401
    created = {"created_utc": NOW_S - 10_000 + number, **fields}
    return comment(f"t1_{number}", f"comment {number}", thread, **created)


def crawl(server: RedditServer, *channels: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    settings = {**server.settings, **more}
    if channels:
        settings["channels"] = list(channels)
    return {"reddit": settings, "save_interval_ms": 10}


def by_channel(run: Run) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for event in run.events:
        told.setdefault(event.channel, []).append(event.native_id)
    return told


def problem(run: Run, channel: str = "channel") -> str:
    return run.crawl.watches[f"reddit:{channel}"].problem or ""


def note(run: Run, channel: str = "channel") -> str:
    return run.crawl.watches[f"reddit:{channel}"].note or ""


async def test_subreddits_share_requests_and_stay_their_own_channels(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    channels = [
        {"channel": "b", "subreddit": "Bitcoin"},
        {"channel": "e", "subreddit": "r/ethereum"},
        {"channel": "bc", "subreddit": "Bitcoin", "posts": "comments"},
    ]
    await server.serve([news(1), news(2, "ethereum"), news(3), said(4), news(5, "cats")])
    async with crawling(crawl(server, *channels), store) as run:
        await run.until_events(4)
        await server.serve([news(6, "ETHEREUM")])
        await run.until_events(5)
    assert by_channel(run) == {"b": ["t3_1", "t3_3"], "e": ["t3_2", "t3_6"], "bc": ["t1_4"]}
    listings = {path for path in server.requests if path.startswith("r/")}
    assert listings == {"r/Bitcoin+ethereum/new", "r/Bitcoin/comments"}


async def test_user_agent_says_who_is_asking(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    async with crawling(crawl(server), store):
        await server.until_polled()
    (agent,) = server.agents
    assert agent.startswith("tidings/")
    assert "(by /u/tidings_test)" in agent
    assert server.tokens == 1


async def test_thread_has_its_submission_and_all_its_comments(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    thread = {"channel": "daily", "subreddit": "Bitcoin", "thread": "1"}
    await server.serve([news(1), news(2), said(3), said(4, "t3_2"), said(5, parent_id="t1_3")])
    async with crawling(crawl(server, thread, COMMENTS), store) as run:
        await run.until_events(6)
        await server.serve([said(6, parent_id="t1_5"), said(7, "t3_2")])
        await run.until_events(9)
    told = by_channel(run)
    assert told["daily"] == ["t3_1", "t1_3", "t1_5", "t1_6"]
    assert told["comments"] == ["t1_3", "t1_4", "t1_5", "t1_6", "t1_7"]
    reply = next(event for event in run.events if event.native_id == "t1_6")
    assert reply.origin is not None
    assert (reply.origin.kind, reply.origin.native_id) == (OriginKind.REPLY, "t1_5")


async def test_gap_of_many_pages_is_closed_in_order(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    await server.serve([news(1)])
    async with crawling(crawl(server), store) as run:
        await run.until_events(1)
    await server.serve(news(number) for number in range(2, 350))
    async with crawling(crawl(server), store) as run:
        await run.until_events(348)
        assert run.ids == [f"t3_{number}" for number in range(2, 350)]
        assert "missing" not in note(run)


async def test_gap_is_closed_where_the_last_posts_were_removed_since(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    await server.serve(news(number) for number in range(1, 101))
    async with crawling(crawl(server), store) as run:
        await run.until_events(100)
    for number in range(11, 101):
        server.remove(f"t3_{number}")
    await server.serve(news(number) for number in range(101, 281))
    polled = len(server.queries)
    async with crawling(crawl(server, recheck_posts=0), store) as run:
        await run.until_events(180)
        await server.until_polled()
        assert run.ids == [f"t3_{number}" for number in range(101, 281)]
    pages = [query for path, query in server.queries[polled:] if "after" in query]
    assert len(pages) == 1  # two pages are enough


async def test_gap_beyond_the_listing_is_told(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    await server.serve([news(1)])
    async with crawling(crawl(server), store) as run:
        await run.until_events(1)
    await server.serve(news(number) for number in range(2, 1_500))
    async with crawling(crawl(server), store) as run:
        await run.until_events(1_000)
        await run.until(lambda: "missing" in note(run))
        assert run.ids == [f"t3_{number}" for number in range(500, 1_500)]
        assert "tidings backfill" in note(run)
        assert "requests left" in note(run)


async def test_shared_listing_too_short_for_one_is_read_alone(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    channels = [{"channel": name, "subreddit": name} for name in ("busy", "quiet")]
    await server.serve([news(1, "busy"), news(2, "quiet")])
    async with crawling(crawl(server, *channels), store) as run:
        await run.until_events(2)
    await server.serve([news(number, "quiet") for number in range(3, 6)])
    await server.serve(news(number, "busy") for number in range(6, 1_500))
    async with crawling(crawl(server, *channels), store) as run:
        await run.until_events(1_003)
        await run.until(lambda: "missing" in note(run, "busy"))
        assert by_channel(run)["quiet"] == ["t3_3", "t3_4", "t3_5"]
        assert "missing" not in note(run, "quiet")


async def test_gap_in_a_thread_is_closed_from_its_tree(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    thread = {"channel": "daily", "subreddit": "Bitcoin", "thread": "1"}
    await server.serve([news(1), said(2)])
    async with crawling(crawl(server, thread), store) as run:
        await run.until_events(2)
    await server.serve(said(number) for number in range(3, 703))  # more than one answer holds
    await server.serve(said(number, "t3_0") for number in range(703, 2_000))
    async with crawling(crawl(server, thread), store) as run:
        await run.until_events(700)
        assert sorted(run.ids, key=lambda one: int(one[3:])) == [f"t1_{n}" for n in range(3, 703)]
    assert server.requests["api/morechildren"] >= 2


async def test_sticky_neither_comes_again_nor_ends_the_reading(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    await server.serve([news(1, stickied=True)])
    async with crawling(crawl(server), store) as run:
        await run.until_events(1)
    sticky = server.things.pop()
    await server.serve([news(number) for number in range(5_000, 5_150)])
    await server.serve([sticky])  # Reddit puts it on top
    store.seen.clear()
    async with crawling(crawl(server), store) as run:
        await run.until_events(150)
        await server.until_polled()
        assert run.ids == [f"t3_{number}" for number in range(5_000, 5_150)]


async def test_old_post_that_shows_up_late_is_no_news(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    await server.serve([news(9_000)])
    async with crawling(crawl(server), store) as run:
        await run.until_events(1)
        server.things.insert(0, news(1))  # 2.5 hours older
        server.things.insert(1, news(8_000))  # waited some minutes for a moderator
        await run.until_events(2)
        await server.until_polled()
        assert run.ids == ["t3_9000", "t3_8000"]


async def test_edit_in_the_listing_is_an_event_of_its_own(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    await server.serve([news(1)])
    async with crawling(crawl(server), store) as run:
        await run.until_events(1)
        server.edit("t3_1", NOW_S, selftext="more")
        await run.until_events(2)
        first, second = run.events
        assert (first.kind, first.revision) == (EventKind.PUBLISHED, 0)
        assert (second.kind, second.revision) == (EventKind.EDITED, int(NOW_S))
        assert second.text == "more"
        assert first.published_ns == second.published_ns


async def test_edit_and_removal_beyond_the_first_page_are_found_by_looking_again(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    await server.serve(news(number) for number in range(1, 101))
    await server.serve(said(number) for number in range(101, 201))
    async with crawling(crawl(server, SUBMISSIONS, COMMENTS), store) as run:
        await run.until_events(200)
        await server.serve(news(number) for number in range(201, 311))
        await run.until_events(310)
        server.edit("t3_5", NOW_S, selftext="more")
        server.remove("t3_6")
        server.remove("t1_107", by="deleted")
        await run.until_events(313)
        later = {event.native_id: event for event in run.events[310:]}
    assert later["t3_5"].kind is EventKind.EDITED
    for name in ("t3_6", "t1_107"):
        assert later[name].kind is EventKind.DELETED
        assert later[name].revision == DELETED_REVISION
    batches = [query["id"].split(",") for path, query in server.queries if path == "api/info"]
    assert max(len(batch) for batch in batches) == 100
    assert later["t1_107"].channel == "comments"


async def test_what_changed_while_nobody_looked_is_found_after_a_restart(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    await server.serve([news(1), news(2)])
    async with crawling(crawl(server), store) as run:
        await run.until_events(2)
    server.edit("t3_1", NOW_S, selftext="more")
    server.remove("t3_2")
    async with crawling(crawl(server), store) as run:
        await run.until_events(2)
        await server.until_polled(4)
        kinds = {event.native_id: event.kind for event in run.events}
        assert kinds == {"t3_1": EventKind.EDITED, "t3_2": EventKind.DELETED}
        assert len(run.events) == 2


async def test_only_posts_within_the_window_are_looked_at_again(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    await server.serve([news(1), news(9_500)])
    async with crawling(crawl(server, recheck_window_ms=3_600_000), store) as run:
        await run.until_events(2)
        await server.until(lambda: server.requests["api/info"] > 0)
    assert {query["id"] for path, query in server.queries if path == "api/info"} == {"t3_9500"}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(503), "answered 503"),
        (Fault(500, b"<html>"), "answered 500"),
        (Fault(0), "could not be read"),
        (Fault(429, b"", {"Retry-After": "0"}), "too many requests"),
        (Fault(200, b"<html>Our CDN was unable to reach our servers</html>"), "could not be read"),
        (Fault(200, b'{"kind": "Listing"}'), "a listing was asked for"),
        (Fault(200, b"x" * 200_000), "sends more than 100000 bytes"),
    ],
)
async def test_failure_is_told_and_the_next_poll_goes_on(
    server: RedditServer, store: MemoryCursorStore, fault: Fault, words: str
) -> None:
    problems: list[str] = []
    async with crawling(crawl(server, max_answer_bytes=100_000), store) as run:
        await server.serve([news(1)])
        await run.until_events(1)
        watch = run.crawl.watches["reddit:channel"]
        failed = watch.failed
        watch.failed = lambda problem: (problems.append(problem), failed(problem))[1]  # type: ignore[method-assign,func-returns-value]
        server.faults.append(fault)
        await server.serve([news(2)])
        await run.until_events(2)
        await run.until(lambda: bool(problems))
    assert any(words in one for one in problems)
    assert run.ids == ["t3_1", "t3_2"]


async def test_429_stops_all_requests_until_its_reset(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    headers = {"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "1", "X-Ratelimit-Used": "600"}
    async with crawling(crawl(server, SUBMISSIONS, COMMENTS, recheck_posts=0), store) as run:
        await server.until_polled()
        server.faults.append(Fault(429, b"", headers))
        await server.until(lambda: not server.faults)
        began, asked = time.monotonic(), sum(server.requests.values())
        await run.until(lambda: "until" in note(run, "posts") + note(run, "comments"))
        await server.until(lambda: sum(server.requests.values()) > asked + 1)
        # one request may have been on its way when the answer came
        assert time.monotonic() - began > 0.8


async def test_spent_quota_is_waited_for_and_shown(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    server.quota = (3, 1)
    async with crawling(crawl(server), store) as run:
        await run.until(lambda: "requests left until" in note(run))
        await run.until(lambda: "all requests spent until" in note(run))
        server.quota = (100_000, 600)
        await server.serve([news(1)])
        await run.until_events(1)


async def test_token_that_ran_out_is_fetched_anew(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    async with crawling(crawl(server), store) as run:
        await server.serve([news(1)])
        await run.until_events(1)
        server.forget_token()
        await server.serve([news(2)])
        await run.until_events(2)
        assert problem(run) == ""
    assert server.tokens == 2


async def test_wrong_secret_is_told_with_what_to_do(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    async with crawling(crawl(server, client_secret="quite another"), store) as run:
        await run.until(lambda: "refuses the client id or secret" in problem(run))
        assert "prefs/apps" in problem(run)
        assert "quite another" not in problem(run)
    assert server.tokens == 0


async def test_app_that_gets_no_token_is_told(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    server.token_faults.append(Fault(200, b'{"error": "unauthorized_client"}'))
    async with crawling(crawl(server), store) as run:
        await run.until(lambda: "gives the app no token" in problem(run))
        assert "unauthorized_client" in problem(run)


async def test_token_that_is_never_good_is_told(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    server.faults.extend(Fault(401) for _ in range(50))  # whoever asks in between takes some
    async with crawling(crawl(server), store) as run:
        await run.until(lambda: "refuses its own token" in problem(run))
        server.faults.clear()


async def test_failure_to_look_again_is_told_and_tried_again(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    problems: list[str] = []
    server.recorded["api/info"] = deque([b"<html>"])
    await server.serve([news(1)])
    async with crawling(crawl(server), store) as run:
        watch = run.crawl.watches["reddit:channel"]
        failed = watch.failed
        watch.failed = lambda problem: (problems.append(problem), failed(problem))[1]  # type: ignore[method-assign,func-returns-value]
        await run.until_events(1)
        await run.until(lambda: any("were not looked for" in one for one in problems))
        server.remove("t3_1")
        await run.until_events(2)


async def test_token_server_that_fails_is_asked_again(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    server.token_faults.extend([Fault(503), Fault(200, b"<html>"), Fault(0), Fault(200, b"{}")])
    await server.serve([news(1)])
    async with crawling(crawl(server), store) as run:
        await run.until_events(1)
    assert not server.token_faults


@pytest.mark.parametrize(
    ("word", "advice"),
    [("private", "is private"), ("banned", "was banned"), ("quarantined", "is quarantined")],
)
async def test_subreddit_that_is_refused_says_why_and_the_others_go_on(
    server: RedditServer, store: MemoryCursorStore, word: str, advice: str
) -> None:
    server.subreddits["secret"] = word
    channels = [SUBMISSIONS, {"channel": "secret", "subreddit": "Secret"}]
    await server.serve([news(1), news(2, "Secret")])
    async with crawling(crawl(server, *channels), store) as run:
        await run.until(lambda: advice in problem(run, "secret"))
        assert "take it out" in problem(run, "secret")
        await run.until_events(1)
        await server.serve([news(3)])
        await run.until_events(2)
        assert problem(run, "posts") == ""
        assert by_channel(run) == {"posts": ["t3_1", "t3_3"]}
        server.subreddits.clear()  # it is opened again
        await run.until_events(3)
        assert by_channel(run)["secret"] == ["t3_2"]
        assert problem(run, "secret") == ""


async def test_refusal_of_a_shared_request_is_laid_to_the_right_channel(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    channels = [SUBMISSIONS, {"channel": "other", "subreddit": "other"}]
    async with crawling(crawl(server, *channels), store) as run:
        await server.until_polled()
        server.subreddits["other"] = "private"
        server.faults.append(Fault(403, b'{"reason": "private"}'))
        await run.until(lambda: "is private" in problem(run, "other"))
        await server.serve([news(1)])
        await run.until_events(1)


async def test_subreddit_that_does_not_exist_is_told(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    server.faults.append(Fault(302, b"", {"Location": "/subreddits/search?q=nothing"}))
    async with crawling(crawl(server), store) as run:
        await run.until(lambda: "does not exist" in problem(run))


async def test_posts_of_many_subreddits_under_one_name(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    channels = [{"channel": "all", "subreddit": "all"}, SUBMISSIONS]
    await server.serve([news(1, "cats"), news(2)])
    async with crawling(crawl(server, *channels), store) as run:
        await run.until_events(3)
        assert by_channel(run) == {"all": ["t3_1", "t3_2"], "posts": ["t3_2"]}


async def test_cursor_of_another_subreddit_is_void(
    server: RedditServer, store: MemoryCursorStore
) -> None:
    await server.serve([news(1), news(2, "cats")])
    async with crawling(crawl(server, SUBMISSIONS), store) as run:
        await run.until_events(1)
    async with crawling(crawl(server, {**SUBMISSIONS, "subreddit": "cats"}), store) as run:
        await run.until_events(1)
        assert run.ids == ["t3_2"]
