"""Takes the events that other tools post: traded on receipt, answered when they are safe."""

import asyncio
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web

from core.contracts.errors import Fatal, Retryable
from core.contracts.event import Event
from core.runtime.health import known_hosts_only
from core.runtime.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, Seal
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.newsroom import Newsroom, Task
from crawlers.sources.webhook.listen import listening
from crawlers.sources.webhook.parse import parse
from crawlers.sources.webhook.settings import WebhookChannelSettings, WebhookSettings
from crawlers.watch import Watch

SOURCE: Final = "webhook"

_INLINE_BYTES: Final = 8_192  # a longer body is read in a thread: it may take over a millisecond
_BEAT_S: Final = 1.0
_ANSWER_LIMIT_MS: Final = 10_000
_RETRY_AFTER: Final = {"Retry-After": "1"}
_CHALLENGE: Final = {"WWW-Authenticate": "Tidings-HMAC-SHA256"}


class Judged(NamedTuple):
    """A signed body, read: each entry's own id, and its event or why there is none."""

    entries: list[tuple[str | None, Event | Refusal]]
    single: bool


class Channel:
    """One channel: who may post to it, and where its items go."""

    def __init__(self, settings: WebhookChannelSettings, watch: Watch, tolerance_ms: int) -> None:
        self.watch: Final = watch
        secrets = [secret.get_secret_value().encode() for secret in settings.secrets]
        self.seal: Final = Seal(secrets, tolerance_ms)
        self._turned_away = 0

    def turn_away(self, why: str, detail: str) -> None:
        """Count a request that was not even read, and tell of it in health."""
        self._turned_away += 1
        self.watch.intake.counts.refusals[why] += 1
        self.watch.note = f"{self._turned_away} requests turned away, the last: {detail}"

    def judge(
        self, body: bytes, stamp: str, signatures: str, content_type: str, received_ns: int
    ) -> Judged | None:
        """Read a body; None where nobody who knows a secret signed it. May run in a thread."""
        if not self.seal.is_signed(stamp, body, signatures):
            return None
        posted = parse(body, content_type)
        normalise = self.watch.intake.normalise
        entries = [
            (entry.native_id, normalise(entry, received_ns) if isinstance(entry, Item) else entry)
            for entry in posted.entries
        ]
        return Judged(entries, posted.single)


async def open_source(settings: WebhookSettings, room: Newsroom) -> dict[str, Task]:
    """Build the channels, all served by one task.

    Raises:
        Retryable: the cursor store can't be reached.
    """
    channels: dict[str, Channel] = {}
    for one in settings.channels:
        watch = await room.watch(
            SOURCE,
            one.channel,
            zone=one.zone,
            answer_limit_ms=_ANSWER_LIMIT_MS,
            stale_after_ms=one.stale_after_ms,
            detect_language=False,  # on the way from event to order
        )
        watch.connected = False
        channels[one.channel] = Channel(one, watch, settings.tolerance_ms)
    return {SOURCE: WebhookSource(settings, channels, room).run}


class WebhookSource:
    """The server of all channels.

    Args:
        settings: see `WebhookSettings`.
        channels: by name.
        room: see `Newsroom`.
    """

    def __init__(
        self, settings: WebhookSettings, channels: dict[str, Channel], room: Newsroom
    ) -> None:
        self._settings = settings
        self._channels = channels
        self._room = room
        self._now_ns = room.clock.now_ns
        self._failure: asyncio.Future[None]

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            Retryable: the address or port can't be had.
            Fatal: the bus has stopped.
        """
        settings = self._settings
        watches = [channel.watch for channel in self._channels.values()]
        failure = self._failure = asyncio.get_running_loop().create_future()
        app = web.Application(
            middlewares=[known_hosts_only(settings.host, *settings.known_hosts)],
            client_max_size=settings.max_body_bytes,
        )
        app.router.add_post("/events/{channel}", self._post)
        problem = "not listening"
        try:
            async with listening(
                app,
                settings.host,
                settings.port,
                max_connections=settings.max_connections,
                head_timeout_s=settings.request_timeout_ms / 1000,
            ):
                for watch in watches:
                    watch.opened()
                while not failure.done():
                    for watch in watches:
                        watch.answered(self._now_ns())
                    await asyncio.wait((failure,), timeout=_BEAT_S)
                await failure
        except Retryable as error:
            problem = str(error)
            raise
        finally:
            for watch in watches:
                watch.lost(problem)

    async def _post(self, request: web.Request) -> web.Response:
        """Answer one request: who sent it, when, how long; then what each item became."""
        name = request.match_info["channel"]
        channel = self._channels.get(name)
        if channel is None:
            return _error(HTTPStatus.NOT_FOUND, "unknown_channel", f"no channel {name[:100]!r}")
        stamp = request.headers.get(TIMESTAMP_HEADER, "")
        if problem := channel.seal.stamp_problem(stamp, self._now_ns()):
            channel.turn_away("bad_stamp", problem)
            return _error(HTTPStatus.UNAUTHORIZED, "bad_stamp", problem, _CHALLENGE)
        body = await self._read(request, channel)
        if isinstance(body, web.Response):
            return body
        received_ns = self._now_ns()
        signatures = request.headers.get(SIGNATURE_HEADER, "")
        asked = (body, stamp, signatures, request.content_type, received_ns)
        if len(body) <= _INLINE_BYTES:
            judged = channel.judge(*asked)
        else:
            judged = await asyncio.to_thread(channel.judge, *asked)
        if judged is None:
            detail = f"{SIGNATURE_HEADER} is not that of {TIMESTAMP_HEADER}, a dot and the body"
            channel.turn_away("wrong_signature", detail)
            return _error(HTTPStatus.UNAUTHORIZED, "wrong_signature", detail, _CHALLENGE)
        try:
            return await self._take(channel.watch, judged)
        except Retryable as error:
            detail = f"{error}; send all of it again: what was taken is answered as duplicate"
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "busy", detail, _RETRY_AFTER)
        except Fatal as error:
            if not self._failure.done():
                self._failure.set_exception(error)
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "stopped", "this process is stopping")

    async def _read(self, request: web.Request, channel: Channel) -> bytes | web.Response:
        """Read a body within its limits."""
        encoding = request.headers.get("Content-Encoding", "identity").lower()
        if encoding != "identity":
            detail = "send the body as it is, not compressed"
            return _error(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "compressed", detail)
        limit, timeout_ms = self._settings.max_body_bytes, self._settings.request_timeout_ms
        too_large = f"the body is longer than {limit} bytes: send less at a time"
        if (request.content_length or 0) > limit:
            channel.turn_away("too_large", too_large)
            return _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", too_large)
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await request.read()
        except web.HTTPRequestEntityTooLarge:
            channel.turn_away("too_large", too_large)
            return _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", too_large)
        except (ConnectionError, web.RequestPayloadError) as error:
            detail = f"the connection was cut within the body ({type(error).__name__})"
            channel.turn_away("cut", detail)
            return _error(HTTPStatus.BAD_REQUEST, "cut", detail)
        except TimeoutError:
            detail = f"the body took longer than {timeout_ms} ms"
            channel.turn_away("too_slow", detail)
            answer = _error(HTTPStatus.REQUEST_TIMEOUT, "too_slow", detail)
            answer.force_close()
            return answer

    async def _take(self, watch: Watch, judged: Judged) -> web.Response:
        """Take entries over in their order, and answer once all of them are safe.

        Raises:
            Retryable: the bus is full, or did not confirm in time.
            Fatal: the bus has stopped.
        """
        answers: list[dict[str, Any]] = []
        counts = watch.intake.counts
        for number, (native_id, read) in enumerate(judged.entries):
            if number:
                await asyncio.sleep(0)  # other sources have their turn between two items
            before = counts.duplicates
            event_id = watch.take(read)
            if isinstance(read, Event):
                duplicate = counts.duplicates != before
                answers.append({"id": native_id, "event": event_id, "duplicate": duplicate})
            else:
                refused = {"error": str(read.reason), "detail": read.detail}
                answers.append({"id": native_id, **refused})
        if any(isinstance(read, Event) for _, read in judged.entries):
            await self._room.confirm()
        if not judged.single:
            return _answer(HTTPStatus.OK, {"items": answers})
        (answer,), ((_, read),) = answers, judged.entries
        if isinstance(read, Event):
            return _answer(HTTPStatus.OK, answer)
        if read.reason is RefusalReason.BAD_JSON:
            return _answer(HTTPStatus.BAD_REQUEST, answer)
        return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, answer)


def _answer(
    status: HTTPStatus, body: dict[str, Any], headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/json",
        headers=headers,
    )


def _error(
    status: HTTPStatus, error: str, detail: str, headers: dict[str, str] | None = None
) -> web.Response:
    return _answer(status, {"error": error, "detail": detail}, headers)
