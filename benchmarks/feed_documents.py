"""Feed documents for benchmarks: made here in several forms and sizes, and recorded ones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from pathlib import Path
from random import Random
from typing import Final

RECORDED: Final = Path(__file__).resolve().parents[2] / "shared" / "data" / "feeds"

ENTRIES: Final = (10, 50, 200)
PARAGRAPHS: Final = (0, 1, 6)
_NEWEST: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)
_GAP: Final = timedelta(minutes=17)
_TEXT: Final = (
    "the exchange lists coin after network upgrade and token holders vote on treasury while "
    "regulator opens inquiry into reserves of lender whose withdrawals are paused until audit "
    "market volume rises as miners move funds to custody bridge validators restart block price"
)
_WORDS: Final = tuple(_TEXT.split())


def made() -> Iterator[bytes]:
    """Make documents: each form with each number of entries and length of body."""
    words = Random(11)  # noqa: S311 - the same documents each time
    for entries in ENTRIES:
        for paragraphs in PARAGRAPHS:
            yield _rss(words, entries, paragraphs)
            yield _atom(words, entries, paragraphs)
    yield _rss(words, ENTRIES[1], 1).replace(b"utf-8", b"iso-8859-1", 1)
    yield _rss(words, ENTRIES[1], 1).replace(b"</channel>", b"<p></channel>")  # not well-formed


def recorded() -> list[bytes]:
    """Read the recorded documents; none where they are not."""
    return [
        path.read_bytes()
        for path in sorted(RECORDED.rglob("*"))
        if path.is_file() and path.suffix != ".json" and path.name != "LICENSE"
    ]


def _sentence(words: Random, count: int) -> str:
    return " ".join(words.choices(_WORDS, k=count)).capitalize()


def _body(words: Random, paragraphs: int) -> str:
    """Write HTML as content systems do."""
    return "".join(
        f'<p>{_sentence(words, 30)} <a href="https://example.com/{number}">'
        f"<strong>{_sentence(words, 4)}</strong></a> &amp; {_sentence(words, 40)}.</p>\n"
        for number in range(paragraphs)
    )


def _rss(words: Random, entries: int, paragraphs: int) -> bytes:
    items = []
    for number in range(entries):
        body = _body(words, paragraphs)
        content = f"<content:encoded><![CDATA[{body}]]></content:encoded>" if body else ""
        at = format_datetime(_NEWEST - number * _GAP, usegmt=True)
        items.append(
            f"<item><title>{_sentence(words, 10)}</title>"
            f"<link>https://example.com/news/{number}?utm_source=rss</link>"
            f'<guid isPermaLink="false">tag:example.com,{number}</guid><pubDate>{at}</pubDate>'
            f"<dc:creator>{_sentence(words, 2)}</dc:creator><category>markets</category>"
            f"<description>{escape(_sentence(words, 25))}</description>{content}</item>"
        )
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Desk</title>'
        f"<link>https://example.com/</link><ttl>5</ttl>{''.join(items)}</channel></rss>"
    ).encode()


def _atom(words: Random, entries: int, paragraphs: int) -> bytes:
    items = []
    for number in range(entries):
        at = (_NEWEST - number * _GAP).isoformat()
        body = escape(_body(words, paragraphs) or _sentence(words, 25))
        items.append(
            f"<entry><id>tag:example.com,{number}</id><title>{_sentence(words, 10)}</title>"
            f'<link rel="alternate" href="https://example.com/news/{number}"/>'
            f"<author><name>{_sentence(words, 2)}</name></author>"
            f'<published>{at}</published><updated>{at}</updated><category term="markets"/>'
            f'<content type="html">{body}</content></entry>'
        )
    return (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>Desk</title><id>tag:example.com</id>{''.join(items)}</feed>"
    ).encode()
