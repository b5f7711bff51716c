"""A web address has one form, however it was written or wrapped."""

from base64 import urlsafe_b64encode
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawlers.url_tables import HOSTS, MAIN_HOSTS, SHORTENERS, WRAPPERS
from crawlers.urls import LONGEST, canonical, is_shortened


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://example.com/a/b.html", "https://example.com/a/b.html"),
        (" HTTPS://Example.COM/A ", "https://example.com/A"),
        ("http://example.com", "http://example.com/"),
        ("https://example.com?a=1", "https://example.com/?a=1"),
        ("https://example.com./a", "https://example.com/a"),
        ("https://example.com:443/a", "https://example.com/a"),
        ("http://example.com:80/a", "http://example.com/a"),
        ("http://example.com:443/a", "http://example.com:443/a"),
        ("https://example.com:/a", "https://example.com/a"),
        ("https://user:secret@example.com/a", "https://example.com/a"),
        ("https://user@evil.example@example.com/a", "https://example.com/a"),
        ("https://evil.example\\@example.com/a", "https://evil.example/@example.com/a"),
        ("https://b\u00fccher.example/", "https://xn--bcher-kva.example/"),
        ("https://B\u00dcCHER.example/", "https://xn--bcher-kva.example/"),
        ("https://\uff45xample.com/", "https://example.com/"),
        ("https://ex%61mple.com/", "https://example.com/"),
        ("http://127.0.0.1:8080/a", "http://127.0.0.1:8080/a"),
        ("http://[2001:0DB8::0:1]:80/a", "http://[2001:db8::1]/a"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("https://example.com/a/./b/../../c", "https://example.com/c"),
        ("https://example.com/../../a", "https://example.com/a"),
        ("https://example.com/a/..", "https://example.com/"),
        ("https://example.com/a/%2e%2E/b", "https://example.com/b"),
        ("https://example.com/.well-known/x", "https://example.com/.well-known/x"),
        ("https://example.com//a", "https://example.com//a"),
        ("https://example.com/%7ea%2fb%3f", "https://example.com/~a%2Fb%3F"),
        ("https://example.com/\u00e9", "https://example.com/%C3%A9"),
        ("https://example.com/100%", "https://example.com/100%25"),
        ('https://example.com/"<x>"', "https://example.com/%22%3Cx%3E%22"),
        ("https://example.com/a#part", "https://example.com/a"),
        ("https://example.com/#!/a/b", "https://example.com/#!/a/b"),
        ("https://example.com/a?", "https://example.com/a"),
        ("https://example.com/?b=2&a=1&b=1", "https://example.com/?b=2&a=1&b=1"),
        ("https://example.com/?a=&b", "https://example.com/?a=&b"),
        ("https://example.com/?q=a+b%20c", "https://example.com/?q=a+b%20c"),
    ],
)
def test_address_is_brought_to_its_one_form(written: str, expected: str) -> None:
    assert canonical(written) == expected


@pytest.mark.parametrize(
    "parameters",
    [
        "utm_source=rss&utm_medium=feed",
        "UTM_Source=rss",
        "%75tm_source=rss",
        "fbclid=1&gclid=2&msclkid=3&mc_cid=4&mc_eid=5&igsh=6&ref_src=7",
        "source=rss----7f60cf5620c9---4",
        "&&",
    ],
)
def test_what_only_tracks_is_left_out(parameters: str) -> None:
    assert canonical(f"https://example.com/a?{parameters}") == "https://example.com/a"
    assert canonical(f"https://example.com/a?id=1&{parameters}") == "https://example.com/a?id=1"


def test_parameter_is_left_out_only_where_it_means_tracking() -> None:
    post = "https://x.com/desk/status/1"
    assert canonical(f"{post}?s=20&t=Qx") == post
    assert canonical("https://example.com/?s=20&t=Qx") == "https://example.com/?s=20&t=Qx"
    assert canonical("https://example.com/?source=desk") == "https://example.com/?source=desk"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("http://twitter.com/desk/status/1", "https://x.com/desk/status/1"),
        ("https://mobile.twitter.com/desk/status/1?s=20", "https://x.com/desk/status/1"),
        ("http://x.com/desk/status/1", "https://x.com/desk/status/1"),
        ("https://old.reddit.com/r/a/comments/1/b/", "https://www.reddit.com/r/a/comments/1/b/"),
        ("https://np.reddit.com/r/a/", "https://www.reddit.com/r/a/"),
        ("https://m.youtube.com/watch?v=1&si=2", "https://www.youtube.com/watch?v=1"),
        ("https://telegram.me/desk/7", "https://t.me/desk/7"),
        ("https://m.example.com/a", "https://m.example.com/a"),
    ],
)
def test_hosts_of_one_site_are_one(written: str, expected: str) -> None:
    assert canonical(written) == expected


TARGET = "https://news.example/a?id=1&b=c%20d"
IN_QUERY = quote(TARGET + "&utm_source=x", safe="")


@pytest.mark.parametrize(
    "wrapped",
    [
        f"https://www.google.com/url?q={IN_QUERY}&sa=t",
        f"https://google.co.uk/url?sa=t&url={IN_QUERY}",
        f"https://l.facebook.com/l.php?u={IN_QUERY}&h=AT0",
        f"https://out.reddit.com/t3_abc?url={IN_QUERY}&token=1",
        f"https://t.me/iv?url={IN_QUERY}&rhash=1",
        f"https://www.youtube.com/redirect?event=d&q={IN_QUERY}",
        f"https://youtube.com/redirect?q={IN_QUERY}",
        f"https://slack-redir.net/link?url={IN_QUERY}",
        f"https://eur01.safelinks.protection.outlook.com/?url={IN_QUERY}&data=1",
        "https://news-example.cdn.ampproject.org/c/s/news.example/a?id=1&b=c%20d&usqp=mq",
        "https://www.google.com/amp/s/news.example/a?id=1&b=c%20d",
        f"https://t.me/iv?url={quote(f'https://www.google.com/url?q={IN_QUERY}', safe='')}",
    ],
)
def test_redirect_gives_way_to_the_target_it_holds(wrapped: str) -> None:
    assert canonical(wrapped) == TARGET


def test_google_news_id_gives_way_to_the_address_in_it() -> None:
    for target in ("https://news.example/a", f"https://news.example/{'a' * 150}"):
        length = len(target)
        prefix = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
        held = b'\x08\x13"' + prefix + target.encode() + b"\xd2\x01\x00"
        for folder in ("articles", "rss/articles"):
            wrapped = f"https://news.google.com/{folder}/{urlsafe_b64encode(held).decode()}?oc=5"
            assert canonical(wrapped) == target


@pytest.mark.parametrize(
    "url",
    [
        "https://news.google.com/rss/articles/CBMiAAAA",
        "https://news.google.com/articles/x",
        "https://a.cdn.ampproject.org/c/",
        "https://www.google.com/amp/s/",
        "https://www.google.com/url?q=javascript%3Aalert(1)",
        "https://www.google.com/url?q=http%3A%2F%2F",
        "https://www.google.com/search?q=https%3A%2F%2Fnews.example%2F",
        "https://t.me/desk/7?url=https%3A%2F%2Fnews.example%2F",
        "https://t.me/iv",
    ],
)
def test_redirect_that_holds_no_address_stays(url: str) -> None:
    assert canonical(url) == url


def test_endless_wrapping_is_no_address() -> None:
    url = "https://news.example/"
    for _ in range(30):
        url = f"https://t.me/iv?url={url}"
    assert canonical(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "/path",
        "javascript:alert(1)",
        "ftp://example.com/",
        "https:example.com",
        "https://",
        "https:///a",
        "https://@/",
        "https://a b.example/",
        "https://example.com/a b",
        "https://example.com/\u202e",
        "https://example.com/\ud800",
        "https://example.com:x/",
        "https://example.com:\u0661/",
        "https://example.com:65536/",
        "https://exa<mple.com/",
        "https://a..example/",
        "https://-\u00fc.example/",
        f"https://{'a' * 64}.example/",
        f"https://{'a.' * 130}example/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://127.0.0.256/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://[::g]/",
        "https://example.com/" + "a" * LONGEST,
        "https://example.com/" + "\u00e9" * 400,
    ],
)
def test_what_is_no_web_address_is_none(url: str) -> None:
    assert canonical(url) is None


@pytest.mark.parametrize(
    ("url", "shortened"),
    [("https://t.co/abc", True), ("https://bit.ly/x", True), ("https://example.com/t.co", False)],
)
def test_short_link_is_told(url: str, shortened: bool) -> None:
    assert canonical(url) == url
    assert is_shortened(url) is shortened


def test_tables_hold_canonical_hosts() -> None:
    for host in {*HOSTS, *MAIN_HOSTS, *SHORTENERS, *WRAPPERS}:
        found = canonical(f"http://{host}/")
        assert found is not None
        assert found.split("/")[2] == HOSTS.get(host, host)


PIECES = [
    "http://", "https://", "www.google.com/url?q=", "t.me/iv?url=", "a.cdn.ampproject.org/c/s/",
    "google.de/amp/s/", "news.google.com/articles/CBMi", "twitter.com", "example.com", "[::1]",
    "127.0.0.1", ":80", ":443", "/", "\\", ".", "..", "%2e", "%25", "%3A", "%2F", "%", "?", "&",
    "=", "#", "#!", "@", "utm_source=1", "a", "\u00fc", "\u00df", "xn--", "\u3002", "\u2100",
    "4", "1",
]  # fmt: skip
ANY_URL = st.one_of(
    st.text(max_size=60).map("https://".__add__),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join).map("https://".__add__),
    st.text(),
)


@given(ANY_URL)
@example("https://a.example/%%341")
@example("https://a.example/?%26=&%2526")
def test_canonical_address_is_its_own(url: str) -> None:
    found = canonical(url)
    if found is not None:
        assert canonical(found) == found
        assert found.isascii()
        assert found.isprintable()
        assert " " not in found
        assert len(found) <= LONGEST
        assert found.startswith(("http://", "https://"))
        is_shortened(found)
