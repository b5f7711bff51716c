"""Reads Reddit's answers and the lines of dumps: pages of posts, in whatever shape they come."""

from collections.abc import Iterator
from typing import Final

import msgspec

from crawlers.item import Item, Refusal, RefusalReason
from crawlers.sources.reddit.posts import COMMENT, SUBMISSION, Json, Post, read_post, string

_SHOWN_BYTES: Final = 100
_decode: Final = msgspec.json.Decoder().decode


class Listing(msgspec.Struct, frozen=True):
    """One page of a listing, or of a thread.

    Attributes:
        posts: as listed; of a thread, in no order.
        refusals: entries that are no posts.
        after: where the next page begins; None after the last.
        more: ids of a thread's comments that were left out, without their prefix.
        deeper: ids of comments whose answers were left out for standing too deep.
    """

    posts: tuple[Post, ...]
    refusals: tuple[Refusal, ...] = ()
    after: str | None = None
    more: tuple[str, ...] = ()
    deeper: tuple[str, ...] = ()


def parse(body: bytes) -> tuple[Item | Refusal, ...]:
    """Read an answer of any kind to its entries: a listing, a thread, or more of a thread."""
    found = decode(body)
    if isinstance(found, Refusal):
        return (found,)
    if isinstance(found, dict) and "json" in found:
        listing = read_more(found)
    else:
        listing = read_thread(found) if isinstance(found, list) else read_listing(found)
    if isinstance(listing, Refusal):
        return (listing,)
    return (*listing.refusals, *(post.entry for post in listing.posts))


def decode(body: bytes) -> Json | Refusal:
    """Read JSON; never raises."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Refusal(RefusalReason.BAD_JSON, f"{error}: {body[:_SHOWN_BYTES]!r}")


def read_listing(found: Json) -> Listing | Refusal:
    """Read a listing.

    Sample: {"kind": "Listing", "data": {"after": "t3_46abc", "children": [{"kind": "t3", "data":
    {"name": "t3_46abd", "title": "...", "created_utc": 1455755445.0, ...}}]}}
    """
    data = _listing_data(found)
    if data is None:
        return _bad_shape("a listing", found)
    after = data.get("after")
    return _read_things(data["children"], after if isinstance(after, str) and after else None)


def read_thread(found: Json) -> Listing | Refusal:
    """Read a thread: a list of the submission's listing and its comments' tree."""
    if not isinstance(found, list) or len(found) != len(("submission", "comments")):
        return _bad_shape("a thread", found)
    submission, comments = (_listing_data(part) for part in found)
    if submission is None or comments is None:
        return _bad_shape("a thread", found)
    return _read_things([*submission["children"], *comments["children"]], None)


def read_more(found: Json) -> Listing | Refusal:
    """Read what `api/morechildren` answers.

    Sample: {"json": {"errors": [], "data": {"things": [{"kind": "t1", "data": {...}}]}}}
    """
    inner = found.get("json") if isinstance(found, dict) else None
    data = inner.get("data") if isinstance(inner, dict) else None
    things = data.get("things") if isinstance(data, dict) else None
    if not isinstance(things, list):
        return _bad_shape("more comments", found)
    return _read_things(things, None)


def read_subreddits(found: Json) -> dict[str, str] | Refusal:
    """Read what `api/info` says of subreddits: by name in small letters, how each may be read.

    The word is `quarantined`, or the subreddit's own type: `public`, `restricted`, `private` ...
    """
    data = _listing_data(found)
    if data is None:
        return _bad_shape("a listing of subreddits", found)
    told: dict[str, str] = {}
    for child in data["children"]:
        inner = child.get("data") if isinstance(child, dict) else None
        name = string(inner, "display_name") if isinstance(inner, dict) else None
        if isinstance(inner, dict) and name is not None:
            kind = string(inner, "subreddit_type") or ""
            told[name.lower()] = "quarantined" if inner.get("quarantine") is True else kind
    return told


def read_line(line: bytes) -> Post | Refusal:
    """Read one line of a dump, which holds a submission or comment as it was archived.

    What a dump keeps is escaped as HTML once more than what the API gives today.
    """
    found = decode(line)
    if isinstance(found, Refusal):
        return found
    if not isinstance(found, dict):
        return _bad_shape("a line of a dump", found)
    inner = found.get("data")
    data = inner if isinstance(inner, dict) and "id" not in found else found
    is_comment = "body" in data or str(data.get("name", "")).startswith(f"{COMMENT}_")
    return read_post(data, COMMENT if is_comment else SUBMISSION, escaped=True)


def _read_things(things: list[Json], after: str | None) -> Listing:
    """Read posts and, without recursion, the answers below them."""
    posts: list[Post] = []
    refusals: list[Refusal] = []
    more: list[str] = []
    deeper: list[str] = []
    for kind, data in _walk(things):
        if kind == "more":
            listed = data.get("children")
            children = (
                [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
            )
            parent = string(data, "parent_id")
            if children:
                more += children
            elif parent is not None and parent.startswith(f"{COMMENT}_"):
                deeper.append(parent.removeprefix(f"{COMMENT}_"))
        elif kind in (COMMENT, SUBMISSION):
            read = read_post(data, kind, escaped=False)
            if isinstance(read, Post):
                posts.append(read)
            else:
                refusals.append(read)
        else:
            refusals.append(Refusal(RefusalReason.BAD_SHAPE, f"a thing of kind {kind!r:.40}"))
    return Listing(tuple(posts), tuple(refusals), after, tuple(more), tuple(deeper))


def _walk(things: list[Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    """Give every thing of a tree with its kind, answers after what they answer."""
    waiting = list(reversed(things))
    while waiting:
        thing = waiting.pop()
        data = thing.get("data") if isinstance(thing, dict) else None
        if not isinstance(data, dict):
            yield type(thing).__name__, {}
            continue
        yield str(thing.get("kind")), data
        answers = _listing_data(data.get("replies"))
        if answers is not None:
            waiting += reversed(answers["children"])


def _listing_data(found: Json) -> dict[str, Json] | None:
    """Give a listing's inside, with its children."""
    data = found.get("data") if isinstance(found, dict) else None
    return data if isinstance(data, dict) and isinstance(data.get("children"), list) else None


def _bad_shape(what: str, found: Json) -> Refusal:
    came = (
        f"an object with {', '.join(list(found)[:5])}"
        if isinstance(found, dict)
        else (f"a {type(found).__name__}")
    )
    return Refusal(RefusalReason.BAD_SHAPE, f"{what} was asked for, and {came[:200]} came")
