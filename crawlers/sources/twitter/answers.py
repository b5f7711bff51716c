"""Reads X's answers that hold no posts: accounts, rules, counts, and problems."""

from typing import Any

import msgspec

from crawlers.sources.twitter.parse import MALFORMED, dicts


class Rule(msgspec.Struct, frozen=True):
    """A rule of the stream, as the server keeps it."""

    id: str
    value: str
    tag: str = ""


def parse_users(body: bytes) -> dict[str, str]:
    """Read an answer on accounts: ids by handle in small letters, of those that exist."""
    return {
        user["username"].lower(): user["id"]
        for user in dicts(_loose(body).get("data"))
        if isinstance(user.get("username"), str) and isinstance(user.get("id"), str)
    }


def parse_rules(body: bytes) -> tuple[Rule, ...]:
    """Read the stream's rules, as listed or just added."""
    return tuple(
        Rule(str(one["id"]), one["value"], str(one.get("tag") or ""))
        for one in dicts(_loose(body).get("data"))
        if "id" in one and isinstance(one.get("value"), str)
    )


def parse_refused_rules(body: bytes) -> dict[str, str]:
    """Read which rules X refused to add, by their text, and why."""
    refused: dict[str, str] = {}
    for one in dicts(_loose(body).get("errors")):
        details = one.get("details")
        said = details if isinstance(details, list) else [one.get("detail")]
        why = "; ".join(str(each) for each in (one.get("title"), *said) if each)
        refused[str(one.get("value") or "")] = why
    return refused


def parse_count(body: bytes) -> tuple[int, str | None]:
    """Read an answer of the counts endpoints: posts, and the token of the next page."""
    meta = _loose(body).get("meta")
    if not isinstance(meta, dict):
        return 0, None
    total, token = meta.get("total_tweet_count"), meta.get("next_token")
    return total if isinstance(total, int) else 0, token if isinstance(token, str) else None


def parse_problem(body: bytes) -> str:
    """Read why X refused a request, in its words; empty where it does not say."""
    found = _loose(body)
    said = [found.get("title"), found.get("detail"), found.get("reason")]
    for one in dicts(found.get("errors")):
        said += [one.get("message") or one.get("detail")]
    return ": ".join(dict.fromkeys(str(one)[:300] for one in said if one))


def _loose(body: bytes) -> dict[str, Any]:
    """Decode an answer of which little is needed; what can't be read holds nothing."""
    try:
        found = msgspec.json.decode(body)
    except MALFORMED:
        return {}
    return found if isinstance(found, dict) else {}
