"""Every feed document gives items or named refusals, and never does anything else."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.event import Event
from crawlers.item import Item, Refusal, RefusalReason, TextFormat
from crawlers.normalise import Limits, normalise
from crawlers.sources.rss.parse import parse
from crawlers.sources.rss.settings import MAX_DOCUMENT_BYTES
from tests.unit.crawlers.doubles import NOW_NS

REAL_FEEDS = Path(__file__).resolve().parents[4] / "shared" / "data" / "feeds"

RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Desk</title>
<language>en-gb</language>
<item><guid isPermaLink="false">id-2</guid><title>Second &amp; last</title>
<link>https://example.com/2</link><description>&lt;p&gt;Body&lt;/p&gt;</description>
<author>jo@example.com (Jo)</author><pubDate>Tue, 02 Jan 2024 03:04:05 GMT</pubDate></item>
<item><link>https://example.com/1</link><title>First</title></item>
<item><title>Neither id nor link</title></item>
<item><guid>id-0</guid></item>
</channel></rss>"""

ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>Desk</title>
<entry><id>urn:1</id><title type="html">&lt;b&gt;Bold&lt;/b&gt;</title>
<link rel="alternate" href="/posts/1"/><author><name>Jo</name></author>
<updated>2024-01-03T00:00:00Z</updated><published>2024-01-02T00:00:00Z</published>
<summary>short</summary><content type="html">&lt;p&gt;long&lt;/p&gt;</content></entry></feed>"""


def only(document: bytes, content_type: str | None = None) -> Refusal:
    feed = parse(document, content_type)
    assert len(feed.entries) == 1
    refusal = feed.entries[0]
    assert isinstance(refusal, Refusal)
    return refusal


def test_rss_entries_come_in_the_documents_order() -> None:
    feed = parse(RSS, "application/rss+xml")
    assert feed.whole
    second, first, unnamed, silent = feed.entries
    assert second == Item(
        native_id="id-2",
        title="Second & last",
        title_format=TextFormat.HTML,
        text="<p>Body</p>",
        text_format=TextFormat.HTML,
        author="jo@example.com (Jo)",
        url="https://example.com/2",
        published="Tue, 02 Jan 2024 03:04:05 GMT",
        language="en-gb",
    )
    assert isinstance(first, Item)
    assert first.native_id == "https://example.com/1"
    assert isinstance(unnamed, Item)
    assert unnamed.native_id.startswith("hash:")
    assert silent == Refusal(RefusalReason.NO_TEXT, "neither title nor text", "id-0")


def test_atom_entry_has_its_full_content_and_first_publication() -> None:
    (item,) = parse(ATOM, "application/atom+xml", "https://example.com/feed").entries
    assert isinstance(item, Item)
    assert (item.native_id, item.title, item.text) == ("urn:1", "<b>Bold</b>", "<p>long</p>")
    assert (item.title_format, item.text_format) == (TextFormat.HTML, TextFormat.HTML)
    assert item.published == "2024-01-02T00:00:00Z"
    assert item.url == "https://example.com/posts/1"
    assert item.author == "Jo"


def test_impossible_character_references_cost_only_themselves() -> None:
    broken = RSS.replace(b"Second &amp; last", b"Go &#xD83D;&#56832;&#x110000;&#0;&#8364; now")
    (item, *_) = parse(broken).entries
    assert isinstance(item, Item)
    assert item.title == "Go \u20ac now"


def test_feed_that_breaks_off_gives_what_it_holds_and_says_so() -> None:
    feed = parse(RSS[: RSS.index(b"Neither")])
    assert not feed.whole
    assert feed.refused is None
    assert [entry.native_id for entry in feed.entries][:2] == ["id-2", "https://example.com/1"]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", RefusalReason.EMPTY_DOCUMENT),
        (b" \n", RefusalReason.EMPTY_DOCUMENT),
        (b"<html><body>Please log in</body></html>", RefusalReason.NOT_A_FEED),
        (b'{"version":"https://jsonfeed.org/version/1.1","items":[]}', RefusalReason.EMPTY_FEED),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), RefusalReason.NOT_A_FEED),
        (b"/etc/passwd", RefusalReason.NOT_A_FEED),
        (b"https://example.com/feed", RefusalReason.NOT_A_FEED),
        (b'<rss version="2.0"><channel><title>x</title></channel></rss>', RefusalReason.EMPTY_FEED),
        (b'<rss version="2.0"><channel><title>x', RefusalReason.BAD_XML),
        (b" " * MAX_DOCUMENT_BYTES + b"<rss/>", RefusalReason.TOO_LARGE),
    ],
)
def test_document_without_entries_is_refused_by_name(
    document: bytes, reason: RefusalReason
) -> None:
    assert only(document).reason is reason


def doctype(entities: str, encoding: str = "utf-8") -> bytes:
    head = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE rss [{entities}]>'
    item = "<item><guid>1</guid><title>&amp; &a;</title></item>"
    return f'{head}<rss version="2.0"><channel>{item}</channel></rss>'.encode(encoding)


@pytest.mark.parametrize(
    "document",
    [
        doctype('<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">'),
        doctype(f'<!ENTITY a "{"x" * 200}">'),
        doctype("".join(f'<!ENTITY a{i} "x">' for i in range(400))),
        doctype('<!ENTITY a "lol"><!ENTITY b "&a;&a;">', "utf-16"),
        doctype('<!ENTITY % a "lol"><!ENTITY b "%a;%a;">'),
        b"<!-- <x --> " + doctype('<!ENTITY a "lol"><!ENTITY b "&a;&a;">')[38:],
    ],
)
def test_entity_bomb_is_refused_before_it_is_parsed(document: bytes) -> None:
    assert only(document).reason is RefusalReason.ENTITY_BOMB


def test_entity_for_a_letter_is_read() -> None:
    (item,) = parse(doctype('<!ENTITY a "&#8364;">')).entries
    assert isinstance(item, Item)
    assert item.title == "& \u20ac"


def test_external_entity_is_not_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    (item,) = parse(doctype(f'<!ENTITY a SYSTEM "{secret.as_uri()}">')).entries
    assert isinstance(item, Item)
    assert "hidden" not in (item.title or "")


def test_name_of_a_file_is_not_opened(tmp_path: Path) -> None:
    feed = tmp_path / "feed.xml"
    feed.write_bytes(RSS)
    assert only(str(feed).encode()).reason is RefusalReason.NOT_A_FEED


@pytest.mark.parametrize(
    "document",
    [
        b'<rss version="2.0"><channel>' + b"<a>" * 30_000,
        b'<rss version="2.0"><channel><item><description>' + b"<a>" * 30_000 + b"</b>",
        b'<rss version="2.0"><channel>' + b"<" * 100_000,
        b'<rss version="2.0"><channel>' + b"&" * 100_000,
        b'<rss version="2.0"><channel><item><title>' + b"<!x " * 30_000 + b"</b>",
    ],
)
def test_hostile_document_takes_bounded_time(document: bytes) -> None:
    started = time.process_time()
    parse(document)
    assert time.process_time() - started < 5


@pytest.mark.skipif(not REAL_FEEDS.is_dir(), reason="the recorded feeds are not here")
@pytest.mark.parametrize("folder", ["feedparser", "rss-parser"])
def test_every_recorded_document_is_events_or_named_refusals(folder: str) -> None:
    documents = [path for path in sorted((REAL_FEEDS / folder).rglob("*")) if path.is_file()]
    assert documents
    events = 0
    for path in documents:
        entries = parse(path.read_bytes()).entries
        assert entries, path
        for entry in entries:
            result = (
                normalise(
                    entry,
                    source="rss",
                    channel=folder,
                    received_ns=NOW_NS,
                    limits=Limits(),
                )
                if isinstance(entry, Item)
                else entry
            )
            assert isinstance(result, Event | Refusal), path
            events += isinstance(result, Event)
    assert events > 100


@given(st.binary(max_size=400))
def test_any_bytes_are_read(document: bytes) -> None:
    assert parse(document).entries


@given(
    st.lists(
        st.sampled_from(
            [b"<rss>", b"<channel>", b"<item>", b"</item>", b"<title>", b"</title>", b"<guid>1",
             b"</guid>", b"<![CDATA[", b"]]>", b"&", b"&amp;", b"<pubDate>", b"<feed>", b"<entry>",
             b"<content type='xhtml'>", b"<div>", b"<!--", b"-->", b"<!DOCTYPE x [", b"<!ENTITY a",
             b"]>", b"'", b'"', b"\xff", b"\x00", b"text", b"<link href='http://[", b"<?xml", b"?>",
             b"<content type='application/octet-stream' mode='base64'>", b"&#xD800;"]
        )
    ),
    st.sampled_from([None, "text/xml; charset=utf-16", "text/xml; charset=nope", "text/html"]),
)  # fmt: skip
def test_any_markup_is_read(parts: list[bytes], content_type: str | None) -> None:
    entries = parse(b"".join(parts), content_type, "http://example.com/").entries
    assert entries
    for entry in entries:
        if isinstance(entry, Item):
            normalise(entry, source="rss", channel="x", received_ns=NOW_NS, limits=Limits())


def test_plain_atom_text_keeps_its_brackets() -> None:
    plain = ATOM.replace(b'type="html">&lt;b&gt;Bold&lt;/b&gt;', b'type="text">a &lt;b&gt; c')
    (item,) = parse(plain).entries
    assert isinstance(item, Item)
    assert (item.title, item.title_format) == ("a <b> c", TextFormat.PLAIN)
