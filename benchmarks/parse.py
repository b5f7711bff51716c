"""Feed documents to events, against bare feedparser on the same documents, in turns.

Ours is all that happens between a body and its events: decoding, entity check, parsing, dates,
HTML to text, canonical links, language, identity. Bare feedparser is `feedparser.parse` with its
defaults, which gives dictionaries.
"""

import gc
import io
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Final

import feedparser
import msgspec

from benchmarks.feed_documents import made, recorded
from core.contracts.event import Event
from crawlers import languages
from crawlers.item import Item
from crawlers.normalise import Limits, normalise
from crawlers.sources.rss.parse import parse

ROUNDS: Final = 5
RECEIVED_NS: Final = 1_790_000_000_000_000_000
LIMITS: Final = Limits(detect_language=True)


def ours(document: bytes) -> int:
    """Turn a document into events; gives how many."""
    events = 0
    for entry in parse(document).entries:
        if isinstance(entry, Item):
            event = normalise(
                entry, source="rss", channel="bench", received_ns=RECEIVED_NS, limits=LIMITS
            )
            events += isinstance(event, Event)
    return events


def bare(document: bytes) -> int:
    """Have feedparser read a document; gives the number of entries."""
    try:
        return len(feedparser.parse(io.BytesIO(document))["entries"])
    except (ValueError, OverflowError):
        return 0  # it stumbles over some


def measure(documents: Sequence[bytes], rounds: int) -> tuple[list[int], list[int], int]:
    """Time both on all documents, in turns, each first in every other round.

    Returns:
        The processor time that we took and that feedparser took, ns for each round; and the
        events of one round.
    """
    took: dict[Callable[[bytes], int], list[int]] = {ours: [], bare: []}
    events = 0
    for number in range(rounds):
        totals = {ours: 0, bare: 0}
        events = 0
        order = (ours, bare) if number % 2 else (bare, ours)
        gc.collect()
        for document in documents:
            for read in order:
                begun = time.thread_time_ns()
                count = read(document)
                totals[read] += time.thread_time_ns() - begun
                if read is ours:
                    events += count
        for read, total in totals.items():
            took[read].append(total)
    return took[ours], took[bare], events


def run(rounds: int = ROUNDS) -> dict[str, Any]:
    """Run the benchmark and give its figures: ratios, and events per second beside them."""
    languages.prepare()
    figures: dict[str, Any] = {"name": "parse", "rounds": rounds}
    all_ours, all_bare = [0] * rounds, [0] * rounds
    all_events = 0
    for name, documents in (("made", list(made())), ("recorded", recorded())):
        if not documents:
            continue
        measure(documents[:20], 1)  # first uses
        our_ns, bare_ns, events = measure(documents, rounds)
        figures[f"{name}_documents"] = len(documents)
        figures[f"{name}_bytes"] = sum(map(len, documents))
        figures[f"{name}_events"] = events
        figures[f"{name}_ratio_to_feedparser"] = _ratio(our_ns, bare_ns)
        all_ours = [a + b for a, b in zip(all_ours, our_ns, strict=True)]
        all_bare = [a + b for a, b in zip(all_bare, bare_ns, strict=True)]
        all_events += events
    return figures | {
        "events_per_second": round(all_events / (median(all_ours) / 1e9)),
        "ratio_to_feedparser": _ratio(all_ours, all_bare),
        "limit_ratio_to_feedparser": 1.25,
    }


def _ratio(our_ns: Sequence[int], bare_ns: Sequence[int]) -> float:
    """Give the median of the rounds' ratios."""
    return round(median(a / b for a, b in zip(our_ns, bare_ns, strict=True)), 3)


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(run()).decode() + "\n")
