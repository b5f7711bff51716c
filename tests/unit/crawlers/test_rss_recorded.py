"""Recorded feeds of real sites: read as another library reads them, but for the listed reasons."""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.contracts.event import Event
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.normalise import Limits, normalise
from crawlers.sources.rss.parse import parse
from crawlers.times import parse_time
from tests.unit.crawlers.doubles import NOW_NS

REAL_FEEDS = Path(__file__).resolve().parents[4] / "shared" / "data" / "feeds"
DIFFERENCES = Path(__file__).with_name("rss_differences.toml")

pytestmark = pytest.mark.skipif(
    not REAL_FEEDS.is_dir(), reason="the recorded feeds (../shared/data/feeds) are not here"
)

Difference = tuple[str, str]
"""File and field."""


def documents(folder: str) -> list[Path]:
    return [
        path
        for path in sorted((REAL_FEEDS / folder).rglob("*"))
        if path.is_file() and path.suffix != ".json" and path.name != "LICENSE"
    ]


def expected(path: Path) -> list[dict[str, Any]]:
    """Read another library's reading; one of its files is in Latin-1."""
    raw = path.with_suffix(".json").read_bytes()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    items: list[dict[str, Any]] = json.loads(text)["feed"]["items"]
    return items


def stripped(value: str | None) -> str | None:
    return value and value.strip()


def compare(theirs: dict[str, Any], ours: Item | Refusal) -> Iterator[str]:
    """Name the fields that differ."""
    if isinstance(ours, Refusal):
        yield "entry"
        return
    link = stripped(theirs.get("link"))
    if (stripped(theirs.get("guid") or theirs.get("id")) or link) != ours.native_id:
        yield "id"
    if link != ours.url:
        yield "link"
    if stripped(theirs.get("title")) != ours.title:
        yield "title"
    parsed = parse_time(ours.published, NOW_NS, UTC) if ours.published else None
    moment = theirs.get("isoDate")
    at_ms = None if moment is None else round(datetime.fromisoformat(moment).timestamp() * 1000)
    if at_ms != (parsed[0] // 1_000_000 if isinstance(parsed, tuple) else None):
        yield "date"


def test_ids_links_titles_and_dates_agree_with_another_library_but_for_the_listed() -> None:
    found = Counter[Difference]()
    entries = 0
    for path in documents("rss-parser"):
        if not path.with_suffix(".json").exists():
            continue
        theirs, ours = expected(path), parse(path.read_bytes()).entries
        assert len(theirs) == len(ours), path.name
        entries += len(theirs)
        for one, other in zip(theirs, ours, strict=True):
            found.update((path.name, field) for field in compare(one, other))
    listed = tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))["difference"]
    assert all(one["reason"] for one in listed)
    assert dict(found) == {(one["file"], one["field"]): one["entries"] for one in listed}
    assert entries > 1_000


def test_every_recorded_document_is_read_or_refused_for_its_reason() -> None:
    refused = {}
    outcomes = Counter[str]()
    for path in (*documents("feedparser"), *documents("rss-parser")):
        document = parse(path.read_bytes())
        assert document.entries, path
        if document.refused is not None:
            refused[path.name] = document.refused.reason
            continue
        for entry in document.entries:
            result = (
                normalise(entry, source="rss", channel="x", received_ns=NOW_NS, limits=Limits())
                if isinstance(entry, Item)
                else entry
            )
            outcomes["event" if isinstance(result, Event) else result.reason.value] += 1
    assert refused == {
        "aaa_illformed.xml": RefusalReason.BAD_XML,
        "bozo_invalid-bytes-with-bom.xml": RefusalReason.BAD_XML,
        "undeclared_namespace.xml": RefusalReason.BAD_XML,
        "rss_empty_document.xml": RefusalReason.NOT_A_FEED,
        "unrecognized.rss": RefusalReason.NOT_A_FEED,
    }
    assert set(outcomes) == {"event", "no_text", "empty_feed"}
    assert outcomes["event"] > 1_400
