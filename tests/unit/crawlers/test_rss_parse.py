"""Every feed document gives items or named refusals, and never does anything else."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.event import EventKind
from crawlers.item import Item, Refusal, RefusalReason, TextFormat
from crawlers.normalise import Limits, normalise
from crawlers.sources.rss.parse import parse
from crawlers.sources.rss.settings import MAX_DOCUMENT_BYTES
from tests.unit.crawlers.doubles import NOW_NS

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


def test_time_of_change_makes_an_edit_of_an_entry() -> None:
    edit = EventKind.EDITED, 1_704_240_000
    (item,) = parse(ATOM).entries
    assert isinstance(item, Item)
    assert (item.kind, item.revision) == edit
    (item, *_) = parse(
        RSS.replace(b"</pubDate>", b"</pubDate><u:date>2024-01-03T00:00:00Z</u:date>").replace(
            b"<rss ", b'<rss xmlns:u="http://purl.org/dc/elements/1.1/" '
        )
    ).entries
    assert isinstance(item, Item)
    assert (item.kind, item.revision) == edit


def test_change_at_the_time_of_publication_or_before_is_none() -> None:
    for updated in (b"2024-01-02T00:00:00Z", b"2024-01-01T19:00:00-05:00", b"2023-12-31", b"soon"):
        (item,) = parse(ATOM.replace(b"2024-01-03T00:00:00Z", updated)).entries
        assert isinstance(item, Item)
        assert (item.kind, item.revision) == (EventKind.PUBLISHED, 0)


def test_entry_that_tells_only_its_change_is_dated_by_it() -> None:
    feed = parse(ATOM.replace(b"<published>2024-01-02T00:00:00Z</published>", b""))
    (item,) = feed.entries
    assert isinstance(item, Item)
    assert (item.published, item.revision) == ("2024-01-03T00:00:00Z", 0)
    assert feed.dated_by_update == {"urn:1"}
    assert parse(ATOM).dated_by_update == frozenset()


def test_tombstones_are_deletions() -> None:
    feed = parse(
        b"""<feed xmlns="http://www.w3.org/2005/Atom" xmlns:t="http://purl.org/atompub/tombstones/1.0">
        <t:deleted-entry ref="urn:2" when="2024-01-04T00:00:00Z"><t:comment>spam</t:comment>
        </t:deleted-entry><entry><id>urn:1</id><title>&lt;t:deleted-entry ref="urn:9"/&gt;</title>
        <t:deleted-entry ref="urn:8"/></entry><t:deleted-entry/></feed>"""
    )
    kept, deleted = feed.entries
    assert isinstance(kept, Item)
    assert kept.native_id == "urn:1"
    assert deleted == Item(
        native_id="urn:2", kind=EventKind.DELETED, published="2024-01-04T00:00:00Z"
    )


def test_tombstones_alone_are_no_empty_feed() -> None:
    (deleted,) = parse(
        b'<feed xmlns="http://www.w3.org/2005/Atom"><deleted-entry ref="urn:2" '
        b'xmlns="http://purl.org/atompub/tombstones/1.0"/></feed>'
    ).entries
    assert isinstance(deleted, Item)
    assert (deleted.native_id, deleted.kind) == ("urn:2", EventKind.DELETED)


@pytest.mark.parametrize(
    ("said", "interval_ms"),
    [
        (b"<ttl>15</ttl>", 900_000),
        (b"<ttl>0</ttl>", None),
        (b"<ttl>soon</ttl>", None),
        (b"<ttl>99999999999999</ttl>", None),
        (b"<sy:updatePeriod>hourly</sy:updatePeriod>", 3_600_000),
        (b"<ttl>1</ttl><sy:updatePeriod> daily </sy:updatePeriod>", 86_400_000),
        (b"<sy:updateFrequency>2</sy:updateFrequency><sy:updatePeriod>hourly</sy:updatePeriod>",
         1_800_000),
        (b"<sy:updatePeriod>now and then</sy:updatePeriod>", None),
        (b"", None),
    ],
)  # fmt: skip
def test_publishers_word_on_the_interval_is_read(said: bytes, interval_ms: int | None) -> None:
    syndication = b'<rss xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" '
    document = RSS.replace(b"<channel>", b"<channel>" + said).replace(b"<rss ", syndication)
    assert parse(document).interval_ms == interval_ms


def test_older_pages_are_found_archives_first() -> None:
    paged = b'<link rel="next" href="?page=2"/>'
    archived = b'<link rel="prev-archive" href="https://example.com/2023.xml"/>'
    at = ATOM.index(b"<title>Desk")
    for links, older in (
        (b"", None),
        (paged, "?page=2"),
        (paged + archived, "https://example.com/2023.xml"),
    ):
        assert parse(ATOM[:at] + links + ATOM[at:]).older_url == older


def test_generator_is_read() -> None:
    said = b"<channel><generator>https://wordpress.org/?v=6.4</generator>"
    assert parse(RSS.replace(b"<channel>", said)).generator == "https://wordpress.org/?v=6.4"


def test_id_stays_as_it_is_written() -> None:
    for native_id in (b"t3_42", b"relative/path", b"http://EXAMPLE.com/../x"):
        (item,) = parse(ATOM.replace(b"urn:1", native_id)).entries
        assert isinstance(item, Item)
        assert item.native_id == native_id.decode()
