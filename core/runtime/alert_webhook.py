"""Posts notifications to a web address, in the form that chat services take."""

from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from core.contracts.clock import Clock
from core.contracts.errors import Rejected, Retryable
from core.runtime.notifications import Notification
from core.runtime.redaction import redact_known, register_secret
from core.runtime.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

_SECOND_NS: Final = 1_000_000_000
_LONGEST_WAIT_S: Final = 3_600


class AlertWebhook:
    """A `Receiver` over HTTP: one POST each, JSON whose `text` says everything.

    Args:
        url: http or https; a secret with many services, so only its host is ever told.
        secret: signs each request as the webhook source wants it (`X-Tidings-Signature`); None
            leaves it unsigned.
        timeout_ms: for one request.
        clock: for the stamp.
    """

    def __init__(self, url: str, *, secret: str | None, timeout_ms: int, clock: Clock) -> None:
        register_secret(url)
        self._url = URL(url)
        self._secret = None if secret is None else secret.encode()
        self._timeout_ms = timeout_ms
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def deliver(self, notification: Notification) -> None:
        """Post one.

        Raises:
            Retryable: no answer, 408, 429 or 5xx; with the server's `Retry-After` in seconds.
            Rejected: any other answer that is not 2xx.
        """
        body = _body(notification)
        host = self._url.host
        try:
            async with self._opened().post(
                self._url, data=body, headers=self._headers(body), allow_redirects=False
            ) as response:
                status, after = response.status, response.headers.get("Retry-After", "")
        except TimeoutError as error:
            raise Retryable(f"{host} did not answer within {self._timeout_ms} ms") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Retryable(f"{host} can't be told: {redact_known(str(error))}") from error
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        if status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) or (
            status >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            seconds = min(int(after[:6]), _LONGEST_WAIT_S) if after.isdecimal() else 0
            raise Retryable(f"{host} answered {status}", retry_after_ns=seconds * _SECOND_NS)
        raise Rejected(f"{host} answered {status}: check notifications.url")

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout_ms / 1000),
                headers={"User-Agent": f"tidings/{version('tidings')}"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._secret is not None:
            stamp = str(self._clock.now_ns() // _SECOND_NS)
            headers[TIMESTAMP_HEADER] = stamp
            headers[SIGNATURE_HEADER] = sign(self._secret, stamp, body)
        return headers


def _body(notification: Notification) -> bytes:
    at = datetime.fromtimestamp(notification.at_ns // _SECOND_NS, UTC)
    return msgspec.json.encode(
        {
            "text": f"[{notification.service}] {notification.text}",
            "service": notification.service,
            "subject": notification.subject,
            "at": at.isoformat().replace("+00:00", "Z"),
            "suppressed": notification.suppressed,
        }
    )
