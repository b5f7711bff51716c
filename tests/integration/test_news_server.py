"""The news servers over real sockets: polled, followed, told what to release, and ended."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from console.demo.sockets import Endpoints
from tests.integration.news_server_process import news_servers

TAPE = """
note = "invented"
balances = { USDT = "1000" }

[[outlets]]
slug = "wire"
name = "A Wire"
form = "wire"
dates = "millis"

[[outlets]]
slug = "gazette"
name = "The <Gazette>"
form = "rss"
dates = "est"

[[symbols]]
symbol = "ADAUSDT"
asset = "ADA"
tick_size = "0.0001"
lot_size = "1"
mid = "0.45"

[[stories]]
key = "one"
at = 0
symbol = "ADAUSDT"
moves = [[2, 50]]
items = [
  { at = 0, outlet = "wire", id = "w1", expect = "not_news", title = "first" },
  { at = 1, outlet = "gazette", id = "g1", expect = "not_news", title = "AT&T <b>", age_s = 60 },
  { at = 3, outlet = "wire", id = "w2", expect = "refused: bad_json", raw = "{nothing" },
  { at = 4, outlet = "gazette", id = "g2", expect = "not_news", raw = "<item><title>cut" },
  { at = 5, outlet = "gazette", id = "g3", expect = "not_news", title = "third" },
  { at = 6, outlet = "wire", id = "w3", expect = "not_news", title = "last" },
]
"""


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as opened:
        yield opened


@pytest.fixture
def tape(tmp_path: Path) -> str:
    path = tmp_path / "tape.toml"
    path.write_text(TAPE)
    return str(path)


async def _release(
    session: aiohttp.ClientSession, at: Endpoints, step: int
) -> tuple[int, dict[str, object]]:
    async with session.post(f"{at.control_url}/release", json={"step": step}) as response:
        return response.status, await response.json()


async def _get(session: aiohttp.ClientSession, url: str) -> dict[str, object]:
    async with session.get(url) as response:
        answer: dict[str, object] = await response.json()
        return answer


async def test_wire_pushes_a_post_when_its_step_is_released(
    session: aiohttp.ClientSession, tape: str
) -> None:
    async with (
        news_servers("--tape", tape) as (at, _),
        session.ws_connect(at.wires[0].url) as wire,
    ):
        status, released = await _release(session, at, 1)
        message = await wire.receive_json()
    assert status == 200
    assert released == {"step": 1, "channel": "wire", "form": "wire", "version": 1}
    assert (message["type"], message["id"], message["title"]) == ("news", "w1", "first")


async def test_wire_sends_malformed_message_as_it_is(
    session: aiohttp.ClientSession, tape: str
) -> None:
    async with news_servers("--tape", tape) as (at, _), session.ws_connect(at.ws_url) as wire:
        await _release(session, at, 4)
        assert (await wire.receive_str()) == "{nothing"


async def test_reader_that_resumes_gets_what_came_after_its_last_post(
    session: aiohttp.ClientSession, tape: str
) -> None:
    async with news_servers("--tape", tape) as (at, _):
        for step in (1, 4, 7):
            await _release(session, at, step)
        async with session.ws_connect(f"{at.ws_url}?since=w1") as wire:
            assert [await wire.receive_str(), (await wire.receive_json())["id"]] == [
                "{nothing",
                "w3",
            ]
        async with session.ws_connect(f"{at.ws_url}?since=unknown") as wire:
            assert (await wire.receive_json())["id"] == "w1"


async def test_idle_wire_beats(session: aiohttp.ClientSession, tape: str) -> None:
    async with (
        news_servers("--tape", tape, "--heartbeat-ms", "20") as (at, _),
        session.ws_connect(at.ws_url) as wire,
    ):
        assert await wire.receive_json() == {"type": "heartbeat"}


async def test_step_is_released_once_and_only_where_there_is_a_post(
    session: aiohttp.ClientSession, tape: str
) -> None:
    async with news_servers("--tape", tape) as (at, _):
        await _release(session, at, 1)
        again = await _release(session, at, 1)
        book_step = await _release(session, at, 3)
    assert again == (400, {"error": "step 1 was released before"})
    assert book_step == (400, {"error": "step 3 holds no post"})


async def test_feed_answers_304_until_something_is_released(
    session: aiohttp.ClientSession, tape: str
) -> None:
    async with news_servers("--tape", tape) as (at, _):
        url = at.feeds[0].url
        async with session.get(url) as first:
            etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
        for condition in ({"If-None-Match": etag}, {"If-Modified-Since": modified}):
            async with session.get(url, headers=condition) as unchanged:
                assert unchanged.status == 304
        await _release(session, at, 2)  # within the same second
        for condition in ({"If-None-Match": etag}, {"If-Modified-Since": modified}):
            async with session.get(url, headers=condition) as changed:
                assert changed.status == 200
                assert b"AT&amp;T &lt;b&gt;" in await changed.read()
        served = await _get(session, f"{at.control_url}/served")
    assert served == {"gazette": {"version": 2, "served": 2, "requests": 5, "not_modified": 2}}


async def test_spoilt_entry_is_gone_with_the_next_release(
    session: aiohttp.ClientSession, tape: str
) -> None:
    async with news_servers("--tape", tape) as (at, _):
        await _release(session, at, 5)
        async with session.get(at.feeds[0].url) as spoilt:
            assert "<item><title>cut\n</channel>" in await spoilt.text()
        await _release(session, at, 6)
        async with session.get(at.feeds[0].url) as whole:
            text = await whole.text()
    assert "third" in text
    assert "cut" not in text


async def test_unknown_addresses_are_404(session: aiohttp.ClientSession, tape: str) -> None:
    async with news_servers("--tape", tape) as (at, _):
        for path in ("/feeds/gazette.atom", "/feeds/nobody.rss", "/documents/0/a.xml"):
            async with session.get(at.http_url + path) as response:
                assert response.status == 404
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{at.ws_url}/nobody")


async def test_every_file_of_a_tree_is_a_document(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    (tmp_path / "deep er").mkdir()
    files = {"a.rss": b"<rss/>", "deep er/b?#.atom": b"\xff\x00", "noname": b""}
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    async with news_servers("--documents", str(tmp_path)) as (at, _):
        got = {}
        for feed in at.feeds:
            async with session.get(feed.url) as response:
                got[feed.file] = (response.headers["Content-Type"], await response.read())
        served = await _get(session, f"{at.control_url}/served")
    assert got == {
        "a.rss": ("application/rss+xml", b"<rss/>"),
        "deep er/b?#.atom": ("application/atom+xml", b"\xff\x00"),
        "noname": ("application/octet-stream", b""),
    }
    assert set(served) == {feed.channel for feed in at.feeds}
    assert len(served) == 3


async def test_bulk_posts_come_in_sequence_and_resume(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    assets = tmp_path / "assets.json"
    assets.write_text(
        json.dumps([{"code": "ADA", "name": "Cardano"}, {"code": "SOL", "name": "Solana"}])
    )
    options = ("--bulk", "40", "--assets", str(assets), "--feeds", "2", "--rate", "2000")
    async with news_servers(*options) as (at, _), session.ws_connect(at.ws_url) as wire:
        async with session.post(f"{at.control_url}/start") as started:
            assert started.status == 200
        ids = [(await wire.receive_json())["id"] for _ in range(20)]
        while not (await _get(session, f"{at.control_url}/progress"))["done"]:
            pass
        async with session.ws_connect(f"{at.ws_url}?since={ids[9]}") as again:
            resumed = [(await again.receive_json())["id"] for _ in range(10)]
        bodies = []
        for feed in at.feeds:
            async with session.get(feed.url) as response:
                bodies.append(await response.text())
        progress = await _get(session, f"{at.control_url}/progress")
    assert ids == [f"bulk-{n:06}" for n in range(0, 40, 2)]
    assert resumed == ids[10:]
    assert [body.count("bulk-0000") // 2 for body in bodies] == [10, 10]
    assert progress == {"released": 40, "total": 40, "done": True}


async def test_sigterm_ends_the_process_in_good_order(tape: str) -> None:
    async with news_servers("--tape", tape) as (_, process):
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_closed_standard_input_ends_the_process(tape: str) -> None:
    async with news_servers("--tape", tape) as (_, process):
        assert process.stdin is not None
        process.stdin.close()
        assert await process.wait() == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--tape", "no-such-file"),
        ("--documents", "no-such-directory"),
        ("--bulk", "5"),
        ("--bulk", "5", "--assets", "no-such-file"),
    ],
)
async def test_bad_usage_is_exit_code_2_and_one_message(arguments: tuple[str, ...]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "console.demo.news_server", *arguments),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"Traceback" not in said
