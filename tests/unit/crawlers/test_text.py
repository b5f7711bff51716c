"""Hostile text becomes plain text, in bounded time and space."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.item import TextFormat
from crawlers.text import clean

PLAIN, HTML = TextFormat.PLAIN, TextFormat.HTML


@pytest.mark.parametrize(
    ("raw", "form", "expected"),
    [
        ("Exchange lists Coin (COIN)", PLAIN, "Exchange lists Coin (COIN)"),
        ("  two  spaces ", PLAIN, "two spaces"),
        ("line\nbreak\ttab\r\nend\n", PLAIN, "line break tab end"),
        ("a < b && c", PLAIN, "a < b && c"),
        ("AT&amp;T", PLAIN, "AT&amp;T"),
        ("AT&amp;T &euro;5 &#8217;", HTML, "AT&T €5 \u2019"),
        ("<p>One</p><p>Two</p>", HTML, "One Two"),
        ("one<br>two<br/>three", HTML, "one two three"),
        ("<b>B</b>TC", HTML, "BTC"),
        ("<li>a</li><li>b</li>", HTML, "a b"),
        ("<style>p{}</style>x<script>evil()</script>y<!-- z -->", HTML, "xy"),
        ("<title>head</title>body", HTML, "head body"),
        ("1 < 2 and 3 > 2", HTML, "1 < 2 and 3 > 2"),
        ("unclosed <a href='x", HTML, "unclosed"),
        ("e\u0301", PLAIN, "\u00e9"),
        (
            "\uff22\uff34\uff23 \u2460 \ufb01",
            PLAIN,
            "\uff22\uff34\uff23 \u2460 \ufb01",
        ),  # NFC, not NFKC
        ("", HTML, ""),
        ("<p></p>", HTML, ""),
    ],
)
def test_text_is_what_a_reader_would_see(raw: str, form: TextFormat, expected: str) -> None:
    assert clean(raw, form, 1_000) == (expected, 0, False)


@pytest.mark.parametrize(
    ("raw", "form", "expected", "removed"),
    [
        ("a\u08e2b\U000110bd\U0001bca0", PLAIN, "ab", 3),
        ("a\U0001fffeb\U0010ffff", PLAIN, "ab", 2),
        ("Bit\u200bcoin", PLAIN, "Bitcoin", 1),
        ("\u202eevil\u202c", PLAIN, "evil", 2),
        ("A\x00B\x1fC\x7f", PLAIN, "ABC", 3),
        ("&#8238;x&#x200b;", HTML, "x", 2),
        ("\ufeffx\u2066y\u2069", PLAIN, "xy", 3),
        ("tag\U000e0041", PLAIN, "tag", 1),
        ("half \ud83d pair", PLAIN, "half pair", 1),
        ("soft\u00adhyphen", PLAIN, "softhyphen", 1),
    ],
)
def test_invisible_characters_are_removed_and_counted(
    raw: str, form: TextFormat, expected: str, removed: int
) -> None:
    assert clean(raw, form, 1_000) == (expected, removed, False)


def test_text_over_the_limit_is_cut_and_marked() -> None:
    assert clean("abcdef", PLAIN, 3) == ("abc", 0, True)
    assert clean("<p>abcdef</p>", HTML, 3) == ("abc", 0, True)
    assert clean("abc", PLAIN, 3) == ("abc", 0, False)


def test_letter_that_only_exists_decomposed_stays_within_the_limit() -> None:
    assert clean("\u0958\u0958", PLAIN, 3) == ("\u0915\u093c\u0915", 0, True)


HOSTILE = {
    "10 MB of words": ("hello world " * 900_000, PLAIN),
    "10 MB of HTML words": ("hello <b>world</b> &amp; " * 450_000, HTML),
    "5,000 nested tags": ("<div>" * 5_000 + "x" + "</div>" * 5_000, HTML),
    "200,000 nested tags": ("<div>" * 200_000 + "x", HTML),
    "misnested tags": ("<a><b><i><p><table>" * 20_000 + "x", HTML),
    "only control characters": ("\x00\x01\u200b\u202e" * 2_500_000, PLAIN),
    "only opening brackets": ("<" * 5_000_000, HTML),
    "only ampersands": ("&" * 5_000_000, HTML),
    "unclosed comments": ("<!--" * 1_000_000, HTML),
    "one endless attribute": ("<a href='" + "x" * 5_000_000, HTML),
    "marks upon marks": ("a" + "\u0315\u0300" * 2_000_000, PLAIN),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_bounded_time_and_space(name: str) -> None:
    raw, form = HOSTILE[name]
    started = time.process_time()
    text, _, _ = clean(raw, form, 50_000)
    assert time.process_time() - started < 2
    assert len(text) <= 50_000


def test_text_in_deep_nesting_is_found() -> None:
    html = "<div>" * 5_000 + "Exchange <b>lists</b> Coin" + "</div>" * 5_000
    assert clean(html, HTML, 50_000)[0] == "Exchange lists Coin"


def test_marks_upon_marks_are_limited_and_counted() -> None:
    text, removed, truncated = clean("a" + "\u0315" * 100 + "b", PLAIN, 1_000)
    assert (text.count("\u0315"), removed, truncated) == (30, 70, False)


@given(st.text(), st.sampled_from(TextFormat), st.integers(1, 50))
def test_any_text_gives_clean_text(raw: str, form: TextFormat, limit: int) -> None:
    text, removed, _ = clean(raw, form, limit)
    assert len(text) <= limit
    assert text == " ".join(text.split())
    assert unicodedata.is_normalized("NFC", text)
    odd = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not any(unicodedata.category(character) in odd for character in text)
    assert removed >= 0
    text.encode()


@given(st.text(st.characters(categories=["L", "N", "P", "Zs", "Cc"])))
def test_cleaning_clean_text_changes_nothing(raw: str) -> None:
    text, _, _ = clean(raw, PLAIN, 1_000)
    assert clean(text, PLAIN, 1_000) == (text, 0, False)


@given(st.text("<>/!-&;#abdiprsv '\"=", max_size=200))
def test_any_markup_is_read(raw: str) -> None:
    text, removed, _ = clean(raw, HTML, 1_000)
    assert len(text) <= 10 * len(raw)
    assert removed == 0
