"""Which key asks next, and how long a failed one is left alone."""

from random import Random

import pytest

from core.contracts.errors import Rejected, Retryable
from crawlers.sources.twitter.keys import Failure, KeyPool
from tests.unit.crawlers.doubles import NOW_NS

S = 1_000_000_000
SEARCH = "search/recent"
STREAM = "search/stream"


class Even(Random):
    """No jitter."""

    def random(self) -> float:
        return 0.0


def pool(*labels: str) -> KeyPool:
    return KeyPool(labels or ("a", "b"), Even())


def test_key_is_used_until_it_fails_then_the_next_one() -> None:
    keys = pool("a", "b", "c")
    assert [keys.pick((SEARCH,), NOW_NS) for _ in range(2)] == ["a", "a"]
    keys.failed("a", SEARCH, Failure.LIMITED, "429", NOW_NS, 60 * S)
    assert keys.pick((SEARCH,), NOW_NS) == "b"
    assert keys.pick((SEARCH,), NOW_NS + 61 * S) == "b"


def test_each_key_comes_back_at_its_own_reset() -> None:
    keys = pool()
    keys.failed("a", SEARCH, Failure.LIMITED, "429", NOW_NS, 90 * S)
    keys.failed("b", SEARCH, Failure.LIMITED, "429", NOW_NS, 30 * S)
    assert keys.pick((SEARCH,), NOW_NS) is None
    assert keys.free_ns((SEARCH,)) == NOW_NS + 30 * S
    assert keys.pick((SEARCH,), NOW_NS + 30 * S) == "b"
    keys.failed("b", SEARCH, Failure.LIMITED, "429", NOW_NS + 30 * S, 900 * S)
    assert keys.pick((SEARCH,), NOW_NS + 90 * S) == "a"


def test_limits_are_kept_for_each_endpoint_apart() -> None:
    keys = pool("a")
    keys.failed("a", SEARCH, Failure.LIMITED, "429", NOW_NS, 60 * S)
    assert keys.pick((STREAM,), NOW_NS) == "a"
    assert keys.pick((STREAM, SEARCH), NOW_NS) is None


def test_forbidden_key_is_set_aside_for_the_endpoint_and_unauthorised_one_for_all() -> None:
    keys = pool()
    keys.failed("a", STREAM, Failure.FORBIDDEN, "refused with 403", NOW_NS)
    keys.failed("b", STREAM, Failure.UNAUTHORISED, "refused with 401", NOW_NS)
    assert keys.pick((STREAM,), NOW_NS + 3_599 * S) is None
    assert keys.pick((SEARCH,), NOW_NS) == "a"
    assert keys.pick((STREAM,), NOW_NS + 3_600 * S) == "a"


@pytest.mark.parametrize(
    ("failure", "waits_s"),
    [
        (Failure.NETWORK, [0.25, 0.5, 0.75, 1.0]),
        (Failure.SERVER, [5, 10, 20, 40, 80, 160, 320, 320]),
        (Failure.LIMITED, [60, 120, 240, 480, 900]),
    ],
)
def test_waits_grow_as_x_documents_them(failure: Failure, waits_s: list[float]) -> None:
    keys, now = pool("a"), NOW_NS
    for wait_s in waits_s:
        keys.failed("a", STREAM, failure, "why", now)
        assert keys.free_ns((STREAM,)) - now == wait_s * S
        now = keys.free_ns((STREAM,))
    keys.answered("a", STREAM, now)
    keys.failed("a", STREAM, failure, "why", now)
    assert keys.free_ns((STREAM,)) - now == waits_s[0] * S


def test_reset_in_the_past_still_leaves_the_key_alone_for_a_second() -> None:
    keys = pool("a")
    keys.failed("a", SEARCH, Failure.LIMITED, "429", NOW_NS, 0)
    assert keys.free_ns((SEARCH,)) == NOW_NS + S


def test_used_up_window_is_respected_before_x_refuses() -> None:
    keys = pool()
    keys.answered("a", SEARCH, NOW_NS, 40 * S)
    assert keys.pick((SEARCH,), NOW_NS) == "b"
    assert keys.pick((SEARCH,), NOW_NS + 40 * S) == "b"
    assert keys.note(NOW_NS) is not None


def test_all_spent_says_until_when_and_why_and_names_labels_only() -> None:
    keys = pool("desk", "spare")
    keys.failed("desk", SEARCH, Failure.LIMITED, "429 Too Many Requests", NOW_NS, 90 * S)
    keys.failed("spare", SEARCH, Failure.UNAUTHORISED, "refused with 401", NOW_NS)
    error = keys.spent((SEARCH,), NOW_NS)
    assert isinstance(error, Retryable)
    assert error.retry_after_ns == 90 * S
    assert str(error) == (
        "all 2 keys are spent for search/recent until 14:14:50 UTC "
        "(desk: 429 Too Many Requests; spare: refused with 401)"
    )


def test_all_refused_is_no_matter_of_waiting() -> None:
    keys = pool("desk")
    keys.failed("desk", SEARCH, Failure.FORBIDDEN, "refused with 403", NOW_NS)
    error = keys.spent((SEARCH,), NOW_NS)
    assert isinstance(error, Rejected)
    assert "the only key is spent" in str(error)
    assert "access level" in str(error)


def test_jitter_only_makes_waits_longer() -> None:
    for seed in range(20):
        keys = KeyPool(("a",), Random(seed))
        keys.failed("a", SEARCH, Failure.LIMITED, "429", NOW_NS, 100 * S)
        assert 100 * S <= keys.free_ns((SEARCH,)) - NOW_NS <= 110 * S


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (429, Failure.LIMITED),
        (420, Failure.LIMITED),
        (401, Failure.UNAUTHORISED),
        (402, Failure.UNAUTHORISED),
        (403, Failure.FORBIDDEN),
        (503, Failure.SERVER),
        (400, None),
        (404, None),
    ],
)
def test_status_tells_the_failure(status: int, failure: Failure | None) -> None:
    assert Failure.of(status) is failure
