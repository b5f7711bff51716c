"""The webhook over real sockets: who may post, how much, how slowly, and when it is answered."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from core.contracts.errors import Fatal
from core.contracts.event import Event, EventKind
from core.contracts.identity import event_id
from core.contracts.topics import EVENTS
from core.contracts.trace import Trace
from core.runtime.bus.in_process import InProcessBus
from core.runtime.bus.spool import SpooledError
from core.runtime.clock import SystemClock
from tests.integration.crawl_runs import Run, crawling
from tests.servers.loopback import free_port
from tests.servers.webhook import CHANNEL, SECRET, WebhookSender, headers_for
from tests.unit.crawlers.doubles import MemoryCursorStore, NarrowBus

Answer = tuple[int, Any]
DOCS = Path(__file__).parents[2] / "docs" / "sources" / "webhook.md"


class Poster:
    """Posts to one crawl's webhook."""

    def __init__(self, run: Run, session: aiohttp.ClientSession, port: int) -> None:
        self.run = run
        self.port = port
        self._session = session

    async def post(
        self,
        body: bytes | object,
        *,
        headers: dict[str, str] | None = None,
        channel: str = CHANNEL,
        **signed: Any,  # noqa: ANN401 - as headers_for takes it
    ) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}/events/{channel}"
        sent = headers_for(raw, **signed) | (headers or {})
        async with self._session.post(url, data=raw, headers=sent) as response:
            text = await response.text()
            if response.status in (401, 503):
                assert {"WWW-Authenticate", "Retry-After"} & set(response.headers)
            return response.status, json.loads(text) if text.startswith("{") else text

    @property
    def refusals(self) -> dict[str, int]:
        (counts,) = self.run.crawl.counts().values()
        return dict(counts.refusals)


@asynccontextmanager
async def webhook(
    store: MemoryCursorStore | None = None,
    *,
    bus: InProcessBus | None = None,
    **more: Any,  # noqa: ANN401 - any setting
) -> AsyncIterator[Poster]:
    port = free_port()
    settings = {
        "port": port,
        "channels": [{"channel": CHANNEL, "secrets": [SECRET]}],
        **more,
    }
    given = {"save_interval_ms": 10, "webhook": settings}
    async with crawling(given, store or MemoryCursorStore(), bus=bus) as run:
        (watch,) = run.crawl.watches.values()
        await run.until(lambda: watch.connected)
        async with aiohttp.ClientSession() as session:
            yield Poster(run, session, port)


# --- taken ---


async def test_event_is_published_and_answered_with_its_id() -> None:
    async with webhook() as hook:
        item = {"id": 7, "title": "t", "author": "a", "published": "2026-01-02T03:04:05+01:00"}
        status, answer = await hook.post(item)
        (event,) = hook.run.events
        expected = event_id("webhook", CHANNEL, "7")
        assert (status, answer) == (200, {"id": "7", "event": expected, "duplicate": False})
        assert (event.id, event.channel, event.author) == (expected, CHANNEL, "a")
        assert event.published_ns == 1_767_319_445 * 10**9
        assert hook.run.traces[0].received == event.received_ns


async def test_second_time_is_answered_as_duplicate_and_is_no_event() -> None:
    async with webhook() as hook:
        await hook.post({"id": "1", "text": "t"})
        status, answer = await hook.post({"id": "1", "text": "t"})
        assert (status, answer["duplicate"]) == (200, True)
        assert hook.run.ids == ["1"]


async def test_replay_after_a_restart_is_a_duplicate() -> None:
    store = MemoryCursorStore()
    body = b'{"id":"1","text":"t"}'
    headers = headers_for(body)
    async with webhook(store) as hook:
        assert (await hook.post(body, headers=headers))[0] == 200
    async with webhook(store) as hook:
        status, answer = await hook.post(body, headers=headers)
        assert (status, answer["duplicate"]) == (200, True)
        assert hook.run.events == []


async def test_edit_and_deletion_are_events_of_the_same_item() -> None:
    async with webhook() as hook:
        await hook.post({"id": "1", "text": "t"})
        await hook.post({"id": "1", "text": "u", "kind": "edited", "revision": 1})
        await hook.post({"id": "1", "kind": "deleted"})
        assert [event.kind for event in hook.run.events] == list(EventKind)
        assert len({event.id for event in hook.run.events}) == 3


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'[{"id":"1","text":"a"},{"id":"1","text":"a"},7,{"id":"2"}]', "application/json"),
        (
            b'{"id":"1","text":"a"}\n{"id":"1","text":"a"}\n7\n{"id":"2"}\n',
            "application/x-ndjson; charset=utf-8",
        ),
    ],
)
async def test_each_item_of_a_batch_has_its_own_answer(body: bytes, content_type: str) -> None:
    async with webhook() as hook:
        status, answer = await hook.post(body, content_type=content_type)
        assert status == 200
        first, again, no_item, no_text = answer["items"]
        assert (first["duplicate"], again["duplicate"]) == (False, True)
        assert (no_item["id"], no_item["error"]) == (None, "bad_shape")
        assert (no_text["id"], no_text["error"]) == ("2", "no_text")
        assert hook.run.ids == ["1"]


async def test_long_batch_keeps_its_order() -> None:
    async with webhook() as hook:
        items = [{"id": str(number), "text": "t " * 50} for number in range(500)]
        status, answer = await hook.post(items)
        assert status == 200
        assert len(answer["items"]) == 500
        assert hook.run.ids == [str(number) for number in range(500)]


async def test_several_secrets_sign_while_one_replaces_the_other() -> None:
    new = SECRET[::-1]
    channels = [{"channel": CHANNEL, "secrets": [SECRET, new]}]
    async with webhook(channels=channels) as hook:
        assert (await hook.post({"id": "1", "text": "t"}))[0] == 200
        assert (await hook.post({"id": "2", "text": "t"}, secret=new))[0] == 200
        assert (await hook.post({"id": "3", "text": "t"}, secret="x" * 32))[0] == 401


class Holding(InProcessBus):
    """A bus that confirms when the test lets it."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.confirmed = asyncio.Event()

    async def flush(self) -> None:
        await self.confirmed.wait()


async def test_event_is_handled_at_once_and_answered_when_the_bus_has_confirmed() -> None:
    bus = Holding()
    async with webhook(bus=bus) as hook:
        answer = asyncio.create_task(hook.post({"id": "1", "text": "t"}))
        await hook.run.until_events(1)
        assert not answer.done()
        bus.confirmed.set()
        assert (await answer)[0] == 200


class Spooling(InProcessBus):
    """A bus whose broker may be away."""

    away = True

    async def flush(self) -> None:
        if self.away:
            raise SpooledError("1 record waits on disk")


async def test_what_waits_on_disk_for_the_broker_is_safe() -> None:
    bus = Spooling(SystemClock())
    async with webhook(bus=bus) as hook:
        assert (await hook.post({"id": "1", "text": "t"}))[0] == 200
        bus.away = False


async def test_what_is_not_confirmed_is_to_be_sent_again() -> None:
    bus = NarrowBus()
    bus.flush_fails = True
    async with webhook(bus=bus) as hook:
        status, answer = await hook.post({"id": "1", "text": "t"})
        assert (status, answer["error"]) == (503, "busy")
        bus.flush_fails = False
        status, answer = await hook.post({"id": "1", "text": "t"})
        assert (status, answer["duplicate"]) == (200, True)
        assert hook.run.ids == ["1"]


async def test_full_bus_takes_nothing_and_asks_to_send_again() -> None:
    bus = NarrowBus(room=0)
    async with webhook(bus=bus) as hook:
        status, answer = await hook.post({"id": "1", "text": "t"})
        assert (status, answer["error"]) == (503, "busy")
        assert hook.run.crawl.counts()[f"webhook:{CHANNEL}"].items == 0
        bus.room = 1
        batch = [{"id": "1", "text": "t"}, {"id": "2", "text": "t"}]
        assert (await hook.post(batch))[0] == 503
        bus.room = None
        status, answer = await hook.post(batch)
        assert [one["duplicate"] for one in answer["items"]] == [True, False]
        assert hook.run.ids == ["1", "2"]


# --- turned away ---


async def test_wrong_signature_is_turned_away_and_told() -> None:
    async with webhook() as hook:
        item = {"id": "1", "text": "t"}
        for headers in ({"X-Tidings-Signature": "v1=00"}, {"X-Tidings-Signature": ""}):
            status, answer = await hook.post(item, headers=headers)
            assert (status, answer["error"]) == (401, "wrong_signature")
        assert hook.run.events == []
        assert hook.refusals == {"wrong_signature": 2}
        assert "2 requests turned away" in hook.run.crawl.checks()[f"webhook:{CHANNEL}"]().detail


async def test_signature_of_another_body_is_turned_away() -> None:
    async with webhook() as hook:
        headers = headers_for(b'{"id":"1","text":"sell"}')
        assert (await hook.post(b'{"id":"1","text":"sold"}', headers=headers))[0] == 401
        assert hook.run.events == []


@pytest.mark.parametrize("off_s", [-301, 302])
async def test_stamp_that_is_not_of_now_is_turned_away(off_s: int) -> None:
    async with webhook() as hook:
        item = {"id": "1", "text": "t"}
        status, answer = await hook.post(item, at_s=time.time() + off_s)
        assert (status, answer["error"]) == (401, "bad_stamp")
        assert hook.refusals == {"bad_stamp": 1}


async def test_unknown_channel_and_path_and_method_are_not_served() -> None:
    async with webhook() as hook:
        status, answer = await hook.post({"id": "1"}, channel="other")
        assert (status, answer["error"]) == (404, "unknown_channel")
        assert (await hook.post({"id": "1"}, channel="other/more"))[0] == 404
        url = f"http://127.0.0.1:{hook.port}/events/{CHANNEL}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert response.status == 405


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 400, "bad_json"),
        (b"<html>", 400, "bad_json"),
        (b"[1", 400, "bad_json"),
        (b"7", 422, "bad_shape"),
        (b'{"id":"1","publishd":1}', 422, "bad_shape"),
        (b'{"id":"1","text":"\\u200b"}', 422, "no_text"),
        (b'{"id":" ","text":"t"}', 422, "no_id"),
        (b'{"id":"1","text":"t","published":"then"}', 422, "bad_time"),
        (b'{"id":"1","text":"t","published":"2099-01-02T03:04:05Z"}', 422, "future"),
    ],
)
async def test_what_can_not_be_an_event_is_refused_with_the_reason(
    body: bytes, status: int, error: str
) -> None:
    async with webhook() as hook:
        answered, answer = await hook.post(body)
        assert (answered, answer["error"]) == (status, error)
        assert answer["detail"]
        assert hook.refusals == {error: 1}


async def test_long_body_is_refused_whether_or_not_it_says_its_length() -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000

    async with webhook(max_body_bytes=10_000) as hook:
        long = {"id": "1", "text": "x" * 10_001}
        status, answer = await hook.post(long)
        assert (status, answer["error"]) == (413, "too_large")
        url = f"http://127.0.0.1:{hook.port}/events/{CHANNEL}"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=in_pieces(), headers=headers_for(b"")) as response,
        ):
            assert response.status == 413
        assert (await hook.post({"id": "2", "text": "x" * 9_000}))[0] == 200
        assert hook.run.ids == ["2"]


async def test_compressed_body_is_refused_unread() -> None:
    async with webhook() as hook:
        assert (await hook.post(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}))[0] == 415


@pytest.mark.parametrize("name", ["Host", "Origin"])
async def test_web_page_of_another_site_can_not_post(name: str) -> None:
    value = {"Host": "evil.example", "Origin": "https://evil.example"}[name]
    async with webhook() as hook:
        assert (await hook.post({"id": "1", "text": "t"}, headers={name: value}))[0] == 403
        assert hook.run.events == []


async def test_known_host_is_served() -> None:
    async with webhook(known_hosts=["tidings.example"]) as hook:
        item = {"id": "1", "text": "t"}
        assert (await hook.post(item, headers={"Host": "tidings.example:443"}))[0] == 200


# --- slow, many, stopped ---


async def test_slow_body_is_cut_off() -> None:
    async with webhook(request_timeout_ms=50) as hook:
        reader, writer = await asyncio.open_connection("127.0.0.1", hook.port)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers_for(b"").items())
        head = f"POST /events/{CHANNEL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
        writer.write(f"{head}{lines}\r\n{{".encode())
        async with asyncio.timeout(5):
            assert b" 408 " in await reader.readline()
            await reader.read()  # to the end: the server closes
        writer.close()
        assert hook.refusals == {"too_slow": 1}


@pytest.mark.parametrize("sent", [b"", b"POST /events/channel HTTP/1.1\r\nHost: loc"])
async def test_connection_that_never_asks_is_closed(sent: bytes) -> None:
    async with webhook(request_timeout_ms=50) as hook:
        reader, writer = await asyncio.open_connection("127.0.0.1", hook.port)
        writer.write(sent)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()


async def test_one_connection_too_many_is_told_to_come_later() -> None:
    async with webhook(max_connections=2) as hook:
        held = [await asyncio.open_connection("127.0.0.1", hook.port) for _ in range(2)]
        item = {"id": "1", "text": "t"}
        assert (await hook.post(item))[0] == 503
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        async with asyncio.timeout(5):
            while (await hook.post(item))[0] != 200:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)


async def test_port_in_use_is_told_and_had_once_it_is_free() -> None:
    async with webhook() as first:
        settings = {
            "webhook": {
                "port": first.port,
                "channels": [{"channel": CHANNEL, "secrets": [SECRET]}],
            }
        }
        async with crawling(settings, MemoryCursorStore()) as second:
            check = second.crawl.checks()[f"webhook:{CHANNEL}"]
            await second.until(lambda: f"can't listen on 127.0.0.1:{first.port}" in check().detail)
            assert not check().ok
            await first.run.supervisor.stop()
            await second.until(lambda: check().ok)


async def test_stopped_bus_ends_the_crawl() -> None:
    def fail(event: Event, key: str, trace: Trace) -> None:
        raise Fatal("the journal is full")

    bus = InProcessBus(SystemClock())
    bus.subscribe(EVENTS, fail, group="failing")
    async with webhook(bus=bus) as hook:
        url = f"http://127.0.0.1:{hook.port}/events/{CHANNEL}"
        body = b'{"id":"1","text":"t"}'
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=body, headers=headers_for(body)) as response,
        ):
            assert response.status == 503
        with pytest.raises(Fatal, match="journal is full"):
            await hook.run.supervisor.wait()


async def test_senders_faults_lose_and_double_nothing() -> None:
    sender = WebhookSender()
    sender.doubled = sender.forged = sender.malformed = sender.cut = True
    settings = {"save_interval_ms": 10, "webhook": sender.settings}
    async with crawling(settings, MemoryCursorStore()) as run:
        await run.until(lambda: all(watch.connected for watch in run.crawl.watches.values()))
        await sender.start()
        await sender.serve(*({"id": str(number), "text": "t"} for number in range(20)))
        await run.until_events(20)
        await run.until(lambda: sender.answers[200] == 40)
        await sender.stop()
        assert run.ids == [str(number) for number in range(20)]
        assert sender.answers == {200: 40, 401: 40, 400: 20}


# --- the documentation's own examples ---


def example(language: str) -> str:
    match = re.search(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert match is not None
    return match[1]


@pytest.mark.parametrize(
    "command",
    [
        lambda code: [sys.executable, "-c", code],
        lambda code: ["bash", "-euc", code],
    ],
    ids=["python", "sh"],
)
async def test_documented_client_is_understood(
    command: Callable[[str], list[str]], request: pytest.FixtureRequest
) -> None:
    language = request.node.callspec.id
    if language == "sh" and not (shutil.which("curl") and shutil.which("openssl")):
        pytest.skip("curl or openssl is not installed")
    async with webhook() as hook:
        code = example(language).replace(
            "127.0.0.1:8081/events/desk", f"127.0.0.1:{hook.port}/events/{CHANNEL}"
        )
        done = await asyncio.to_thread(
            subprocess.run,
            command(code),
            capture_output=True,
            env={"WEBHOOK_SECRET": SECRET, "PATH": "/usr/bin:/bin"},
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert b'"duplicate":false' in done.stdout
        assert len(hook.run.events) == 1
