"""A document is compared with the last one: new, changed, the same, and the same twice."""

from typing import Any

from core.contracts.clock import ManualClock
from crawlers.http import Fetched
from crawlers.intake import Intake
from crawlers.normalise import Limits
from crawlers.progress import Channel
from crawlers.seen import Seen
from crawlers.sources.rss.parse import parse
from crawlers.sources.rss.reading import Reading, read
from tests.servers.feeds import Post, rss
from tests.unit.crawlers.doubles import NOW_NS, NarrowBus, key_by_id


class Reader:
    """Reads documents one after the other, as a feed does."""

    def __init__(self) -> None:
        self.intake = Intake(
            Channel("rss", "desk", None),
            Seen(),
            bus=NarrowBus(),
            keyer=key_by_id,
            clock=ManualClock(NOW_NS),
            limits=Limits(),
        )
        self.known: dict[str, Any] = {}
        self.shown: dict[bytes, Any] = {}

    def read(self, *posts: Post, received_ns: int = NOW_NS) -> Reading:
        fetched = Fetched("https://example.com/", True, rss(list(posts)), None, None, None)
        reading = read(fetched, received_ns, parse, self.intake, self.known, self.shown)
        self.known.update({one.key: one.known for one in reading.shown.values()})
        self.shown = reading.shown
        return reading


def post(native_id: str, title: str = "title", minute: int = 0, **more: str) -> Post:
    published = f"2024-01-02T03:{minute:02}:00+00:00"
    return {"id": native_id, "title": title, "published": published, **more}


def ids(reading: Reading) -> list[str]:
    return [event.native_id for event in reading.new]


def test_new_entries_come_oldest_first_and_those_of_one_time_from_below() -> None:
    reading = Reader().read(post("c"), post("b", minute=5), post("a"))
    assert ids(reading) == ["a", "c", "b"]


def test_entry_that_stands_as_it_stood_is_told_without_an_event() -> None:
    reader = Reader()
    reader.read(post("a"), post("b"))
    reading = reader.read(post("c"), post("a"), post("b"))
    assert (ids(reading), reading.old, reading.same) == (["c"], [], 2)
    assert len(reading.shown) == 3


def test_entry_that_says_the_same_in_other_markup_is_old() -> None:
    reader = Reader()
    reader.read(post("a", "A &amp; B"))
    reading = reader.read(post("a", "<b>A</b> &amp; B"))
    assert (ids(reading), len(reading.old)) == ([], 1)
    assert reading.old[0].revision == 0


def test_entry_listed_twice_is_one_and_its_last_version_wins() -> None:
    later = post("a", "later", updated="2024-01-02T04:00:00Z")
    for posts in ([post("a"), later], [later, post("a")]):
        reader = Reader()
        reading = reader.read(*posts)
        assert [event.title for event in reading.new] == ["later"]
        assert reading.same == 1
        again = reader.read(*posts)
        assert (again.new, again.old) == ([], [])


def test_entry_listed_twice_without_times_is_the_first_listed() -> None:
    reader = Reader()
    reader.read(post("a", "old"))
    reading = reader.read(post("a", "new"), post("a", "old"))
    assert [(event.title, event.revision) for event in reading.new] == [("new", 1)]
    again = reader.read(post("a", "new"), post("a", "old"))
    assert (again.new, again.old, again.same) == ([], [], 2)


def test_undated_entry_keeps_the_time_it_was_first_received_at() -> None:
    reader = Reader()
    undated = {"id": "a", "title": "title"}
    reader.read(undated)
    reading = reader.read(undated, received_ns=NOW_NS + 10**9)
    (shown,) = reading.shown.values()
    assert (shown.published_ns, shown.exact) == (NOW_NS, False)


def test_refused_entry_is_looked_at_again() -> None:
    reader = Reader()
    ahead = {"id": "a", "title": "title", "published": "2026-09-21T15:00:00+00:00"}
    assert [refusal.reason for refusal in reader.read(ahead).refusals] == ["future"]
    assert ids(reader.read(ahead, received_ns=NOW_NS + 3_600 * 10**9)) == ["a"]
