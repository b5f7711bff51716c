"""telethon's real client against a server that speaks MTProto: live, gaps, limits, sessions."""

from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telethon import types

from core.contracts.event import DELETED_REVISION, EventKind, OriginKind
from tests.integration.crawl_runs import Run, crawling
from tests.integration.news_servers import feed_server
from tests.servers.telegram import TelegramServer
from tests.unit.crawlers.doubles import MemoryCursorStore, NarrowBus

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    running = TelegramServer()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def store() -> MemoryCursorStore:
    return MemoryCursorStore()


def settings(server: TelegramServer, **changed: object) -> dict[str, Any]:
    return {"telegram": {**server.settings, **changed}, "save_interval_ms": 10}


def texts(run: Run) -> list[str]:
    return [event.text for event in run.events]


def health(run: Run) -> str:
    return run.crawl.checks()["telegram:channel"]().detail


async def test_new_edited_and_deleted_are_events_of_one_post(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    async with crawling(settings(server), store) as run:
        await server.until_following()
        await server.serve(server.message(1, "listed", date=NOW))
        await run.until_events(1)
        edited_at = NOW + timedelta(seconds=5)
        server.edit(1, edited_at, message="delisted")
        await run.until_events(2)
        server.delete(1)
        await run.until_events(3)
        new, edit, deletion = run.events
        assert [one.native_id for one in run.events] == ["1"] * 3
        assert (new.kind, new.revision, new.text) == (EventKind.PUBLISHED, 0, "listed")
        assert (edit.kind, edit.text) == (EventKind.EDITED, "delisted")
        assert edit.revision == int(edited_at.timestamp())
        assert (deletion.kind, deletion.revision) == (EventKind.DELETED, DELETED_REVISION)
        assert {one.published_ns for one in run.events} == {int(NOW.timestamp()) * 10**9}


async def test_reactions_and_service_messages_are_ignored(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    async with crawling(settings(server), store) as run:
        await server.until_following()
        await server.serve(server.message(1, "a"))
        await run.until_events(1)
        server.edit(1, NOW, edit_hide=True)
        pinned = types.MessageService(
            id=2, peer_id=server.channel.peer, date=NOW, action=types.MessageActionPinMessage()
        )
        await server.serve(pinned, server.message(3, "b"))
        await run.until_events(2)
        assert texts(run) == ["a", "b"]
        assert run.crawl.counts()["telegram:channel"].ignored == 2


async def test_deletions_without_a_channel_are_counted_only(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    group = server.add_channel(4321, is_group=True)
    channels = [{"channel": "channel", "id": group.marked_id}]
    async with crawling(settings(server, channels=channels), store) as run:
        await server.until_following()
        server.push(types.UpdateDeleteMessages([5, 6], 2, 1))
        await run.until(lambda: run.crawl.counts()["telegram:channel"].ignored == 2)
        assert run.events == []


async def test_small_group_is_followed(server: TelegramServer, store: MemoryCursorStore) -> None:
    group = server.add_channel(4321, is_group=True)
    channels = [{"channel": "channel", "id": group.marked_id}]
    await server.serve(server.message(7, "before", peer_id=group.peer))
    async with crawling(settings(server, channels=channels), store) as run:
        await run.until_events(1)
        await server.until_following()
        await server.serve(server.message(9, "after", peer_id=group.peer))
        await run.until_events(2)
        assert texts(run) == ["before", "after"]


async def test_album_is_one_event_and_delays_no_text(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    hour_ms = 3_600_000
    async with crawling(settings(server, album_window_ms=hour_ms), store) as run:
        await server.until_following()
        await server.serve(server.message(1, "text alone"))
        await run.until_events(1)  # with nothing open, nothing waits
        await server.serve(*(server.message(n, f"part {n}", grouped_id=8) for n in (2, 3, 4)))
        await server.serve(server.message(5, "next"))  # ends the album
        await run.until_events(3)
        assert texts(run) == ["text alone", "part 2 part 3 part 4", "next"]
        assert run.ids == ["1", "2", "5"]


async def test_album_ends_when_no_part_comes(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    async with crawling(settings(server), store) as run:
        await server.until_following()
        parts = [server.message(n, f"part {n}", grouped_id=8) for n in (2, 3)]
        await server.serve(*parts, together=True)
        await run.until_events(1)
        assert (run.ids, texts(run)) == (["2"], ["part 2 part 3"])


async def test_late_part_edits_the_album(server: TelegramServer, store: MemoryCursorStore) -> None:
    async with crawling(settings(server), store) as run:
        await server.until_following()
        await server.serve(server.message(2, "early", grouped_id=8))
        await run.until_events(1)
        await server.serve(server.message(3, "late", grouped_id=8))
        await run.until_events(2)
        assert run.ids == ["2", "2"]
        assert run.events[1].kind is EventKind.EDITED
        assert texts(run) == ["early", "early late"]


async def test_edited_part_of_an_old_album_edits_the_whole_of_it(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    await server.serve(*(server.message(n, f"part {n}", grouped_id=8) for n in (2, 3)))
    async with crawling(settings(server), store) as run:
        await run.until_events(1)
    async with crawling(settings(server), store) as run:  # which knows nothing of its parts
        await server.until_following()
        server.edit(3, NOW, message="corrected")
        await run.until_events(1)
        assert (run.ids, texts(run)) == (["2"], ["part 2 corrected"])


async def test_deleted_album_is_one_deletion(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    async with crawling(settings(server), store) as run:
        await server.until_following()
        await server.serve(*(server.message(n, f"part {n}", grouped_id=8) for n in (2, 3)))
        await run.until_events(1)
        server.delete(2, 3)
        await server.serve(server.message(4, "next"))
        await run.until_events(3)
        assert [(one.native_id, one.kind) for one in run.events[1:]] == [
            ("2", EventKind.DELETED),
            ("4", EventKind.PUBLISHED),
        ]


async def test_forward_tells_where_it_comes_from(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    source = server.add_channel(55, username="the_source")
    then = NOW - timedelta(days=2)
    header = types.MessageFwdHeader(then, from_id=source.peer, channel_post=9)
    async with crawling(settings(server), store) as run:
        await server.until_following()
        await server.serve(server.message(1, "old news", fwd_from=header))
        await run.until_events(1)
        origin = run.events[0].origin
        assert origin is not None
        assert (origin.kind, origin.author) == (OriginKind.FORWARD, "the_source")
        assert origin.published_ns == int(then.timestamp()) * 10**9


async def test_reconnect_fills_the_gap_in_order(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    async with crawling(settings(server), store) as run:
        await server.until_following()
        await server.serve(server.message(1, "1"))
        await run.until_events(1)
        server.silent = True
        await server.serve(*(server.message(n, str(n)) for n in range(2, 252)))
        server.edit(1, NOW, message="1 edited")
        server.silent = False
        server.cut()
        await run.until_events(252)
        await server.until_following()
        await server.serve(server.message(252, "252"))
        await run.until_events(253)
        assert texts(run) == ["1", *map(str, range(2, 252)), "1 edited", "252"]
        assert run.crawl.watches["telegram:channel"].connects == 2


async def test_restart_fills_the_gap_with_edits_and_deletions(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    async with crawling(settings(server), store) as run:
        await server.serve(server.message(1, "1"), server.message(2, "2"))
        await run.until_events(2)
    await server.serve(*(server.message(n, str(n)) for n in range(3, 203)))
    server.edit(1, NOW, message="1 edited")
    server.delete(2)
    async with crawling(settings(server), store) as run:
        await run.until_events(202)
        assert texts(run) == [*map(str, range(3, 203)), "1 edited", ""]
        assert run.events[-1].kind is EventKind.DELETED


async def test_gap_too_long_for_changes_is_filled_by_ids(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    async with crawling(settings(server), store) as run:
        await server.serve(server.message(1, "1"))
        await run.until_events(1)
    await server.serve(*(server.message(n, str(n)) for n in range(2, 302)))
    server.channel.too_long = 100
    server.floods["GetHistory"] = _wait(1)  # in between: what was not read is not skipped
    async with crawling(settings(server), store) as run:
        await run.until_events(300)
        assert texts(run) == [*map(str, range(2, 302))]
        await run.until(lambda: "wait" not in health(run))
        asked = server.requests["GetChannelDifference"]
        await server.serve(server.message(302, "302"))
        await run.until_events(301)
        assert server.requests["GetChannelDifference"] == asked  # nothing is missing any more


async def test_lost_update_is_asked_for_before_the_next_one(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    async with crawling(settings(server), store) as run:
        await server.until_following()
        server.silent = True
        await server.serve(server.message(1, "lost"))
        server.silent = False
        await server.serve(server.message(2, "heard"))
        await run.until_events(2)
        assert texts(run) == ["lost", "heard"]


async def test_lost_update_before_the_first_one_is_asked_for(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    async with crawling(settings(server), store) as run:
        await server.until_following()
        await server.serve(server.message(1, "1"))
        await run.until_events(1)
    async with crawling(settings(server), store) as run:  # telethon knows no count of changes yet
        await server.until_following()
        server.silent = True
        await server.serve(server.message(2, "lost"))
        server.silent = False
        await server.serve(server.message(3, "heard"))
        await run.until_events(2)
        assert texts(run) == ["lost", "heard"]


async def test_news_wait_for_what_was_missed(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    async with crawling(settings(server), store) as run:
        await server.serve(server.message(1, "1"))
        await run.until_events(1)
    await server.serve(server.message(2, "missed"))
    news = server.message(3, "news")
    server.before["GetChannelDifference"] = deque(
        [lambda: server.push(types.UpdateNewChannelMessage(news, server.channel.pts + 1, 1))]
    )
    async with crawling(settings(server), store) as run:
        await run.until_events(2)
        assert texts(run) == ["missed", "news"]


async def test_doubled_and_disordered_updates_are_each_post_once_in_order(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    async with crawling(settings(server), store) as run:
        await server.until_following()
        await server.serve(server.message(1, "1"))
        await run.until_events(1)
        server.silent = True
        await server.serve(*(server.message(n, str(n)) for n in (2, 3, 4)))
        server.silent = False
        for update in (*reversed(server.channel.changes), *server.channel.changes):
            server.push(update)
        await run.until_events(4)
        await server.serve(server.message(5, "5"))
        await run.until_events(5)
        assert texts(run) == ["1", "2", "3", "4", "5"]


async def test_bytes_that_are_nothing_cost_nothing(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    async with crawling(settings(server), store) as run:
        await server.until_following()
        await server.serve(server.message(1, "1"))
        await run.until_events(1)
        for wire in tuple(server.wires):
            wire.send_bytes(b"\xde\xad\xbe\xef" * 5)  # no such object
            wire.send_packet(b"\x00" * 64)  # not of our key
            wire.send_packet(b"\x00" * 4)
        await server.serve(server.message(2, "2"))
        await run.until_events(2)
        assert texts(run) == ["1", "2"]


async def test_full_bus_with_more_than_can_wait_loses_nothing(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    bus = NarrowBus(room=1)
    async with crawling(settings(server), store, bus=bus) as run:
        await server.until_following()
        await server.serve(*(server.message(n, str(n)) for n in range(1, 1_301)), together=True)
        await run.until_events(1)
        bus.room = None
        await run.until_events(1_300)
        assert texts(run) == [*map(str, range(1, 1_301))]


async def test_edit_that_had_no_room_to_wait_is_asked_for(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    await server.serve(server.message(1, "1"), server.message(2, "2"))
    bus = NarrowBus(room=1)
    async with crawling(settings(server), store, bus=bus) as run:
        await run.until_events(1)  # the second one waits for room
        await server.serve(*(server.message(n, str(n)) for n in range(3, 1_004)), together=True)
        server.edit(1, NOW, message="1 edited")
        watch = run.crawl.watches["telegram:channel"]
        served_ns = watch.answered_ns
        await run.until(lambda: watch.answered_ns > served_ns)  # the updates came in
        bus.room = None
        await run.until_events(1_004)
        assert sorted(run.ids, key=int) == sorted(["1", *map(str, range(1, 1_004))], key=int)
        assert "1 edited" in texts(run)


@pytest.mark.parametrize("live", [True, False])
async def test_cursor_stands_before_an_album_that_is_open(
    server: TelegramServer, store: MemoryCursorStore, live: bool
) -> None:
    hour_ms = 3_600_000
    config = settings(server, album_window_ms=hour_ms)
    begun = (server.message(1, "1"), server.message(2, "a", grouped_id=8))
    if not live:
        await server.serve(*begun)
    async with crawling(config, store) as run:
        await server.until_following()
        if live:
            await server.serve(*begun)
        await run.until_events(1)
    await server.serve(server.message(3, "b", grouped_id=8), server.message(4, "4"))
    async with crawling(config, store) as run:
        await run.until_events(2)
        assert (run.ids, texts(run)) == (["2", "4"], ["a b", "4"])
        assert {one.kind for one in run.events} == {EventKind.PUBLISHED}


async def test_first_page_that_begins_within_an_album_completes_it(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    await server.serve(*(server.message(n, f"part {n}", grouped_id=8) for n in (1, 2, 3)))
    await server.serve(*(server.message(n, str(n)) for n in range(4, 22)))
    async with crawling(settings(server), store) as run:  # the newest twenty are 2 to 21
        await run.until_events(19)
        assert (run.ids[0], texts(run)[0]) == ("1", "part 1 part 2 part 3")


def _wait(*seconds: int) -> Any:  # noqa: ANN401 - as the server keeps it

    return deque(seconds)


async def test_flood_wait_is_said_and_news_go_on(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    await server.serve(server.message(1, "old"))
    server.floods["GetHistory"] = _wait(3_600)
    async with crawling(settings(server), store) as run:
        await run.until(lambda: "3600 s" in health(run))
        assert "until" in health(run)
        assert "UTC" in health(run)
        await server.serve(server.message(2, "new"))
        await run.until_events(1)
        assert texts(run) == ["new"]
    assert store.cursors["telegram", "channel"] is None  # what is missing comes first


async def test_flood_wait_is_waited_out(server: TelegramServer, store: MemoryCursorStore) -> None:
    await server.serve(server.message(1, "old"))
    server.floods["GetHistory"] = _wait(1)
    async with crawling(settings(server), store) as run:
        await run.until_events(1)
        await run.until(lambda: "wait" not in health(run))


@pytest.mark.parametrize(
    ("code", "message", "says"),
    [
        (401, "AUTH_KEY_UNREGISTERED", "telegram.login"),
        (401, "SESSION_REVOKED", "telegram.login"),
        (406, "AUTH_KEY_DUPLICATED", "two addresses at once"),
    ],
)
async def test_lost_session_is_explained_and_other_sources_go_on(
    server: TelegramServer, store: MemoryCursorStore, code: int, message: str, says: str
) -> None:
    server.broken_session = (code, message)
    async with feed_server() as feed:
        feed.document = (
            b'<rss version="2.0"><channel><item><guid>7</guid><title>x</title></item>'
            b"</channel></rss>"
        )
        feeds = [{"channel": "feed", "url": feed.url}]
        config = {**settings(server), "rss": {"feeds": feeds, "allow_private": True}}
        async with crawling(config, store) as run:
            await run.until(lambda: says in health(run))
            await run.until_events(1)
            assert run.events[0].source == "rss"


async def test_session_ended_while_following_is_explained(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    async with crawling(settings(server), store) as run:
        await server.until_following()
        server.broken_session = (401, "SESSION_REVOKED")
        server.cut()
        await run.until(lambda: "does not know the session any more" in health(run))


async def test_trouble_at_telegram_is_tried_again(
    server: TelegramServer, store: MemoryCursorStore
) -> None:

    server.failures["GetState"] = deque([(500, "INTERNAL")])
    async with crawling(settings(server), store) as run:
        await server.until_following()
        await server.serve(server.message(1, "1"))
        await run.until_events(1)


async def test_silent_server_is_left(server: TelegramServer, store: MemoryCursorStore) -> None:
    server.mute = True
    async with crawling(settings(server, timeout_ms=200), store) as run:
        await run.until(lambda: "no answer in time" in health(run))
        server.mute = False
        await server.serve(server.message(1, "1"))
        await run.until_events(1)


async def test_server_that_is_away_is_waited_for(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    config = settings(server)
    port = int(config["telegram"]["connect_to"].rpartition(":")[2])
    await server.stop()
    async with crawling(config, store) as run:
        await run.until(lambda: "not connected" in health(run))
        await server.start(port)
        await server.serve(server.message(1, "1"))
        await run.until_events(1)


async def test_name_that_leads_elsewhere_is_refused(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    server.add_channel(66, username="taken_over", joined=False)
    channels = [{"channel": "channel", "id": server.channel.marked_id, "username": "taken_over"}]
    async with crawling(settings(server, channels=channels), store) as run:
        await run.until(lambda: "is -1000000000066 and not" in health(run))
        assert run.events == []


async def test_channel_that_is_not_joined_is_found_by_its_name_and_asked(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    other = server.add_channel(66, username="public", joined=False)
    server.silent = True
    channels = [{"channel": "channel", "id": other.marked_id, "username": "public"}]
    async with crawling(settings(server, channels=channels, check_interval_ms=50), store) as run:
        await server.until_following()
        await server.serve(server.message(1, "1", peer_id=other.peer))
        await run.until_events(1)
        assert run.events[0].url == "https://t.me/public/1"
        assert server.requests["ResolveUsername"] == 1  # its hash is kept


async def test_channel_nobody_finds_says_what_to_do(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    server.channel.joined = False
    good = server.add_channel(66)
    channels = [
        {"channel": "channel", "id": server.channel.marked_id},
        {"channel": "good", "id": good.marked_id},
    ]
    async with crawling(settings(server, channels=channels), store) as run:
        await run.until(lambda: "join it with the account" in health(run))
        await server.until_following()
        await server.serve(server.message(1, "1", peer_id=good.peer))
        await run.until_events(1)
        assert run.events[0].channel == "good"


async def test_hash_of_another_account_is_forgotten(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    await server.serve(server.message(1, "1"))
    store.cursors["telegram", "channel"] = '{"id":0,"pts":1,"hash":12345}'
    async with crawling(settings(server), store) as run:
        await run.until_events(1)


async def test_kill_between_event_and_cursor_gives_the_same_ids(
    server: TelegramServer, store: MemoryCursorStore
) -> None:
    config = {**settings(server), "save_interval_ms": 3_600_000}
    await server.serve(*(server.message(n, f"part {n}", grouped_id=8) for n in (2, 3)))
    seen = []
    for _ in range(2):
        async with crawling(config, store, killed=True) as run:
            await run.until_events(1)
            seen += [event.id for event in run.events]
    assert len(set(seen)) == 1
