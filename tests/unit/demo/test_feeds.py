"""Feeds and wires as outlets write them, read back by the crawlers' own parsers."""

import pytest

from console.demo.feeds import SECOND_NS, document, entry, wire_message, write_date
from console.demo.posts import DateStyle, Form, Outlet, Post
from core.contracts.event import TimePrecision
from crawlers.item import Item
from crawlers.sources.newswire.parse import make_parse
from crawlers.sources.rss.parse import parse
from crawlers.text import clean
from crawlers.times import parse_time
from tests.unit.demo.tape_reading import NOW_NS, wire_settings

HARD = 'AT&T <b>"bold"</b> ]]> &mdash; 漢字 \u202e'


def _outlet(form: Form, dates: DateStyle = DateStyle.ZULU) -> Outlet:
    return Outlet(slug="gazette", name="Gazette & Sons <>", form=form, dates=dates)


@pytest.mark.parametrize("style", list(DateStyle))
def test_every_date_style_is_read_back_to_the_second(style: DateStyle) -> None:
    published_ns = NOW_NS - 3 * SECOND_NS
    written = write_date(published_ns, style)
    parsed = parse_time(written, NOW_NS, None)
    assert isinstance(parsed, tuple)
    if style is DateStyle.NONE:
        assert parsed == (NOW_NS, TimePrecision.RECEIVED)
    else:
        assert parsed[1] is TimePrecision.EXACT
        assert 0 <= published_ns - parsed[0] < SECOND_NS


@pytest.mark.parametrize("form", [Form.RSS, Form.ATOM])
@pytest.mark.parametrize("body", [HARD, "plain & simple", "<p>one</p><p>two</p>", ""])
def test_hard_text_survives_the_way_through_a_feed(form: Form, body: str) -> None:
    outlet = _outlet(form)
    post = Post(outlet=outlet.slug, id="g&1", title=HARD, body=body, author="A <B>")
    read = parse(document(outlet, [entry(outlet, post, NOW_NS)])).entries
    assert len(read) == 1
    item = read[0]
    assert isinstance(item, Item)
    assert (item.native_id, item.title, item.author) == ("g&1", HARD, "A <B>")
    assert (item.text or "") == body.strip()
    assert item.url == "https://gazette.example/g&1"


def test_wire_message_is_read_back() -> None:
    outlet = _outlet(Form.WIRE, DateStyle.MILLIS)
    post = Post(outlet=outlet.slug, id="g1", title=HARD, body="text", age_s=60)
    (item,) = make_parse(wire_settings(outlet))(wire_message(outlet, post, NOW_NS))
    assert isinstance(item, Item)
    assert (item.native_id, item.title, item.text) == ("g1", HARD, "text")
    assert item.published == (NOW_NS - 60 * SECOND_NS) // 1_000_000


def test_empty_feed_is_a_whole_document() -> None:
    assert parse(document(_outlet(Form.ATOM), ())).whole


def test_bodies_become_plain_text() -> None:
    outlet = _outlet(Form.RSS)
    post = Post(outlet=outlet.slug, id="1", title="t", body="<p>five &#8217;tis <b>so</b></p>")
    (item,) = parse(document(outlet, [entry(outlet, post, NOW_NS)])).entries
    assert isinstance(item, Item)
    assert clean(item.text or "", item.text_format, 100)[0] == "five \u2019tis so"
