"""From bytes to a handler: decoding a record of a broker, and burying what can't be handled."""

from collections.abc import Iterable
from typing import NamedTuple

from core.contracts.clock import Clock
from core.contracts.cloudevents import check_headers
from core.contracts.errors import DecodeError, Fatal, Rejected
from core.contracts.topics import DeadLetter
from core.runtime.bus.port import AnyHandler, AnyTopic


class Route(NamedTuple):
    """Which handler of a group takes a topic's records."""

    topic: AnyTopic
    handler: AnyHandler


def deliver(
    route: Route, raw: bytes, key: bytes, headers: Iterable[tuple[str, bytes | None]]
) -> None:
    """Decode a record and hand it to its handler.

    Raises:
        Rejected: the bytes are no such record, or the handler said no.
        Fatal: the handler can't go on, or raised what nobody expects.
    """
    topic, handler = route
    trace = check_headers(topic, [(name, value or b"") for name, value in headers], raw)
    try:
        text_key = key.decode()
    except UnicodeDecodeError as error:
        raise DecodeError(f"the key is not UTF-8: {error}", raw) from error
    record = topic.decode(raw)
    try:
        handler(record, text_key, trace)
    except (Rejected, Fatal):
        raise
    except Exception as error:
        raise unexpected(topic, text_key, error) from error


def unexpected(topic: AnyTopic, name: str, error: Exception) -> Fatal:
    """Say which record made a handler raise something that nobody knows the meaning of."""
    return Fatal(f"a handler of {topic.name} failed on {name}: {error!r}")


def bury(
    topic: AnyTopic, raw: bytes, error: Rejected, clock: Clock, *, partition: int, offset: int
) -> DeadLetter:
    """Make the dead letter of a record that can't be handled.

    Raises:
        Fatal: it is a dead letter itself.
    """
    if topic.dead_letter is None:
        raise Fatal(f"a dead letter can't be rejected ({topic.name}): {error}") from error
    return DeadLetter(
        topic=topic.name,
        partition=partition,
        offset=offset,
        reason=str(error),
        raw=raw,
        failed_ns=clock.now_ns(),
    )
