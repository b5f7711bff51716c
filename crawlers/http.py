"""Asks servers politely and safely: one pool, bounded answers, no private addresses."""

import errno
import socket
from collections.abc import Mapping
from http import HTTPStatus
from importlib.metadata import version
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

import aiohttp
import msgspec
from yarl import URL

from core.contracts.errors import Rejected, Retryable
from crawlers.times import parse_time

USER_AGENT: Final = f"tidings/{version('tidings')}"

_CHUNK_BYTES: Final = 65_536
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_LONGEST_WAIT_NS: Final = 86_400_000_000_000
_NAT64: Final = int(IPv6Address("64:ff9b::")) >> 32


class PrivateAddressError(OSError):
    """An address on the inside was about to be asked."""


class TooLargeError(Rejected):
    """A body longer than the limit; its rest was not read."""


class Fetched(msgspec.Struct, frozen=True):
    """An answer with a body (200), or the word that nothing changed (304, empty body)."""

    url: str
    changed: bool
    body: bytes
    content_type: str | None
    etag: str | None
    last_modified: str | None


def open_session(
    *, timeout_ms: int, connections_per_host: int, allow_private: bool
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
        headers={"User-Agent": USER_AGENT},
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
) -> Fetched:
    """GET one document, following redirects.

    Args:
        session: from `open_session`.
        url: http or https.
        headers: for this request.
        max_bytes: longest body, decompressed; the rest is not read.
        max_redirects: how many are followed.
        now_ns: for a `Retry-After` that is a date.

    Raises:
        Retryable: no answer, a broken one, 429 or 5xx; with the server's `Retry-After`.
        Rejected: any other status, too long a body, too many redirects or an unfit one.
    """
    target = URL(url)
    try:
        for _ in range(max_redirects + 1):
            async with session.get(target, headers=headers, allow_redirects=False) as response:
                if response.status not in _REDIRECTS:
                    return await _read(response, max_bytes, now_ns)
                location = response.headers.get("Location")
                if not location:
                    raise Rejected(f"{target} redirects to nowhere ({response.status})")
                target = target.join(URL(location))
            if target.scheme not in ("http", "https"):
                raise Rejected(f"{url} redirects to {target}: only http and https are followed")
    except TimeoutError as error:
        raise Retryable(f"{target} did not answer in time") from error
    except aiohttp.InvalidURL as error:
        raise Rejected(f"{url} leads to what is no address: {error}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Retryable(f"{target} could not be read: {error}") from error
    except ValueError as error:  # yarl's, for a Location that can't be an address
        raise Rejected(f"{url} redirects to what is no address: {error}") from error
    raise Rejected(f"{url} redirects more than {max_redirects} times: put its final address in")


async def _read(response: aiohttp.ClientResponse, max_bytes: int, now_ns: int) -> Fetched:
    """Read an answer's body up to the limit."""
    status = response.status
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Retryable(
            f"{response.url} answered {status}",
            retry_after_ns=_retry_after_ns(response.headers.get("Retry-After"), now_ns),
        )
    if status not in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
        raise Rejected(f"{response.url} answered {status}: check the address")
    body = bytearray()
    if status == HTTPStatus.OK:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            body += chunk
            if len(body) > max_bytes:
                response.close()  # not released: the rest must not be read for the next request
                raise TooLargeError(f"{response.url} sends more than {max_bytes} bytes")
    return Fetched(
        url=str(response.url),
        changed=status == HTTPStatus.OK,
        body=bytes(body),
        content_type=response.headers.get("Content-Type"),
        etag=response.headers.get("ETag"),
        last_modified=response.headers.get("Last-Modified"),
    )


def _retry_after_ns(value: str | None, now_ns: int) -> int | None:
    """Read `Retry-After`: seconds or a date (RFC 9110 section 10.2.3), at most a day."""
    if value is None:
        return None
    value = value.strip()
    if value.isdecimal():
        return min(int(value[:9]) * 1_000_000_000, _LONGEST_WAIT_NS)
    # Any time up to a day ahead is meant, so it is read as if received then.
    parsed = parse_time(value, now_ns + _LONGEST_WAIT_NS, None)
    return max(0, parsed[0] - now_ns) if isinstance(parsed, tuple) else None


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
