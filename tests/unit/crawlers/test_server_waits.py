"""What servers say about waiting is read, in all the forms they say it."""

import pytest
from multidict import CIMultiDict

from crawlers.http import USER_AGENT, user_agent
from crawlers.server_waits import LONGEST_WAIT_NS, fresh_ms, retry_after_ns, spent_wait_ns

NOW_NS = 1_704_164_645_000_000_000  # Tue, 02 Jan 2024 03:04:05 GMT
SECOND_NS = 1_000_000_000


def headers(**values: str) -> CIMultiDict[str]:
    return CIMultiDict({name.replace("_", "-"): value for name, value in values.items()})


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ({"Retry_After": "120"}, 120),
        ({"Retry_After": "Tue, 02 Jan 2024 03:05:05 GMT"}, 60),
        ({"Retry_After": "Tue, 02 Jan 2024 03:00:00 GMT"}, 0),
        ({"Retry_After": "99999999999999999999"}, 86_400),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "soon", "X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "9"}, 9),
        ({"RateLimit": '"burst";r=0;t=30, "day";r=5;t=4000'}, 4_000),
        ({}, None),
    ],
)
def test_wait_after_a_refusal(values: dict[str, str], seconds: int | None) -> None:
    expected = None if seconds is None else seconds * SECOND_NS
    assert retry_after_ns(headers(**values), NOW_NS) == expected


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ({"RateLimit": '"burst";r=0;t=30'}, 30),
        ({"RateLimit": '"burst";r=1;t=30'}, None),
        ({"RateLimit": "limit=10, remaining=0, reset=30"}, 30),
        ({"RateLimit_Remaining": "0", "RateLimit_Reset": "30"}, 30),
        ({"X_Ratelimit_Remaining": "0.0", "X_Ratelimit_Reset": "30"}, 30),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "1704164675"}, 30),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "1704164675000"}, 30),
        ({"X_Rate_Limit_Remaining": "0", "X_Rate_Limit_Reset": "1704164675"}, 30),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "1704164600"}, 0),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "9999999999"}, 86_400),
        ({"X_RateLimit_Remaining": "3", "X_RateLimit_Reset": "30"}, None),
        ({"X_RateLimit_Remaining": "0"}, None),
        ({"X_RateLimit_Remaining": "none", "X_RateLimit_Reset": "-1"}, None),
        ({}, None),
    ],
)
def test_wait_once_the_limit_is_spent(values: dict[str, str], seconds: int | None) -> None:
    found = spent_wait_ns(headers(**values), NOW_NS)
    assert (None if found is None else found // SECOND_NS) == seconds
    assert found is None or found <= LONGEST_WAIT_NS


@pytest.mark.parametrize(
    ("values", "milliseconds"),
    [
        ({"Cache_Control": "max-age=60"}, 60_000),
        ({"Cache_Control": "public, Max-Age=60", "Age": "20"}, 40_000),
        ({"Cache_Control": "max-age=60", "Age": "99"}, 0),
        ({"Cache_Control": "s-maxage=60"}, None),
        ({"Cache_Control": "no-cache"}, None),
        ({"Cache_Control": "max-age=999999999"}, 86_400_000),
        ({"Cache_Control": "max-age=60", "Age": "old"}, 60_000),
        ({}, None),
    ],
)
def test_freshness(values: dict[str, str], milliseconds: int | None) -> None:
    assert fresh_ms(headers(**values)) == milliseconds


def test_user_agent_names_whom_to_write_to() -> None:
    assert user_agent() == USER_AGENT
    assert user_agent("ops@example.com") == f"{USER_AGENT} (ops@example.com)"
