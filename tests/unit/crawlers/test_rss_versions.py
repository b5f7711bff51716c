"""An edit is told from a copy, from an older version out of a cache, and from a deletion."""

from typing import Any

import msgspec

from core.contracts.event import DELETED_REVISION, Event, EventKind
from core.contracts.identity import event_id
from crawlers.sources.rss.versions import Known, key_of, revise
from tests.unit.crawlers.doubles import NOW_NS

SECOND_NS = 1_000_000_000
PUBLISHED_S = 1_700_000_000


def event(text: str = "text", revision: int = 0, **more: Any) -> Event:  # noqa: ANN401 - any field
    fields: dict[str, Any] = {
        "id": event_id("rss", "desk", "1", revision),
        "source": "rss",
        "channel": "desk",
        "native_id": "1",
        "kind": EventKind.EDITED if revision else EventKind.PUBLISHED,
        "revision": revision,
        "title": "title",
        "text": text,
        "published_ns": PUBLISHED_S * SECOND_NS,
        "received_ns": NOW_NS,
        **more,
    }
    return Event(**fields)


def follow(*versions: Event, dated_by_update: bool = False) -> list[Event]:
    """Show versions of one entry one after the other."""
    known: Known | None = None
    revised = []
    for version in versions:
        one, known = revise(version, known, dated_by_update=dated_by_update)
        known = msgspec.json.decode(msgspec.json.encode(known), type=Known)  # as in the cursor
        revised.append(one)
    return revised


def revisions(*versions: Event, dated_by_update: bool = False) -> list[int]:
    return [one.revision for one in follow(*versions, dated_by_update=dated_by_update)]


def test_first_sight_is_the_entry_as_it_stands() -> None:
    for version in (event(), event(revision=PUBLISHED_S + 5)):
        assert follow(version) == [version]


def test_same_again_is_the_same_event() -> None:
    assert revisions(event(), event(), event()) == [0, 0, 0]


def test_changed_text_or_title_counts_up() -> None:
    first, second, third = follow(event("a"), event("b"), event("b", title="new"))
    assert [first.revision, second.revision, third.revision] == [0, 1, 2]
    assert (first.kind, second.kind) == (EventKind.PUBLISHED, EventKind.EDITED)
    assert second.id == event_id("rss", "desk", "1", 1)


def test_later_time_of_change_is_the_revision() -> None:
    later = PUBLISHED_S + 60
    assert revisions(event("a"), event("a", later), event("b", later + 1)) == [0, later, later + 1]


def test_time_of_change_goes_beyond_what_was_counted() -> None:
    later = PUBLISHED_S + 60
    assert revisions(event("a"), event("b"), event("c", later)) == [0, 1, later]
    assert revisions(
        event("a", later), event("b", later), event("c", later), event("c", later + 1)
    ) == [
        later,
        later + 1,
        later + 2,
        later + 3,
    ]


def test_older_version_from_a_cache_is_no_change() -> None:
    later = PUBLISHED_S + 60
    assert revisions(event("a"), event("b"), event("a"), event("b")) == [0, 1, 1, 1]
    assert revisions(event("a", later), event("unseen", later - 9)) == [later, later]


def test_entry_dated_by_its_change_keeps_its_first_date() -> None:
    first = event("a", published_ns=PUBLISHED_S * SECOND_NS)
    moved = event("b", published_ns=(PUBLISHED_S + 60) * SECOND_NS)
    kept, edited, again = follow(first, moved, moved, dated_by_update=True)
    assert kept == first
    assert (edited.revision, edited.kind) == (PUBLISHED_S + 60, EventKind.EDITED)
    assert edited.published_ns == first.published_ns
    assert again == edited


def test_deletion_is_known_apart_from_the_entry() -> None:
    deleted = event("", DELETED_REVISION, kind=EventKind.DELETED)
    assert revisions(deleted, deleted) == [DELETED_REVISION, DELETED_REVISION]
    assert key_of(deleted) != key_of(event())


def test_all_versions_of_an_entry_have_one_key() -> None:
    assert key_of(event()) == key_of(event("b", PUBLISHED_S + 60)) == key_of(event("c", 3))


def test_what_is_kept_of_an_entry_is_small() -> None:
    _, known = revise(event(), None, dated_by_update=False)
    for number in range(20):
        _, known = revise(event(str(number)), known, dated_by_update=False)
    assert len(msgspec.json.encode({key_of(event()): known})) < 80
