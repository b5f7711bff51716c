import msgspec
import pytest

from core.contracts.codec import encode
from core.contracts.event import Event, EventKind, TimePrecision
from core.contracts.identity import signal_id, story_id
from core.contracts.signal import Direction, EventType, Signal, Skipped, SkipReason
from core.contracts.story import Story
from signals.pipeline import Context, Decision, Limits, decide
from signals.reader import Reader
from signals.settings import SignalSettings
from signals.stories import MOST_STORIES
from tests.unit.signals.events import NOW, SECOND, an_event

READER = Reader()
LISTING = "Binance will list Kaspa (KAS)"
DAY = 86_400 * SECOND


def decided(
    event: Event,
    key: str = "KAS",
    *,
    now_ns: int = NOW,
    stories: tuple[Story, ...] = (),
    limits: Limits | None = None,
) -> Decision:
    return decide(event, key, Context(now_ns, READER, stories, limits or Limits()))


def reason(decision: Decision) -> SkipReason:
    assert isinstance(decision.outcome, Skipped)
    return decision.outcome.reason


def test_news_gives_a_signal_that_event_and_story_alone_determine() -> None:
    event = an_event(LISTING, published_ns=NOW - SECOND)
    decision = decided(event, now_ns=NOW + SECOND)
    story = story_id(event.id, "KAS")
    assert decision.outcome == Signal(
        id=signal_id(story, "KAS", "buy"),
        story_id=story,
        event_id=event.id,
        asset="KAS",
        direction=Direction.BUY,
        event_type=EventType.LISTING,
        confidence=0.95,
        reasons=("listing",),
        headline=LISTING,
        source="rss",
        channel="wire",
        published_ns=NOW - SECOND,
        received_ns=NOW,
        expires_ns=NOW + 30 * SECOND,
    )
    assert decision.stories is not None
    assert decision.stories[0].signalled


@pytest.mark.parametrize(
    ("event", "key", "expected"),
    [
        (an_event(LISTING, kind=EventKind.DELETED), "KAS", SkipReason.DELETED),
        (an_event(""), an_event("").id, SkipReason.NO_TEXT),
        (an_event("Nothing new"), an_event("").id, SkipReason.NO_ASSET),
        (an_event("LUNA falls"), an_event("").id, SkipReason.AMBIGUOUS_ASSET),
        (an_event(LISTING), "ADA", SkipReason.OTHER_PARTITION),
        (an_event("Kaspa stands still"), "KAS", SkipReason.NOT_NEWS),
        (an_event("Binance may list Kaspa"), "KAS", SkipReason.RUMOUR),
        (an_event(LISTING, published_ns=NOW - 121 * SECOND), "KAS", SkipReason.STALE),
        (an_event(LISTING, published_ns=NOW + 6 * SECOND), "KAS", SkipReason.FUTURE),
        (
            an_event(LISTING, published_precision=TimePrecision.DAY),
            "KAS",
            SkipReason.UNDATED,
        ),
    ],
)
def test_event_is_skipped_for_its_reason(event: Event, key: str, expected: SkipReason) -> None:
    assert reason(decided(event, key)) is expected


def test_unsure_reading_is_skipped() -> None:
    limits = Limits(min_confidence=0.99)
    assert reason(decided(an_event(LISTING), limits=limits)) is SkipReason.LOW_CONFIDENCE


def test_age_counts_from_publication_to_now_not_to_receipt() -> None:
    assert reason(decided(an_event(LISTING), now_ns=NOW + 121 * SECOND)) is SkipReason.STALE


def test_second_outlet_tells_a_known_story() -> None:
    stories = decided(an_event(LISTING)).stories or ()
    again = an_event("Kaspa is now available on Binance", 2, received_ns=NOW + SECOND)
    decision = decided(again, stories=stories)
    assert reason(decision) is SkipReason.KNOWN_STORY
    assert decision.stories is not None
    assert decision.stories[0].mentions == 2
    assert decision.stories[0].last_received_ns == NOW + SECOND


def test_another_exchange_is_another_story_and_another_signal() -> None:
    stories = decided(an_event(LISTING)).stories or ()
    decision = decided(an_event("Kraken lists Kaspa", 2), stories=stories)
    assert isinstance(decision.outcome, Signal)
    assert len(decision.stories or ()) == 2


def test_bad_news_after_good_news_is_another_story() -> None:
    stories = decided(an_event(LISTING)).stories or ()
    assert isinstance(
        decided(an_event("Kaspa hacked for $9 million", 2), stories=stories).outcome, Signal
    )


def test_story_told_after_its_window_is_new() -> None:
    stories = decided(an_event(LISTING)).stories or ()
    later = NOW + DAY
    event = an_event(LISTING, 2, published_ns=later, received_ns=later)
    decision = decided(event, now_ns=later, stories=stories)
    assert isinstance(decision.outcome, Signal)
    assert len(decision.stories or ()) == 1


def test_event_that_comes_twice_gives_the_same_signal_byte_for_byte_however_late() -> None:
    first = decided(an_event(LISTING))
    late = decided(an_event(LISTING), now_ns=NOW + 3 * DAY, stories=first.stories or ())
    assert encode(late.outcome) == encode(first.outcome)
    assert late.stories is None


def test_old_news_opens_its_story_so_that_a_fresh_retelling_does_not_trade() -> None:
    old = an_event(LISTING, published_ns=NOW - DAY)
    stories = decided(old).stories or ()
    assert [story.signalled for story in stories] == [False]
    assert reason(decided(an_event(LISTING, 2), stories=stories)) is SkipReason.KNOWN_STORY
    assert reason(decided(old, stories=stories)) is SkipReason.STALE


def test_news_of_unknown_age_does_not_silence_the_dated_one() -> None:
    undated = an_event(LISTING, published_precision=TimePrecision.RECEIVED)
    assert decided(undated).stories is None


def test_rumour_opens_no_story() -> None:
    assert decided(an_event("Binance may list Kaspa")).stories is None


def test_stories_of_an_asset_are_bounded() -> None:
    stories: tuple[Story, ...] = ()
    for number in range(MOST_STORIES + 8):
        event = an_event(LISTING, number, received_ns=NOW + number, published_ns=NOW)
        first = decided(event).stories or ()
        stories = (
            decided(
                msgspec.structs.replace(event, id=f"{number}"),
                stories=tuple(
                    msgspec.structs.replace(story, actors=(f"exchange {story.first_event_id}",))
                    for story in (*stories, *first)
                    if story.first_event_id != event.id
                ),
            ).stories
            or ()
        )
    assert len(stories) == MOST_STORIES


def test_settings_give_limits_in_their_units() -> None:
    given = SignalSettings.model_validate({"max_age": "3m", "min_confidence": 0.8})
    assert given.limits() == Limits(max_age_ms=180_000, min_confidence=0.8)
