"""Brings web addresses to one canonical form, without visiting them."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

import idna

from crawlers.url_tables import (
    HOSTS,
    MAIN_HOSTS,
    SHORTENERS,
    TRACKER_PREFIXES,
    TRACKERS,
    TRACKERS_BY_HOST,
    WRAPPERS,
)

LONGEST: Final = 2_000

_MOST_WRAPPERS: Final = 20
_LONGEST_HOST: Final = 253  # RFC 1035 section 2.3.4, without the root's dot
_HIGHEST_PORT: Final = 65_535
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_UNRESERVED: Final = frozenset(  # RFC 3986 section 2.3
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
)

# What most newswires send; a dot segment is looked for apart, since that is faster.
_CANONICAL: Final = re.compile(
    r"https://((?:[a-z0-9-]{1,63}+\.)++[a-z][a-z0-9-]{0,62}+)/[!$&-;=@-Z_a-z~]*+"
)
# Backslashes count as slashes, as in browsers (the URL standard of WHATWG, section 4.4).
_PARTS: Final = re.compile(
    r"(?P<scheme>https?):[/\\]{2}(?P<authority>[^/\\?#]+)(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.IGNORECASE,
)
_HOST: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_ESCAPED: Final = re.compile(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~!$&'()*+,;=:@/?]")
_GOOGLE: Final = re.compile(r"(?:www\.)?google(?:\.[a-z]{2,3}){1,2}")
_AMP_CACHE: Final = re.compile(r"/[a-z]/(?:(s)/)?([^/]+\.[^/]+.*)")
_GOOGLE_AMP: Final = re.compile(r"/amp/(?:(s)/)?([^/]+\.[^/]+.*)")
_GOOGLE_NEWS: Final = re.compile(r"/(?:rss/)?articles/([\w-]+)=*", re.ASCII)
_IN_GOOGLE_NEWS: Final = re.compile(rb'\x08\x13"..?(https?://[\x21-\x7e]+)', re.DOTALL)


class _Address(NamedTuple):
    """An address in its parts, each in canonical form."""

    scheme: str
    host: str  # with its port, where that is not the default one
    path: str
    query: str
    fragment: str

    def __str__(self) -> str:
        query = f"?{self.query}" if self.query else ""
        fragment = f"#{self.fragment}" if self.fragment else ""
        return f"{self.scheme}://{self.host}{self.path}{query}{fragment}"


def canonical(url: str) -> str | None:
    """Give the one form of a web address, so that equal pages have equal addresses.

    Scheme and host in lower case, the host in IDNA, no default port, no credentials, no
    fragment (unless it begins with `!`: a page's address of its own), dot segments resolved,
    escapes normalised (RFC 3986 section 6.2.2), parameters that only track removed, the others
    left in their order. Redirects and AMP caches that hold their target are replaced by it, and
    the other hosts of well-known sites by the main one. Links that say nothing of where they
    lead stay: see `is_shortened`.

    Its own results it gives back unchanged.

    Returns:
        At most 2,000 printable ASCII characters, or None for what is no http(s) address.
    """
    plain = _CANONICAL.fullmatch(url)
    if (
        plain is not None
        and "/." not in url
        and len(url) <= LONGEST
        and (host := plain[1]) not in HOSTS
        and "google." not in host
        and ".ampproject." not in host
        and len(host) <= _LONGEST_HOST
    ):
        return url
    found = None
    for _ in range(_MOST_WRAPPERS):
        address = _read(url)
        if address is None:
            return found
        found = str(address)
        target = _target(address)
        if target is None:
            return found
        url = target
    return None


def is_shortened(url: str) -> bool:
    """Say whether only a visit would tell where a canonical address leads."""
    return url.split("/", 3)[2] in SHORTENERS


def _read(url: str) -> _Address | None:
    """Take an address apart and bring each part to its canonical form."""
    url = url.strip()
    if len(url) > LONGEST or not url.isprintable() or " " in url:
        return None
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return None
    scheme = parts["scheme"].lower()
    host = _host_and_port(parts["authority"].rpartition("@")[2], scheme)
    if host is None:
        return None
    host = HOSTS.get(host, host)
    if host in MAIN_HOSTS:
        scheme = "https"
    path = _resolve(_escape(parts["path"].replace("\\", "/")))
    query = _escape(parts["query"] or "")
    if query:
        query = "&".join(_without_trackers(query.split("&"), host))
    fragment = parts["fragment"] or ""
    fragment = _escape(fragment) if fragment.startswith("!") else ""
    address = _Address(scheme, host, path, query, fragment)
    return address if len(str(address)) <= LONGEST else None


def _host_and_port(written: str, scheme: str) -> str | None:
    """Read a host and its port, or find that there is none."""
    name, colon, port = written.rpartition(":")
    if not colon or written.endswith("]"):
        name, port = written, ""
    host = _ipv6(name[1:-1]) if name[:1] == "[" and name[-1:] == "]" else _host(name)
    if host is None or not port:
        return host
    if not (port.isascii() and port.isdecimal() and len(port) <= len("65535")):
        return None
    number = int(port)
    if number > _HIGHEST_PORT:
        return None
    return host if number == _DEFAULT_PORTS[scheme] else f"{host}:{number}"


def _host(written: str) -> str | None:
    """Read a name or an IPv4 address, which must be written as four decimal numbers."""
    host = unquote(written)
    if len(host) > _LONGEST_HOST + 1:
        return None
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            return None
    host = host.lower().removesuffix(".")
    if len(host) > _LONGEST_HOST or _HOST.fullmatch(host) is None:
        return None
    last = host.rpartition(".")[2]
    if not last.isdecimal() and not last.startswith("0x"):
        return host
    try:
        return str(IPv4Address(host))
    except ValueError:
        return None


def _ipv6(written: str) -> str | None:
    try:
        return None if "%" in written else f"[{IPv6Address(written)}]"
    except ValueError:
        return None


def _escape(part: str) -> str:
    """Escape what must be, and nothing that need not."""
    return _ESCAPED.sub(_escaped, part)


def _escaped(match: re.Match[str]) -> str:
    found = match[0]
    if len(found) == 1:
        return quote(found, safe="")
    character = chr(int(found[1:], 16))
    return character if character in _UNRESERVED else found.upper()


def _resolve(path: str) -> str:
    """Resolve `.` and `..` (RFC 3986 section 5.2.4)."""
    if "/." not in path:
        return path or "/"
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _without_trackers(parameters: Iterable[str], host: str) -> list[str]:
    """Leave out what serves the sender's statistics and does not change the page."""
    own = TRACKERS_BY_HOST.get(host, frozenset())
    kept: list[str] = []
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        name = name.lower()
        if (
            parameter
            and name not in TRACKERS
            and name not in own
            and not name.startswith(TRACKER_PREFIXES)
            and not (name == "source" and value.startswith("rss-"))  # Medium's feeds
        ):
            kept.append(parameter)
    return kept


def _target(address: _Address) -> str | None:
    """Find the address that a redirect or a cache holds; None where it is no such thing."""
    host, path, query = address.host, address.path, address.query
    if host.endswith(".cdn.ampproject.org"):
        return _in_path(_AMP_CACHE, path, query)
    if host == "news.google.com":
        return _in_google_news(path)
    if _GOOGLE.fullmatch(host) is not None:
        if path.startswith("/amp/"):
            return _in_path(_GOOGLE_AMP, path, query)
        host = "www.google.com"
    wrapper = WRAPPERS.get(host) or WRAPPERS.get(host.partition(".")[2])
    if wrapper is None or not path.startswith(wrapper.path):
        return None
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        if name in wrapper.parameters:
            target = unquote(value)
            if target[:8].lower().startswith(("http://", "https://")):
                return target
    return None


def _in_path(pattern: re.Pattern[str], path: str, query: str) -> str | None:
    """Read what an AMP cache keeps: an `s` for https, then host and path."""
    match = pattern.fullmatch(path)
    if match is None:
        return None
    scheme = "https" if match[1] else "http"
    return f"{scheme}://{match[2]}{'?' if query else ''}{query}"


def _in_google_news(path: str) -> str | None:
    """Read the address within an article's id; ids of since 2024 hold none."""
    match = _GOOGLE_NEWS.fullmatch(path)
    if match is None or len(match[1]) % 4 == 1:
        return None
    held = _IN_GOOGLE_NEWS.match(urlsafe_b64decode(match[1] + "=="))
    return held[1].decode() if held is not None else None
