"""Decides about events in a file, line by line: what `tidings decide` does."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from core.contracts.event import Event, TimePrecision
from core.contracts.signal import Action, Signal, SkipReason
from core.contracts.story import AssetStories
from signals.classifier import MemoryStories
from signals.pipeline import Context, Limits, decide
from signals.plain import plain_text
from signals.reader import Reader, Reading
from signals.trust.trust import Trust, bundled_trust

LINE_BYTES: Final = 16 * 1024 * 1024
"""A longer line is refused without being kept in memory."""

_CHUNK_BYTES: Final = 1 << 16
_NS: Final = 1_000_000_000
_EPOCH_UNITS: Final = ((10**11, _NS), (10**14, 10**6), (10**17, 10**3), (10**20, 1))
_FOLLOWED: Final = {Action.RAISE: SkipReason.KNOWN_STORY, Action.CLOSE: SkipReason.RUMOUR}
_NOTHING: Final = Reading((), (), ())


class InputLine(msgspec.Struct, frozen=True):
    """One event as users write it, or as `tidings backfill` does (`published_ns`)."""

    id: str
    source: str
    text: str
    published: str | int | float | None = None
    published_ns: int | None = None
    title: str | None = None
    channel: str | None = None
    author: str | None = None
    url: str | None = None


class Summary(NamedTuple):
    """What came of a file.

    Attributes:
        lines: how many it had, blank ones not counted.
        signals: how many signals it gave.
        problems: of each malformed line, its number from 1 and what is wrong with it.
    """

    lines: int
    signals: int
    problems: tuple[str, ...]


def decide_lines(
    lines: BinaryIO,
    out: BinaryIO,
    *,
    stateless: bool = False,
    limits: Limits | None = None,
    reader: Reader | None = None,
    now_ns: int | None = None,
    trust: Trust | None = None,
) -> Summary:
    """Write one line of JSON for each line of JSON, in order.

    A malformed line gives a line whose `skipped` begins with `malformed:`; the rest goes on, and
    the caller fails at the end if the summary names problems. Blank lines give nothing. Memory is
    bounded by one line of at most `LINE_BYTES`.

    Args:
        lines: events, one JSON object a line.
        out: takes the answers.
        stateless: judge each event alone: no stories, and a missing time is no objection.
        limits: the thresholds.
        reader: reads the texts.
        now_ns: the time to judge ages at; None judges each event at its own publication, so that
            history can be judged.
        trust: how far sources are believed; None takes the bundled tiers, but stateless believes
            all.
    """
    reader = reader or Reader()
    limits = limits or Limits()
    stories = MemoryStories()
    trust = None if stateless else trust or bundled_trust()
    count = signals = 0
    problems: list[str] = []
    for number, line in _lines(lines):
        count += 1
        try:
            event = _event(line)
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            out.write(_answer(_known_id(line), [], _NOTHING, f"malformed: {error}"))
            continue
        if stateless:
            stories = MemoryStories()
            event = msgspec.structs.replace(event, published_precision=TimePrecision.EXACT)
        at_ns = event.published_ns if now_ns is None or stateless else now_ns
        found, skipped = _decide(event, at_ns, reader, stories, limits, trust)
        signals += sum(signal.action is Action.OPEN for signal in found)
        out.write(_answer(event.id, found, reader.read(event), skipped))
    return Summary(count, signals, tuple(problems))


def _decide(
    event: Event,
    now_ns: int,
    reader: Reader,
    stories: MemoryStories,
    limits: Limits,
    trust: Trust | None,
) -> tuple[list[Signal], str | None]:
    """Decide for each key; the reason counts where no key gave a signal."""
    found: list[Signal] = []
    reason: SkipReason | None = None
    for key in reader.keys_for(event):
        context = Context(now_ns, reader, stories.get(key), limits, trust)
        outcome, changed = decide(event, key, context)
        if changed is not None:
            stories.put(AssetStories(asset=key, stories=changed, changed_ns=event.received_ns))
        if isinstance(outcome, Signal):
            found.append(outcome)
        else:
            reason = reason or outcome.reason
    if any(signal.action is Action.OPEN for signal in found):
        return found, None
    if found:  # it raises or closes what an earlier event opened
        reason = _FOLLOWED[found[0].action]
    return found, None if reason is None else reason.value


def _answer(
    event_id: str | None, signals: list[Signal], reading: Reading, skipped: str | None
) -> bytes:
    follow_ups = [
        {"action": signal.action, "symbol": signal.asset, "follows": signal.follows}
        for signal in signals
        if signal.action is not Action.OPEN
    ]
    return (
        msgspec.json.encode(
            {
                "id": event_id,
                "signals": [
                    {
                        "symbol": signal.asset,
                        "direction": signal.direction,
                        "event_type": signal.event_type,
                        "confidence": signal.confidence,
                        "reasons": signal.reasons,
                    }
                    for signal in signals
                    if signal.action is Action.OPEN
                ],
                "reading": {
                    "assets": [{"code": a.code, "role": a.role} for a in reading.assets],
                    "event_type": reading.event_type,
                    "direction": reading.direction,
                    "confidence": reading.confidence,
                },
                "skipped": skipped,
                **({"follow_ups": follow_ups} if follow_ups else {}),
            }
        )
        + b"\n"
    )


def _lines(lines: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Give the lines that are not blank, numbered; None for one that is too long."""
    number = 0
    while line := lines.readline(LINE_BYTES + 1):
        number += 1
        if len(line) > LINE_BYTES and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = lines.readline(_CHUNK_BYTES)
            yield number, None
        elif not line.isspace():
            yield number, line


def _event(line: bytes | None) -> Event:
    """Make the event of one line.

    Raises:
        ValueError: it is too long, not JSON, or not such an event; says what is wrong.
    """
    if line is None:
        raise ValueError(f"longer than {LINE_BYTES} bytes")
    try:
        given = msgspec.json.decode(line, type=InputLine)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    published_ns, precision = _published(given.published_ns or given.published)
    return Event(
        id=given.id,
        source=given.source,
        channel=given.channel or "",
        native_id=given.id,
        title=None if given.title is None else plain_text(given.title),
        text=plain_text(given.text),
        author=given.author,
        url=given.url,
        published_ns=published_ns,
        published_precision=precision,
        received_ns=published_ns,
    )


def _published(given: str | float | None) -> tuple[int, TimePrecision]:
    """Read a time: RFC 3339 with its zone, or an epoch in s, ms, us or ns.

    Raises:
        ValueError: it is no such time.
    """
    if given is None or given == "":
        return 0, TimePrecision.RECEIVED
    if isinstance(given, str):
        try:
            moment = datetime.fromisoformat(given)
        except ValueError as error:
            raise ValueError(f"published {given!r} is not an RFC 3339 time") from error
        if moment.tzinfo is None:
            return 0, TimePrecision.RECEIVED
        seconds = moment.replace(microsecond=0).timestamp()
        return int(seconds) * _NS + moment.microsecond * 1_000, TimePrecision.EXACT
    for below, unit_ns in _EPOCH_UNITS:
        if 0 <= given < below:
            return int(given * unit_ns), TimePrecision.EXACT
    raise ValueError(f"published {given!r} is not a time since 1970")


def _known_id(line: bytes | None) -> str | None:
    """Find a malformed event's id where it has one."""
    if line is None:
        return None
    try:
        given: Any = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return None
    found = given.get("id") if isinstance(given, dict) else None
    return found if isinstance(found, str) else None
