"""Asks servers politely and safely: one pool, bounded answers, no private addresses."""

import errno
import socket
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from importlib.metadata import version
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

import aiohttp
import msgspec
from yarl import URL

from core.contracts.errors import Rejected, Retryable
from crawlers.server_waits import fresh_ms, retry_after_ns, spent_wait_ns

PRODUCT: Final = "tidings"
USER_AGENT: Final = f"{PRODUCT}/{version('tidings')}"

Admit = Callable[[str], Awaitable[None]]
"""Returns when an address may be asked for, or raises why not; see `Robots.admit`."""

_CHUNK_BYTES: Final = 65_536
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PERMANENT: Final = frozenset({301, 308})
_NAT64: Final = int(IPv6Address("64:ff9b::")) >> 32


class PrivateAddressError(OSError):
    """An address on the inside was about to be asked."""


class TooLargeError(Rejected):
    """A body longer than the limit; its rest was not read."""


class GoneError(Rejected):
    """410: what was there has been taken away on purpose, for ever."""


class AbsentError(Rejected):
    """404: there is nothing at the address."""


class BarredError(Rejected):
    """403, or 418 as Binance says it: this client is not answered, perhaps for a while.

    Attributes:
        retry_after_ns: the wait that the server asks for; None where it names none.
    """

    def __init__(self, message: str, retry_after_ns: int | None) -> None:
        super().__init__(message)
        self.retry_after_ns = retry_after_ns


class Fetched(msgspec.Struct, frozen=True):
    """An answer with a body (200), or the word that nothing changed (304, empty body).

    Attributes:
        url: where the answer came from, after redirects.
        changed: False for 304.
        body: decompressed; empty for 304.
        content_type: as the server says.
        etag: for `If-None-Match`.
        last_modified: for `If-Modified-Since`.
        moved_to: the address to use from now on, where the server says so (301, 308).
        fresh_ms: for how long the server takes its answer to be good; None where it doesn't say.
        wait_ns: the server's limit of requests is spent for so long.
    """

    url: str
    changed: bool
    body: bytes
    content_type: str | None
    etag: str | None
    last_modified: str | None
    moved_to: str | None = None
    fresh_ms: int | None = None
    wait_ns: int | None = None


def user_agent(contact: str | None = None) -> str:
    """Name us to a server, with whom to write to where that is configured."""
    return f"{USER_AGENT} ({contact})" if contact else USER_AGENT


def open_session(
    *,
    timeout_ms: int,
    connections_per_host: int,
    allow_private: bool,
    contact: str | None = None,
) -> aiohttp.ClientSession:
    """Make the session that all requests of a source share; close it after use.

    Cookies are dropped and proxies from the environment are ignored. Unless `allow_private`,
    every address is checked as its socket is made, so neither a redirect, a literal address nor
    a name that resolves differently the second time leads inside.
    """
    seconds = timeout_ms / 1000
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=100,
            limit_per_host=connections_per_host,
            socket_factory=_any_socket if allow_private else _public_socket,
        ),
        timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=seconds / 2),
        headers={"User-Agent": user_agent(contact)},
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def fetch(
    session: aiohttp.ClientSession,
    url: str,
    *,
    headers: Mapping[str, str],
    max_bytes: int,
    max_redirects: int,
    now_ns: int,
    admit: Admit | None = None,
    cut: bool = False,
) -> Fetched:
    """GET one document, following redirects.

    Args:
        session: from `open_session`.
        url: http or https.
        headers: for this request.
        max_bytes: longest body, decompressed; the rest is not read.
        max_redirects: how many are followed.
        now_ns: for a `Retry-After` that is a date.
        admit: asked before each request, those of redirects included.
        cut: leave out what is longer than `max_bytes` instead of refusing it.

    Raises:
        Retryable: no answer, a broken one, 429 or 5xx; with the wait that the server asks for.
        Rejected: any other status (`AbsentError` for 404, `GoneError` for 410), too long a body
            (`TooLargeError`), too many redirects or an unfit one.
    """
    target = URL(url)
    moved_to: str | None = None
    permanent = True
    try:
        for _ in range(max_redirects + 1):
            if admit is not None:
                await admit(str(target))
            async with session.get(target, headers=headers, allow_redirects=False) as response:
                if response.status not in _REDIRECTS:
                    return await _read(response, max_bytes, now_ns, moved_to=moved_to, cut=cut)
                permanent = permanent and response.status in _PERMANENT
                location = response.headers.get("Location")
                if not location:
                    raise Rejected(f"{target} redirects to nowhere ({response.status})")
                target = target.join(URL(location))
            if target.scheme not in ("http", "https"):
                raise Rejected(f"{url} redirects to {target}: only http and https are followed")
            if permanent:
                moved_to = str(target)
    except TimeoutError as error:
        raise Retryable(f"{target} did not answer in time") from error
    except aiohttp.InvalidURL as error:
        raise Rejected(f"{url} leads to what is no address: {error}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Retryable(f"{target} could not be read: {error}") from error
    except ValueError as error:  # yarl's, for a Location that can't be an address
        raise Rejected(f"{url} redirects to what is no address: {error}") from error
    raise Rejected(f"{url} redirects more than {max_redirects} times: put its final address in")


async def _read(
    response: aiohttp.ClientResponse,
    max_bytes: int,
    now_ns: int,
    *,
    moved_to: str | None,
    cut: bool,
) -> Fetched:
    """Read an answer's body up to the limit."""
    status, headers = response.status, response.headers
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Retryable(
            f"{response.url} answered {status}", retry_after_ns=retry_after_ns(headers, now_ns)
        )
    if status == HTTPStatus.GONE:
        raise GoneError(f"{response.url} is gone for good ({status}): take it out")
    if status == HTTPStatus.NOT_FOUND:
        raise AbsentError(f"{response.url} answered {status}: check the address")
    if status in (HTTPStatus.FORBIDDEN, HTTPStatus.IM_A_TEAPOT):
        raise BarredError(
            f"{response.url} answered {status}: check the address",
            retry_after_ns(headers, now_ns),
        )
    if status not in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
        raise Rejected(f"{response.url} answered {status}: check the address")
    body = bytearray()
    if status == HTTPStatus.OK:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            body += chunk
            if len(body) > max_bytes:
                response.close()  # not released: the rest must not be read for the next request
                if not cut:
                    raise TooLargeError(f"{response.url} sends more than {max_bytes} bytes")
                del body[max_bytes:]
                break
    return Fetched(
        url=str(response.url),
        changed=status == HTTPStatus.OK,
        body=bytes(body),
        content_type=headers.get("Content-Type"),
        etag=headers.get("ETag"),
        last_modified=headers.get("Last-Modified"),
        moved_to=moved_to,
        fresh_ms=fresh_ms(headers),
        wait_ns=spent_wait_ns(headers, now_ns),
    )


def is_public(address: str) -> bool:
    """Say whether an IP address, or the IPv4 address inside it, is one of the open Internet."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        if not ip.is_global or ip.is_multicast:
            inner = ip.ipv4_mapped
            return inner is not None and inner.is_global
        if int(ip) >> 32 == _NAT64:
            return IPv4Address(int(ip) & 0xFFFFFFFF).is_global
        inner = ip.sixtofour
        return inner is None or inner.is_global
    return ip.is_global and not ip.is_multicast


def _any_socket(info: tuple[Any, ...]) -> socket.socket:
    return socket.socket(family=info[0], type=info[1], proto=info[2])


def _public_socket(info: tuple[Any, ...]) -> socket.socket:
    """Make the socket for an address, unless it is one inside."""
    address = str(info[4][0])
    if not is_public(address):
        raise PrivateAddressError(
            errno.EACCES, f"{address} is a private address: set allow_private if it is meant"
        )
    return _any_socket(info)
