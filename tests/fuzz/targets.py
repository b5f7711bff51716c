"""What is fuzzed, and what must hold whatever comes in; needs no fuzzer, so seeds can be replayed.

A target takes bytes and raises when something is wrong.
"""

import struct
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from core.contracts.codec import encode
from core.contracts.event import DELETED_REVISION, Event, EventKind, OriginKind
from core.contracts.topics import EVENTS, VENUE_NOTICES
from crawlers.item import Item, ItemOrigin, Refusal, TextFormat
from crawlers.lookalikes import MOST_FOUND
from crawlers.normalise import Limits, normalise
from crawlers.notices import notice_of
from crawlers.urls import canonical, is_shortened
from tests.fuzz.sources import PARSES, Entries

Target = Callable[[bytes], None]

SLOWEST_S: Final = 2  # an input that takes longer is a finding

RECEIVED_NS: Final = 1_790_000_000_000_000_000
_FUTURE_NS: Final = 86_400_000_000_000
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def _parsed(parse: Callable[[bytes], Entries]) -> Target:
    """Make a target of a source's parse, followed by what every entry goes through."""

    def target(raw: bytes) -> None:
        for entry in parse(raw):
            if isinstance(entry, Refusal):
                _check_types(entry, Refusal)
            else:
                _check_types(entry, Item)
                _check_normalised(entry, Limits())

    return target


def _normalised(raw: bytes) -> None:
    """Make an item of the bytes, and an event of the item.

    Four bytes choose what is no text, and `ff` separates the texts; no UTF-8 text holds it. Bytes
    that are no UTF-8 become lone surrogates.
    """
    choice, *fields = raw[4:].split(b"\xff")
    a, b, c, d = raw[:4].ljust(4, b"\0")
    texts = [field.decode("utf-8", "surrogateescape") for field in (choice, *fields)]
    texts += [""] * 9
    formats = (TextFormat.PLAIN, TextFormat.HTML)
    number = int.from_bytes(texts[3].encode("utf-8", "surrogateescape")[:12], "big", signed=True)
    (double,) = struct.unpack("d", texts[3].encode("utf-8", "surrogateescape")[:8].ljust(8, b"\0"))
    published = (texts[3], None, number, double)[a & 3]
    origin = ItemOrigin(
        kind=tuple(OriginKind)[b % len(OriginKind)],
        author=texts[5],
        native_id=texts[0],
        url=texts[4],
        text=texts[7],
        text_format=formats[a >> 2 & 1],
        published=published,
    )
    item = Item(
        native_id=texts[0],
        kind=tuple(EventKind)[c % len(EventKind)],
        revision=number if a & 8 else c,
        title=texts[1],
        title_format=formats[a >> 4 & 1],
        text=texts[2],
        text_format=formats[a >> 5 & 1],
        author=texts[5],
        url=texts[4],
        published=published,
        language=texts[6] or None,
        origin=origin if a & 64 else None,
    )
    zones = (UTC, None, ZoneInfo("America/New_York"), timezone(timedelta(hours=14)))
    small = bool(a & 128)
    _check_normalised(
        item,
        Limits(
            title_chars=20 if small else 1_000,
            text_chars=50 if small else 50_000,
            default_zone=zones[d & 3],
            detect_language=bool(d & 4),
        ),
    )
    _check_address(texts[8])


def _check_normalised(item: Item, limits: Limits) -> None:
    """Normalise an item and look at what it became."""
    event = normalise(item, source="fuzz", channel="fuzz", received_ns=RECEIVED_NS, limits=limits)
    if isinstance(event, Refusal):
        _check_types(event, Refusal)
        return
    _check_types(event, Event)
    assert len(event.id) == 32
    assert event.native_id.isprintable()
    assert 0 < len(event.native_id) <= 300
    assert 0 <= event.revision <= DELETED_REVISION
    assert (event.revision == DELETED_REVISION) is (event.kind is EventKind.DELETED)
    assert event.title or event.text or event.kind is EventKind.DELETED
    _check_text(event.title or "", limits.title_chars)
    _check_text(event.text, limits.text_chars)
    _check_text(event.author or "", 200)
    assert 0 < event.published_ns <= RECEIVED_NS + _FUTURE_NS
    assert event.removed_characters >= 0
    assert len(set(event.lookalikes)) == len(event.lookalikes) <= MOST_FOUND
    for word in event.lookalikes:
        assert not word.isascii()
        assert word in event.text or word in (event.title or "")
    if event.url is not None:
        _check_address(event.url)
    if event.origin is not None:
        _check_text(event.origin.text, limits.text_chars)
        _check_text(event.origin.author or "", 200)
        if event.origin.url is not None:
            _check_address(event.origin.url)
    assert EVENTS.decode(encode(event)) == event
    if item.notice is not None:
        notice = notice_of(item.notice, event)
        assert VENUE_NOTICES.decode(encode(notice)) == notice


def _check_types(record: msgspec.Struct, kind: type[msgspec.Struct]) -> None:
    """Check that each field has the type it is declared with."""
    msgspec.convert(msgspec.structs.asdict(record), kind, from_attributes=True)


def _check_text(text: str, limit: int) -> None:
    assert len(text) <= limit
    assert unicodedata.is_normalized("NFC", text)
    assert text == " ".join(text.split())
    assert not any(unicodedata.category(character) in _UNSEEN for character in text)
    text.encode()


def _check_address(url: str) -> None:
    found = canonical(url)
    if found is not None:
        assert found.isascii()
        assert found.isprintable()
        assert len(found) <= 2_000
        assert canonical(found) == found
        is_shortened(found)


TARGETS: Final[Mapping[str, Target]] = {
    "normalise": _normalised,
    **{name: _parsed(parse) for name, parse in PARSES.items()},
}
