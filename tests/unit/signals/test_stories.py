"""One story trades once; independent sources raise it, trusted ones may deny it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.event import Event
from core.contracts.signal import Action, Direction, Signal, Skipped, SkipReason
from core.contracts.story import Story
from signals.pipeline import Context, Decision, Limits, decide
from signals.reader import Reader
from signals.stories import resemblance, sketch_of
from signals.trust.trust import bundled_trust
from tests.unit.signals.events import NOW, SECOND, an_event

READER = Reader()
TRUST = bundled_trust()
LISTING = "Binance will list Kaspa (KAS)"


class Desk:
    """Decides one event after the other about Kaspa and keeps the stories."""

    def __init__(self, key: str = "KAS") -> None:
        self.key = key
        self.stories: tuple[Story, ...] = ()
        self.number = 0

    def hear(
        self,
        text: str,
        *,
        source: str = "twitter",
        author: str | None = "@somebody",
        after_s: int = 0,
        now_s: int | None = None,
    ) -> Signal | Skipped:
        self.number += 1
        at = NOW + after_s * SECOND
        event = an_event(
            text, self.number, source=source, author=author, published_ns=at, received_ns=at
        )
        return self.take(event, at if now_s is None else NOW + now_s * SECOND)

    def take(self, event: Event, now_ns: int) -> Signal | Skipped:
        context = Context(now_ns, READER, self.stories, Limits(), TRUST)
        decision: Decision = decide(event, self.key, context)
        if decision.stories is not None:
            self.stories = decision.stories
        return decision.outcome


def action(outcome: Signal | Skipped) -> str:
    return outcome.action.value if isinstance(outcome, Signal) else outcome.reason.value


def test_low_tier_opens_with_a_token_and_an_independent_source_raises_it_once() -> None:
    desk = Desk()
    opened = desk.hear(LISTING)
    same = desk.hear("Binance lists Kaspa!", after_s=1)
    raised = desk.hear("Kaspa gets Binance listing", source="rss", author=None, after_s=2)
    third = desk.hear("Binance adds Kaspa (KAS)", source="newswire", author=None, after_s=3)
    assert [action(o) for o in (opened, same, raised, third)] == [
        "open",
        "known_story",
        "raise",
        "known_story",
    ]
    assert isinstance(opened, Signal)
    assert isinstance(raised, Signal)
    assert (opened.share, raised.share) == (0.1, 0.9)
    assert raised.follows == opened.id
    assert raised.id != opened.id
    assert raised.story_id == opened.story_id


def test_second_low_tier_raises_to_half() -> None:
    desk = Desk()
    desk.hear(LISTING)
    raised = desk.hear("Kaspa listed on Binance", author="@another", after_s=1)
    assert isinstance(raised, Signal)
    assert raised.share == 0.4


def test_full_size_is_not_raised() -> None:
    desk = Desk()
    desk.hear(LISTING, source="rss", author=None)
    told = desk.hear("Kaspa gets Binance listing", source="newswire", author=None, after_s=1)
    assert action(told) == "known_story"


def test_stale_confirmation_raises_nothing() -> None:
    desk = Desk()
    desk.hear(LISTING)
    late = desk.hear("Binance lists Kaspa", source="rss", author=None, after_s=1, now_s=500)
    assert action(late) == "known_story"


def test_confirmation_that_comes_again_gives_the_same_signal_at_any_time() -> None:
    desk = Desk()
    desk.hear(LISTING)
    event = an_event("Binance lists Kaspa", 9, source="rss", received_ns=NOW, published_ns=NOW)
    first = desk.take(event, NOW)
    assert action(first) == "raise"
    assert desk.take(event, NOW + 10_000 * SECOND) == first


def test_trusted_denial_closes_the_story_once() -> None:
    desk = Desk()
    opened = desk.hear(LISTING, source="rss", author=None)
    denial = "Binance denies that it will list Kaspa"
    rumoured = desk.hear(denial, author="@nobody", after_s=30)
    closed = desk.hear(denial, source="newswire", author=None, after_s=60)
    again = desk.hear(f"{denial}, again", source="newswire", author=None, after_s=90)
    later = desk.hear("Binance lists Kaspa", source="rss", author=None, after_s=120)
    assert [action(o) for o in (rumoured, closed, again, later)] == [
        "rumour",
        "close",
        "rumour",
        "known_story",
    ]
    assert isinstance(opened, Signal)
    assert isinstance(closed, Signal)
    assert closed.follows == opened.id
    assert closed.direction is Direction.SELL
    assert closed.action is Action.CLOSE


def test_denial_that_comes_again_gives_the_same_signal() -> None:
    desk = Desk()
    desk.hear(LISTING, source="rss", author=None)
    event = an_event("Binance denies it will list Kaspa", 9, source="newswire")
    first = desk.take(event, NOW)
    assert action(first) == "close"
    assert desk.take(event, NOW + 10_000 * SECOND) == first


def test_denial_of_another_exchanges_listing_closes_nothing() -> None:
    desk = Desk()
    desk.hear(LISTING, source="rss", author=None)
    other = desk.hear("Kraken denies it will list Kaspa", source="newswire", author=None)
    assert action(other) == "rumour"


def test_denial_of_what_was_never_traded_closes_nothing() -> None:
    desk = Desk()
    denial = desk.hear("Binance denies it will list Kaspa", source="newswire", author=None)
    assert action(denial) == "rumour"


def test_scam_opens_no_story() -> None:
    desk = Desk()
    scam = desk.hear(f"{LISTING}, connect your wallet now")
    assert action(scam) == SkipReason.UNTRUSTED
    assert desk.stories == ()
    assert action(desk.hear(LISTING, source="rss", author=None, after_s=1)) == "open"


@pytest.mark.parametrize(
    ("text", "other", "alike"),
    [
        (
            "Cetus Protocol exploited for $223 million, team pauses its contracts",
            "JUST IN: Cetus Protocol exploited for $223 million, team pauses contracts",
            True,
        ),
        (LISTING, "Solana halted for six hours after a bug in its scheduler", False),
    ],
)
def test_near_copies_resemble_and_others_do_not(text: str, other: str, alike: bool) -> None:
    found = resemblance(sketch_of(an_event(text)), sketch_of(an_event(other)))
    assert (found >= 0.5) is alike


@given(st.text(), st.text())
def test_resemblance_is_symmetric_and_between_0_and_1(text: str, other: str) -> None:
    one, two = sketch_of(an_event(text)), sketch_of(an_event(other))
    assert resemblance(one, two) == resemblance(two, one)
    assert 0 <= resemblance(one, two) <= 1
    assert resemblance(one, one) == (1.0 if one else 0.0)
