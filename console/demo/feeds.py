"""Writes posts as outlets do: RSS 2.0 and Atom documents, JSON messages, dates in many styles."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Final
from xml.sax.saxutils import escape

import msgspec

from console.demo.posts import DateStyle, Form, Outlet, Post

CONTENT_TYPES: Final = {
    Form.RSS: "application/rss+xml; charset=utf-8",
    Form.ATOM: "application/atom+xml; charset=utf-8",
}
SECOND_NS: Final = 1_000_000_000

_EAST: Final = timezone(timedelta(hours=5, minutes=30))
_RFC_822: Final = {
    DateStyle.GMT: (UTC, "GMT"),
    DateStyle.EST: (timezone(timedelta(hours=-5)), "EST"),
    DateStyle.JST: (timezone(timedelta(hours=9)), "JST"),
    DateStyle.OFFSET: (_EAST, "+0530"),
}
_CEST: Final = timezone(timedelta(hours=2))


def write_date(published_ns: int, style: DateStyle) -> str | int | None:
    """Write a time (UTC ns) in a style, cut to what the style can tell; None for no date."""
    seconds, rest = divmod(published_ns, SECOND_NS)
    moment = datetime.fromtimestamp(seconds, UTC)
    if style in _RFC_822:
        zone, name = _RFC_822[style]
        return format_datetime(moment.astimezone(zone)).rsplit(" ", 1)[0] + f" {name}"
    match style:
        case DateStyle.ISO_OFFSET:
            return moment.astimezone(_CEST).isoformat()
        case DateStyle.ISO_MILLIS:
            return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03}Z"
        case DateStyle.MILLIS:
            return published_ns // 1_000_000
        case DateStyle.SECONDS:
            return seconds
        case DateStyle.NONE:
            return None
        case _:
            return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def address(outlet: Outlet, native_id: str) -> str:
    """Give a post's address, in a domain that belongs to nobody (RFC 2606)."""
    return f"https://{outlet.slug}.example/{native_id}"


def wire_message(outlet: Outlet, post: Post, released_ns: int) -> bytes:
    """Write a post as a message of a wire.

    Sample: {"type":"news","id":"hw-1","title":"...","body":"...","time":1790000000123,
    "author":"Harbour Wire","url":"https://harbour-wire.example/hw-1"}
    """
    if post.raw is not None:
        return post.raw.encode()
    message: dict[str, str | int] = {
        "type": "news",
        "id": post.id,
        "title": post.title,
        "body": post.body,
        "author": post.author or outlet.name,
        "url": address(outlet, post.id),
    }
    date = write_date(released_ns - post.age_s * SECOND_NS, post.dates or outlet.dates)
    if date is not None:
        message["time"] = date
    return msgspec.json.encode(message)


def entry(outlet: Outlet, post: Post, released_ns: int) -> str:
    """Write a post as an entry of its outlet's feed."""
    if post.raw is not None:
        return post.raw
    date = write_date(released_ns - post.age_s * SECOND_NS, post.dates or outlet.dates)
    link = escape(address(outlet, post.id))
    author = escape(post.author or outlet.name)
    if outlet.form is Form.RSS:
        dated = "" if date is None else f"<pubDate>{date}</pubDate>"
        return (
            f'<item><guid isPermaLink="false">{escape(post.id)}</guid>'
            f"<title>{escape(post.title)}</title><link>{link}</link>"
            f"<dc:creator>{author}</dc:creator>{dated}"
            f"<description>{_marked_up(post.body)}</description></item>"
        )
    dated = "" if date is None else f"<published>{date}</published><updated>{date}</updated>"
    return (
        f"<entry><id>{escape(post.id)}</id><title>{escape(post.title)}</title>"
        f'<link href="{link}"/><author><name>{author}</name></author>{dated}'
        f'<content type="html">{escape(post.body)}</content></entry>'
    )


def document(outlet: Outlet, entries: Iterable[str]) -> bytes:
    """Join entries, newest first, to a feed document."""
    name, home = escape(outlet.name), address(outlet, "")
    about = "Invented news for a demonstration: nothing in it happened."
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    body = "\n".join(entries)
    if outlet.form is Form.RSS:
        return (
            f'{head}<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
            f"<title>{name}</title><link>{home}</link><description>{about}</description>"
            f"<language>{outlet.language}</language>\n{body}\n</channel></rss>\n"
        ).encode()
    return (
        f'{head}<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{outlet.language}">'
        f'<id>{home}</id><title>{name}</title><subtitle>{about}</subtitle><link href="{home}"/>\n'
        f"{body}\n</feed>\n"
    ).encode()


def _marked_up(body: str) -> str:
    """Put HTML into RSS the two ways that feeds do: as CDATA where there are tags, else escaped."""
    return f"<![CDATA[{body}]]>" if "<" in body and "]]>" not in body else escape(body)
