"""Reads Medium's archive pages: posts of a year, month or day, and the finer pages they link."""

import re
from typing import Any, Final, NamedTuple

import msgspec
from selectolax.lexbor import LexborHTMLParser, LexborNode

from core.contracts.event import EventKind
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.sources.medium.parse import post_id_of

_POSTS: Final = "div.streamItem--postPreview, div.postArticle"
_KNOWN_PAGE: Final = "div.streamItem, div.postArticle, div.timebucket, div.js-postStream"
_STATE: Final = "window.__APOLLO_STATE__"
_PERIOD: Final = re.compile(r"/archive/((?:\d{4})(?:/\d\d){0,2})/?(?:[?#].*)?$", re.ASCII)
_MILLIS: Final = 1_000


class ArchivePage(NamedTuple):
    """What one archive page holds.

    Attributes:
        entries: its posts, each an item or a refusal.
        periods: the periods (`2020`, `2020/03`, `2020/03/14`) whose pages it links.
    """

    entries: tuple[Item | Refusal, ...]
    periods: tuple[str, ...]


def parse_archive(page: bytes) -> ArchivePage:
    """Read an archive page; never raises for what a server may send.

    Sample: <div class="streamItem streamItem--postPreview"><div data-post-id="0123456789ab">
    <a href="https://medium.com/desk/title-0123456789ab?source=.."><time
    datetime="2020-03-14T15:09:26.535Z">Mar 14</time></a><h3 class="graf--title">Title</h3>..

    Posts come from the page's HTML, or from the state of its script where it is drawn by one.
    A page that is neither gives one refusal.
    """
    tree = LexborHTMLParser(page)
    periods = sorted(
        {
            found[1]
            for link in tree.css("a[href*='/archive/']")
            if (found := _PERIOD.search(link.attributes.get("href") or ""))
        }
    )
    entries: dict[str, Item | Refusal] = {}
    for node in tree.css(_POSTS):
        entry = _read_node(node)
        if entry is not None:
            entries.setdefault(str(entry.native_id), entry)
    state = _state(tree)
    if state is not None:
        for key, post in state.items():
            if key.startswith("Post:") and isinstance(post, dict):
                entry = _read_post(post, state)
                if entry is not None:
                    entries.setdefault(str(entry.native_id), entry)
    elif not entries and not periods and tree.css_first(_KNOWN_PAGE) is None:
        what = "no archive page of Medium's: it may want a log-in, or its form may have changed"
        entries[""] = Refusal(RefusalReason.BAD_SHAPE, what)
    return ArchivePage(tuple(entries.values()), tuple(periods))


def _read_node(node: LexborNode) -> Item | Refusal | None:
    """Read a post in HTML; None for a box without one."""
    links = [link.attributes.get("href") for link in node.css("a[href]")]
    holder = node.css_first("[data-post-id]")
    own = node.attributes.get("data-post-id") or (holder and holder.attributes.get("data-post-id"))
    post_id = post_id_of(f"/{own}" if own else None, *links)
    if post_id is None:
        return None
    title = _text(node, ".graf--title") or _text(node, "h3") or _text(node, "h2")
    text = _text(node, ".graf--subtitle") or _text(node, "h4") or _text(node, "p")
    if not title and not text:
        return Refusal(RefusalReason.NO_TEXT, "neither title nor text", post_id)
    time = node.css_first("time[datetime]")
    return Item(
        native_id=post_id,
        title=title,
        text=text,
        author=_text(node, "a[data-action='show-user-card']") or _text(node, ".postMetaInline a"),
        url=next((link for link in links if link and post_id_of(link) == post_id), None),
        published=None if time is None else time.attributes.get("datetime"),
    )


def _text(node: LexborNode, selector: str) -> str | None:
    """Give the text of the first match that has any."""
    return next((text for one in node.css(selector) if (text := one.text().strip())), None)


def _state(tree: LexborHTMLParser) -> dict[str, Any] | None:
    """Read the state that the page's script begins with; None where there is none."""
    for script in tree.css("script"):
        text = script.text().strip()
        if text.startswith(_STATE):
            try:
                state = msgspec.json.decode(text[len(_STATE) :].lstrip(" =").rstrip("; \n"))
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                return None
            return state if isinstance(state, dict) else None
    return None


def _read_post(post: dict[str, Any], state: dict[str, Any]) -> Item | Refusal | None:
    """Read a post of the state; None for one that is only mentioned."""
    url = post.get("mediumUrl")
    url = url if isinstance(url, str) else None
    post_id = post_id_of(f"/{post.get('id')}", url)
    published = _millis(post.get("firstPublishedAt"))
    if post_id is None or published is None:
        return None
    title = post.get("title")
    preview = post.get("extendedPreviewContent") or post.get("previewContent")
    text = preview.get("subtitle") if isinstance(preview, dict) else None
    title, text = (one if isinstance(one, str) and one.strip() else None for one in (title, text))
    if not title and not text:
        return Refusal(RefusalReason.NO_TEXT, "neither title nor text", post_id)
    creator = post.get("creator")
    if isinstance(creator, dict) and "__ref" in creator:
        creator = state.get(str(creator["__ref"]))
    author = creator.get("name") if isinstance(creator, dict) else None
    changed_s = (_millis(post.get("latestPublishedAt")) or 0) // _MILLIS
    edited = changed_s > published // _MILLIS
    return Item(
        native_id=post_id,
        kind=EventKind.EDITED if edited else EventKind.PUBLISHED,
        revision=changed_s if edited else 0,
        title=title,
        text=text,
        author=author if isinstance(author, str) else None,
        url=url,
        published=published,
    )


def _millis(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return None
    return int(value) if value < 10**15 else None
