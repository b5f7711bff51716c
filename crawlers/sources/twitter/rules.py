"""Keeps the stream's rules on the server as they are configured, leaving others' rules alone."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from tweepy.streaming import StreamRule  # type: ignore[import-untyped]

from crawlers.sources.twitter.answers import Rule, parse_refused_rules, parse_rules
from crawlers.sources.twitter.api import body_of
from crawlers.sources.twitter.routes import Query

_ADDED_AT_ONCE: Final = 25
_DELETED_AT_ONCE: Final = 100


class Plan(NamedTuple):
    """What makes the server's rules the configured ones.

    Attributes:
        add: to be added.
        delete: ids of ours that are no longer configured.
        kept: queries by the id of the rule that stands for them already.
    """

    add: tuple[Query, ...]
    delete: tuple[str, ...]
    kept: dict[str, Query]


class Synced(NamedTuple):
    """How the server's rules are after a synchronisation.

    Attributes:
        queries: by rule id.
        refused: why X refused a query.
    """

    queries: dict[str, Query]
    refused: dict[Query, str]


def plan(present: Iterable[Rule], wanted: Iterable[Query], prefix: str) -> Plan:
    """Compare the server's rules with the wanted ones.

    A rule of others with the very text of ours serves as ours, since X takes no text twice; it is
    not touched. Ours are those whose tag is the prefix and what they look for.
    """
    missing = {query.text: query for query in wanted}
    kept: dict[str, Query] = {}
    delete: list[str] = []
    ours = f"{prefix}/"
    for rule in present:
        query = missing.get(rule.value)
        foreign = not rule.tag.startswith(ours)
        if query is not None and (foreign or rule.tag == ours + query.tag):
            kept[rule.id] = query
            del missing[rule.value]
        elif not foreign:
            delete.append(rule.id)
    return Plan(tuple(missing.values()), tuple(delete), kept)


async def synchronise(client: Any, wanted: Iterable[Query], prefix: str) -> Synced:  # noqa: ANN401
    """Make the server's rules the wanted ones.

    Args:
        client: tweepy's `AsyncStreamingClient`, which has no types, giving bare responses.
        wanted: what is configured.
        prefix: how our tags begin.

    Raises:
        AnswerError, aiohttp.ClientError, OSError, json.JSONDecodeError: a request failed.
    """
    listed = await client.get_rules()
    todo = plan(parse_rules(await body_of(listed)), wanted, prefix)
    for start in range(0, len(todo.delete), _DELETED_AT_ONCE):
        await client.delete_rules(list(todo.delete[start : start + _DELETED_AT_ONCE]))
    queries = dict(todo.kept)
    refused: dict[Query, str] = {}
    for start in range(0, len(todo.add), _ADDED_AT_ONCE):
        some = todo.add[start : start + _ADDED_AT_ONCE]
        answer = await client.add_rules(
            [StreamRule(value=query.text, tag=f"{prefix}/{query.tag}") for query in some]
        )
        body = await body_of(answer)
        by_text: Mapping[str, Query] = {query.text: query for query in some}
        queries.update(
            {rule.id: by_text[rule.value] for rule in parse_rules(body) if rule.value in by_text}
        )
        why = parse_refused_rules(body)
        refused.update({query: why[query.text] for query in some if query.text in why})
    return Synced(queries, refused)
