"""Shows on a history of events what other rules would have done differently."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from signals.decide_file import decide_lines
from signals.pipeline import Limits
from signals.reader import Reader
from signals.trust.trust import Trust

_SHOWN_CHARACTERS: Final = 160


class Change(NamedTuple):
    """One event of which other rules make something else.

    Attributes:
        text: its headline, or the first characters of its text.
        before: the signals that it gave, `PYTH buy listing (listing)`, sorted.
        after: those that it would have given.
        why: what it would have been refused for, where nothing is left.
    """

    text: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    why: str | None


class Trial(NamedTuple):
    """What came of a history under two sets of rules.

    Attributes:
        events: how many there were.
        gained: events that were silent and speak.
        lost: events that spoke and are silent.
        changed: events that speak in both, differently.
        hits_before: signals by the rule or words that decided.
        hits_after: the same under the other rules.
        problems: malformed lines and what is wrong with them.
    """

    events: int
    gained: tuple[Change, ...]
    lost: tuple[Change, ...]
    changed: tuple[Change, ...]
    hits_before: Counter[str]
    hits_after: Counter[str]
    problems: tuple[str, ...]


def try_rules(
    history: Path,
    before: Reader,
    after: Reader,
    *,
    stateless: bool = False,
    limits: Limits | None = None,
    trust: Trust | None = None,
) -> Trial:
    """Decide about a history twice, as `tidings decide` does, and compare line by line.

    Args:
        history: events, one JSON object a line.
        before: reads by the rules in use.
        after: reads by the rules on trial.
        stateless: judge each event alone: no stories, no age, no trust.
        limits: the thresholds.
        trust: how far sources are believed; None for the bundled tiers.

    Raises:
        OSError: the history can't be read.
    """
    with TemporaryFile() as old, TemporaryFile() as new:
        for reader, out in ((before, old), (after, new)):
            with history.open("rb") as lines:
                summary = decide_lines(
                    lines, out, stateless=stateless, limits=limits, trust=trust, reader=reader
                )
            out.seek(0)
        with history.open("rb") as lines:
            gained, lost, changed, hits = _compare(lines, old, new)
    return Trial(summary.lines, gained, lost, changed, hits[0], hits[1], summary.problems)


def _compare(
    lines: BinaryIO, old: BinaryIO, new: BinaryIO
) -> tuple[
    tuple[Change, ...], tuple[Change, ...], tuple[Change, ...], tuple[Counter[str], Counter[str]]
]:
    gained: list[Change] = []
    lost: list[Change] = []
    changed: list[Change] = []
    hits: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for line, was, would in zip(_told(lines), old, new, strict=True):
        signals = []
        for answer, counter in zip((was, would), hits, strict=True):
            found = msgspec.json.decode(answer)
            counter.update(signal["reasons"][0] for signal in found["signals"])
            signals.append(
                {
                    f"{signal['symbol']} {signal['direction']} {signal['event_type']}"
                    f" ({signal['reasons'][0]})"
                    for signal in found["signals"]
                }
            )
        if signals[0] == signals[1]:
            continue
        change = Change(
            _headline(line), tuple(sorted(signals[0])), tuple(sorted(signals[1])), found["skipped"]
        )
        (gained if not signals[0] else changed if signals[1] else lost).append(change)
    return tuple(gained), tuple(lost), tuple(changed), hits


def _told(lines: BinaryIO) -> Iterator[bytes]:
    """Give the lines that are answered: all that are not blank."""
    return (line for line in lines if not line.isspace())


def _headline(line: bytes) -> str:
    try:
        told: Any = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return ""
    text = (told.get("title") or told.get("text") or "") if isinstance(told, dict) else ""
    return " ".join(str(text).split())[:_SHOWN_CHARACTERS]
