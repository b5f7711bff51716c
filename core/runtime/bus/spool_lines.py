"""A published record as one line of the spool, and back."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from core.contracts.codec import decoder, encode
from core.contracts.topics import Topic
from core.contracts.trace import Trace
from core.runtime.bus.port import R


class _Line(msgspec.Struct):
    """A line as it is written: topic, id, keys, stamps and the record itself.

    Sample: {"t":"tidings.events","i":"5a1c","k":["IOTA"],"s":"received=17","b":{"id":"5a1c", ...}}
    """

    t: str
    i: str
    k: Sequence[str]
    s: str
    b: Any


class Head(msgspec.Struct):
    """What says which record a line holds.

    Attributes:
        t: the topic's name.
        i: the record's id.
    """

    t: str
    i: str


class Spooled(Head):
    """A line as it is read.

    Attributes:
        k: the keys.
        s: the trace's header.
        b: the record's bytes, yet to be decoded.
    """

    k: list[str]
    s: str
    b: msgspec.Raw


read_head: Final[Callable[[bytes], Head]] = decoder(Head)
read_spooled: Final[Callable[[bytes], Spooled]] = decoder(Spooled)


def to_line(topic: Topic[R], record: R, record_id: str, keys: Sequence[str], trace: Trace) -> bytes:
    """Write a record with all that `publish` was given, newline included."""
    stamps = trace.to_header().decode()
    return encode(_Line(topic.name, record_id, keys, stamps, record)) + b"\n"
