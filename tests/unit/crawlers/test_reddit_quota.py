from crawlers.sources.reddit.quota import Quota

NOW = 1_790_000_000_000_000_000
S = 1_000_000_000


def headers(remaining: str, reset: str) -> dict[str, str]:
    return {
        "X-Ratelimit-Remaining": remaining,
        "X-Ratelimit-Reset": reset,
        "X-Ratelimit-Used": "1",
    }


def test_nothing_waits_before_reddit_said_anything() -> None:
    quota = Quota()
    quota.sent(NOW)
    assert (quota.wait_ns(NOW), quota.note(NOW)) == (0, None)


def test_requests_are_spread_over_the_rest_of_the_window() -> None:
    quota = Quota()
    quota.heard(headers("100.0", "600"), NOW)
    assert quota.wait_ns(NOW) == 6 * S
    assert quota.wait_ns(NOW + 6 * S) == 0
    quota.sent(NOW + 6 * S)
    assert quota.wait_ns(NOW + 6 * S) == 6 * S


def test_rare_requests_do_not_wait() -> None:
    quota = Quota()
    quota.heard(headers("600.0", "600"), NOW)
    assert quota.wait_ns(NOW + 2 * S) == 0


def test_spent_quota_waits_for_the_window_to_end() -> None:
    quota = Quota()
    quota.heard(headers("0.0", "100"), NOW)
    assert quota.wait_ns(NOW) == 100 * S
    assert quota.note(NOW) == "all requests spent until 14:15:00 UTC"
    quota.sent(NOW + 100 * S)
    assert quota.wait_ns(NOW + 100 * S) == 0


def test_note_tells_what_is_left() -> None:
    quota = Quota()
    quota.heard(headers("598.0", "100"), NOW)
    assert quota.note(NOW) == "598 requests left until 14:15:00 UTC"
    assert quota.note(NOW + 100 * S) is None


def test_being_barred_outlasts_better_news() -> None:
    quota = Quota()
    quota.barred(30 * S, NOW)
    quota.heard(headers("1000", "600"), NOW)
    assert quota.wait_ns(NOW + S) == 29 * S
    assert quota.note(NOW) == "Reddit wants no request until 14:13:50 UTC"


def test_malformed_headers_change_nothing() -> None:
    quota = Quota()
    for remaining, reset in (("", "600"), ("-1", "600"), ("nan", "600"), ("5", "soon"), ("5", "")):
        quota.heard(headers(remaining, reset), NOW)
    quota.heard({}, NOW)
    assert quota.wait_ns(NOW) == 0
