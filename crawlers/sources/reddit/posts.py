"""Turns one submission or comment, as Reddit or an archive writes it, into an item."""

from html import unescape
from typing import Any, Final

import msgspec

from core.contracts.event import EventKind, OriginKind
from crawlers.item import Item, ItemOrigin, Refusal, RefusalReason

Json = Any

HOME: Final = "https://www.reddit.com"
COMMENT: Final = "t1"  # reddit.com/dev/api: type prefixes of fullnames
SUBMISSION: Final = "t3"

_DELETED_AUTHOR: Final = "[deleted]"
_GONE: Final = frozenset({"[deleted]", "[removed]"})
_GONE_BY_REDDIT: Final = "[ Removed by Reddit ]"
_EDITED_SOMETIME: Final = 1  # the revision where Reddit only says that there was an edit
_LATEST_S: Final = 1e11
_LONGEST_NUMBER: Final = 11


class Post(msgspec.Struct, frozen=True, gc=False):
    """One submission or comment, with what telling it apart from others takes.

    Attributes:
        fullname: Reddit's name for it, `t3_...` or `t1_...`.
        subreddit: in small letters.
        thread: fullname of its submission; a submission's own.
        created_s: seconds since 1970; None where that can't be told.
        changed_s: when it was edited last, else as `created_s`.
        stickied: put on top of its listing, wherever it belongs by its time.
        entry: the item, or why there is none.
    """

    fullname: str
    subreddit: str
    thread: str
    created_s: float | None
    changed_s: float | None
    stickied: bool
    entry: Item | Refusal

    @property
    def version(self) -> int:
        """The item's revision; -1 once the post was deleted or removed."""
        if isinstance(self.entry, Refusal):
            return 0
        return -1 if self.entry.kind is EventKind.DELETED else self.entry.revision

    @property
    def is_comment(self) -> bool:
        """Whether it stands under a submission."""
        return self.thread != self.fullname


def read_post(data: dict[str, Json], kind: str, *, escaped: bool) -> Post | Refusal:
    """Read one submission or comment.

    Args:
        data: its fields.
        kind: `COMMENT` or `SUBMISSION`.
        escaped: texts are escaped as HTML once more than what the API gives today.
    """
    fullname = string(data, "name")
    if fullname is None:
        plain = string(data, "id")
        if plain is None:
            return Refusal(RefusalReason.NO_ID, "a post without name and id")
        fullname = f"{kind}_{plain}"
    subreddit = string(data, "subreddit") or ""
    created_s = _seconds(data.get("created_utc"))
    edited = data.get("edited")
    edited_s = _seconds(edited) or 0.0
    thread = (string(data, "link_id") or "") if kind == COMMENT else fullname
    revision = int(edited_s) or (_EDITED_SOMETIME if edited is True else 0)
    entry: Item | Refusal
    if created_s is None and data.get("created_utc") is not None:
        told = data["created_utc"]
        shown = repr(told)[:100] if isinstance(told, str) else type(told).__name__
        entry = Refusal(RefusalReason.BAD_TIME, f"created_utc is {shown}", fullname)
    elif _is_gone(data, kind):
        entry = Item(
            native_id=fullname,
            kind=EventKind.DELETED,
            url=_permalink(data, kind, subreddit),
            published=created_s,
        )
    else:
        item = (
            _read_comment(data, fullname, subreddit, escaped=escaped)
            if kind == COMMENT
            else _read_submission(data, fullname, escaped=escaped)
        )
        entry = msgspec.structs.replace(
            item,
            kind=EventKind.EDITED if revision else EventKind.PUBLISHED,
            revision=revision,
            published=created_s,
            url=_permalink(data, kind, subreddit),
            author=_author(data, "author"),
        )
    return Post(
        fullname,
        subreddit.lower(),
        thread,
        created_s,
        None if created_s is None else max(created_s, edited_s),
        data.get("stickied") is True,
        entry,
    )


def _read_submission(data: dict[str, Json], fullname: str, *, escaped: bool) -> Item:
    """Read a submission's title and text; where it links, the link is the text's last line."""
    title = string(data, "title")
    own = f"/comments/{fullname.removeprefix(f'{SUBMISSION}_')}/"
    original = data.get("crosspost_parent")
    lines = [_markdown(data, "selftext", escaped=escaped) or ""]
    link = string(data, "url_overridden_by_dest") or string(data, "url")
    if link and data.get("is_self") is not True and own not in link and not original:
        lines.append(_absolute(link, escaped=escaped))
    return Item(
        native_id=fullname,
        title=unescape(title) if title and escaped else title,
        text="\n".join(line for line in lines if line) or None,
        origin=_read_crosspost(data, escaped=escaped),
    )


def _read_crosspost(data: dict[str, Json], *, escaped: bool) -> ItemOrigin | None:
    """Read what a crosspost repeats; its address tells the subreddit."""
    originals = data.get("crosspost_parent_list")
    fullname = string(data, "crosspost_parent")
    original = originals[0] if isinstance(originals, list) and originals else None
    if not isinstance(original, dict):
        if fullname is None:
            return None
        url = f"{HOME}/comments/{fullname.removeprefix(f'{SUBMISSION}_')}/"
        return ItemOrigin(kind=OriginKind.CROSSPOST, native_id=fullname, url=url)
    alone = {**original, "crosspost_parent_list": None}
    read = _read_submission(alone, fullname or "", escaped=escaped)
    return ItemOrigin(
        kind=OriginKind.CROSSPOST,
        author=_author(original, "author"),
        native_id=string(original, "name") or fullname,
        url=_permalink(original, SUBMISSION, string(original, "subreddit") or ""),
        text="\n".join(part for part in (read.title, read.text) if part) or None,
        published=_seconds(original.get("created_utc")),
    )


def _read_comment(data: dict[str, Json], fullname: str, subreddit: str, *, escaped: bool) -> Item:
    """Read a comment and what it answers."""
    parent = string(data, "parent_id")
    thread = (string(data, "link_id") or "").removeprefix(f"{SUBMISSION}_")
    origin = None
    if parent is not None:
        answers_thread = parent.startswith(f"{SUBMISSION}_")
        title = string(data, "link_title") if answers_thread else None
        below = "" if answers_thread else f"_/{parent.removeprefix(f'{COMMENT}_')}/"
        origin = ItemOrigin(
            kind=OriginKind.REPLY,
            author=_author(data, "link_author") if answers_thread else None,
            native_id=parent,
            url=f"{HOME}/r/{subreddit}/comments/{thread}/{below}" if thread and subreddit else None,
            text=unescape(title) if title and escaped else title,
        )
    return Item(native_id=fullname, text=_markdown(data, "body", escaped=escaped), origin=origin)


def _is_gone(data: dict[str, Json], kind: str) -> bool:
    """Say whether a post was deleted by its author or removed by others.

    `removed_by_category` (submissions, since 2019) names who removed it. Before, and for
    comments, a mark stands in place of the text, and of the author's name as well.
    """
    if isinstance(data.get("removed_by_category"), str):
        return True
    text = data.get("body" if kind == COMMENT else "selftext")
    text = text.strip() if isinstance(text, str) else ""
    if text == _GONE_BY_REDDIT:
        return True
    return text in _GONE and data.get("author") in (None, _DELETED_AUTHOR)


def _permalink(data: dict[str, Json], kind: str, subreddit: str) -> str | None:
    """Give a post's address; old answers and dumps leave a comment's out."""
    path = string(data, "permalink")
    if path is not None:
        return _absolute(path, escaped=False)
    plain = string(data, "id")
    if plain is None:
        return None
    if kind == SUBMISSION:
        return f"{HOME}/r/{subreddit}/comments/{plain}/" if subreddit else None
    thread = (string(data, "link_id") or "").removeprefix(f"{SUBMISSION}_")
    return f"{HOME}/r/{subreddit}/comments/{thread}/_/{plain}/" if thread and subreddit else None


def _absolute(link: str, *, escaped: bool) -> str:
    link = unescape(link) if escaped else link
    return f"{HOME}{link}" if link.startswith("/") else link


def _author(data: dict[str, Json], key: str) -> str | None:
    author = string(data, key)
    return None if author == _DELETED_AUTHOR else author


def _markdown(data: dict[str, Json], key: str, *, escaped: bool) -> str | None:
    """Give a text with the entities resolved that Markdown allows, as a reader sees it."""
    text = string(data, key)
    if text is None or "&" not in text:
        return text
    return unescape(unescape(text)) if escaped else unescape(text)


def _seconds(value: Json) -> float | None:
    """Read a time: a number, or digits as old dumps have them."""
    if isinstance(value, str):
        value = (
            float(value)
            if value.isascii() and value.isdecimal() and len(value) <= _LONGEST_NUMBER
            else None
        )
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < _LATEST_S else None


def string(data: dict[str, Json], key: str) -> str | None:
    """Give a field that is text and not empty."""
    value = data.get(key)
    return value if isinstance(value, str) and value else None
