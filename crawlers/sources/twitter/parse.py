"""Reads the posts that X's API v2 answers with: pages, and lines of the filtered stream."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from core.contracts.event import EventKind, OriginKind
from crawlers.item import Item, ItemOrigin, Refusal, RefusalReason

_FIRST_SNOWFLAKE: Final = 29_700_859_247  # ids before 4 November 2010 tell no time
_SNOWFLAKE_EPOCH_MS: Final = 1_288_834_974_657
_AGREES_MS: Final = 2_000  # `created_at` is cut to whole seconds
_LONGEST_ID: Final = 19
_SHOWN: Final = 100
_NO_LANGUAGE: Final = frozenset({"und", "zxx", "qam", "qct", "qht", "qme", "qst", "art"})
_LANGUAGES: Final = {"in": "id", "iw": "he"}
_REPOSTED: Final = re.compile(r"RT @([A-Za-z0-9_]{1,15}): ")
_ORIGINS: Final = (  # the first that a post has
    ("retweeted", OriginKind.REPOST),
    ("quoted", OriginKind.QUOTE),
    ("replied_to", OriginKind.REPLY),
)
MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Url(msgspec.Struct, frozen=True):
    url: str = ""
    expanded_url: str | None = None
    unwound_url: str | None = None


class _Entities(msgspec.Struct, frozen=True):
    urls: tuple[_Url, ...] | None = None


class _Note(msgspec.Struct, frozen=True):
    text: str = ""
    entities: _Entities | None = None


class _Reference(msgspec.Struct, frozen=True):
    type: str = ""
    id: str = ""


class _Withheld(msgspec.Struct, frozen=True):
    copyright: bool = False


class _Post(msgspec.Struct, frozen=True):
    id: str = ""
    text: str | None = None
    author_id: str | None = None
    created_at: str | None = None
    edit_history_tweet_ids: tuple[str, ...] | None = None
    entities: _Entities | None = None
    in_reply_to_user_id: str | None = None
    lang: str | None = None
    note_tweet: _Note | None = None
    referenced_tweets: tuple[_Reference, ...] | None = None
    withheld: _Withheld | None = None


class _User(msgspec.Struct, frozen=True):
    id: str
    username: str


_NOTHING: Final = msgspec.Raw(b"")


class _Envelope(msgspec.Struct, frozen=True):
    data: msgspec.Raw = _NOTHING
    includes: Any = None
    errors: Any = None
    matching_rules: Any = None
    meta: Any = None
    title: str | None = None  # a problem may stand for the whole answer
    detail: str | None = None
    connection_issue: str | None = None


class Found(msgspec.Struct, frozen=True):
    """One post of an answer.

    Attributes:
        entry: the item, or why there is none.
        id: the post's number, for going on after it; 0 where it has none.
        author: handle; None where the answer does not tell.
        answered: handle of whom it answers.
    """

    entry: Item | Refusal
    id: int = 0
    author: str | None = None
    answered: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """What one answer, or one line of the stream, held.

    Attributes:
        found: posts, in the answer's order.
        next_token: for the next page.
        rules: id and tag of each rule that a line's post matched.
        problems: what X says was wrong, in its words; posts may have come nevertheless.
        disconnects: X is about to end the stream.
        broken: the answer itself could not be read.
    """

    found: tuple[Found, ...] = ()
    next_token: str | None = None
    rules: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()
    disconnects: bool = False
    broken: Refusal | None = None


_envelope: Final = msgspec.json.Decoder(_Envelope).decode
_post: Final = msgspec.json.Decoder(_Post).decode
_raws: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


def parse(body: bytes | bytearray | memoryview, author: str | None = None) -> Answer:
    """Read a page of posts, or one line of the filtered stream; never raises.

    Sample: {"data":{"id":"1578466218075312129","text":"hi","author_id":"7",
    "created_at":"2022-10-07T19:23:55.000Z","edit_history_tweet_ids":["1578466218075312129"]},
    "includes":{"users":[{"id":"7","username":"desk"}]},"matching_rules":[{"id":"1","tag":"t"}]}

    Args:
        body: JSON.
        author: whose timeline it is, for answers that don't say.
    """
    try:
        envelope = _envelope(body)
        posts = _several(envelope.data)
    except msgspec.ValidationError as error:
        return Answer(broken=_bad(RefusalReason.BAD_SHAPE, str(error), body))
    except MALFORMED as error:
        return Answer(broken=_bad(RefusalReason.BAD_JSON, str(error), body))
    users, originals = _included(envelope.includes)
    problems, disconnects = _problems(envelope)
    meta = envelope.meta if isinstance(envelope.meta, dict) else {}
    token = meta.get("next_token")
    return Answer(
        found=tuple([_found(post, users, originals, author) for post in posts]),
        next_token=token if isinstance(token, str) and token else None,
        rules=tuple(
            (str(rule.get("id") or ""), str(rule.get("tag") or ""))
            for rule in dicts(envelope.matching_rules)
        ),
        problems=problems,
        disconnects=disconnects,
    )


def id_at(time_ms: int) -> int:
    """Give the lowest id that a post of a time can have (Snowflake: 22 bits below the time)."""
    return max(0, time_ms - _SNOWFLAKE_EPOCH_MS) << 22


def time_of(native_id: str) -> int | None:
    """Tell from its id when a post was published, in ms since 1970; None for ids that don't."""
    number = _number(native_id)
    return None if number < _FIRST_SNOWFLAKE else (number >> 22) + _SNOWFLAKE_EPOCH_MS


def _found(
    raw: msgspec.Raw,
    users: Mapping[str, str],
    originals: Mapping[str, _Post],
    author: str | None,
) -> Found:
    """Read one post."""
    try:
        post = _post(raw)
    except msgspec.ValidationError as error:
        return Found(_bad(RefusalReason.BAD_SHAPE, str(error), raw))
    except MALFORMED as error:
        return Found(_bad(RefusalReason.BAD_JSON, str(error), raw))
    if not post.id:
        return Found(_bad(RefusalReason.NO_ID, "a post has no id", raw))
    if post.author_id is not None:
        author = users.get(post.author_id, author)
    answered = users.get(post.in_reply_to_user_id or "")
    return Found(_item(post, author, users, originals), _number(post.id), author, answered)


def _item(
    post: _Post, author: str | None, users: Mapping[str, str], originals: Mapping[str, _Post]
) -> Item:
    history = post.edit_history_tweet_ids or (post.id,)
    revision = history.index(post.id) if post.id in history else len(history)
    origin, original = _origin(post, users, originals)
    text = _text(post)
    if origin is not None and origin.kind is OriginKind.REPOST:
        prefix = _REPOSTED.match(text)
        if original is not None:
            text = _text(original)
        elif prefix is not None:
            text = text[prefix.end() :]
    withdrawn = post.withheld is not None and post.withheld.copyright
    kind = EventKind.EDITED if revision else EventKind.PUBLISHED
    return Item(
        native_id=history[0],
        kind=EventKind.DELETED if withdrawn else kind,
        revision=revision,
        text=None if withdrawn else text,
        author=author,
        url=address(author, post.id),
        published=_published(post, history[0]),
        language=None if post.lang in _NO_LANGUAGE else _LANGUAGES.get(post.lang or "", post.lang),
        origin=origin,
    )


def _origin(
    post: _Post, users: Mapping[str, str], originals: Mapping[str, _Post]
) -> tuple[ItemOrigin | None, _Post | None]:
    """Read what a post was made from, as far as the answer includes it."""
    references = {one.type: one.id for one in post.referenced_tweets or ()}
    held = next((one for one in _ORIGINS if one[0] in references), None)
    if held is None:
        return None, None
    name, kind = held
    native_id = references[name]
    original = originals.get(native_id)
    if original is not None:
        author = users.get(original.author_id or "")
        native_id = (original.edit_history_tweet_ids or (original.id,))[0]
        published = _published(original, native_id)
    else:
        prefix = _REPOSTED.match(post.text or "") if kind is OriginKind.REPOST else None
        answered = users.get(post.in_reply_to_user_id or "")
        author = prefix[1] if prefix else answered if kind is OriginKind.REPLY else None
        published = time_of(native_id)
    text = None if original is None or kind is OriginKind.REPOST else _text(original)
    return (
        ItemOrigin(
            kind=kind,
            author=author,
            native_id=native_id,
            url=address(author, references[name]),
            text=text,
            published=published,
        ),
        original,
    )


def _text(post: _Post) -> str:
    """Give the whole text with its links expanded; `&`, `<` and `>` come escaped."""
    note = post.note_tweet
    whole = note is not None and bool(note.text)
    text = note.text if note is not None and whole else post.text or ""
    entities = note.entities if note is not None and whole else post.entities
    for url in (entities.urls if entities is not None else None) or ():
        target = url.unwound_url or url.expanded_url
        if target and url.url:
            text = text.replace(url.url, target)
    if "&" in text:
        text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return text


def _published(post: _Post, first_id: str) -> str | float | None:
    """Give the time of the first version, to the millisecond where its id can be trusted."""
    own = time_of(post.id)
    if post.created_at is None:
        return time_of(first_id)
    if own is not None:
        try:
            at = datetime.fromisoformat(post.created_at)
            written = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000
        except (ValueError, OverflowError):
            return post.created_at
        if abs(written - own) < _AGREES_MS:
            return time_of(first_id)
    return post.created_at


def address(author: str | None, post_id: str) -> str:
    """Give a post's address; X finds it without its author, too."""
    return f"https://x.com/{author or 'i'}/status/{post_id}"


def _number(native_id: str) -> int:
    plain = native_id.isascii() and native_id.isdecimal() and len(native_id) <= _LONGEST_ID
    return int(native_id) if plain else 0


def _several(data: msgspec.Raw) -> list[msgspec.Raw]:
    """Split `data`: a list of posts, one post, or none."""
    found = bytes(memoryview(data)[:1])
    if found == b"[":
        return _raws(data)
    return [data] if found == b"{" else []


def _included(includes: object) -> tuple[dict[str, str], dict[str, _Post]]:
    """Read handles by account id, and the posts that others refer to."""
    if not isinstance(includes, dict):
        return {}, {}
    users = {
        user["id"]: user["username"]
        for user in dicts(includes.get("users"))
        if isinstance(user.get("id"), str) and isinstance(user.get("username"), str)
    }
    originals: dict[str, _Post] = {}
    for one in dicts(includes.get("tweets")):
        try:
            post = msgspec.convert(one, _Post)
        except msgspec.ValidationError:
            continue  # as good as not included
        originals[post.id] = post
    return users, originals


def _problems(envelope: _Envelope) -> tuple[tuple[str, ...], bool]:
    found = dicts(envelope.errors)
    said = [str(one.get("detail") or one.get("message") or one.get("title")) for one in found]
    disconnects = any("disconnect_type" in one for one in found)
    if not found and (envelope.title or envelope.detail):
        said.append(f"{envelope.title}: {envelope.detail}")
        disconnects = disconnects or envelope.connection_issue is not None
    return tuple(one[:300] for one in said), disconnects


def dicts(found: object) -> list[dict[str, Any]]:
    """Give the objects of a list; what is no list, or no object in it, is left out."""
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _bad(reason: RefusalReason, what: str, raw: Any) -> Refusal:  # noqa: ANN401 - any buffer
    return Refusal(reason, f"{what}: {bytes(memoryview(raw)[:_SHOWN])!r}")
