"""The feeds' benchmarks run and measure what they say, on a small scale."""

import warnings

from benchmarks import parse, poll
from benchmarks.feed_documents import made


def test_parse_compares_both_on_the_same_documents() -> None:
    documents = sorted(made(), key=len)[:6]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # feedparser's own
        our_ns, bare_ns, events = parse.measure(documents, 2)
        assert events == sum(parse.bare(document) for document in documents) > 0
    assert len(our_ns) == len(bare_ns) == 2
    assert min(*our_ns, *bare_ns) > 0


def test_poll_measures_each_poll_and_loses_no_feed() -> None:
    figures = poll.run(feeds=10, interval_ms=200, warm_up_s=1.0, measured_s=1.0)
    assert figures["name"] == "poll"
    assert figures["polls"] >= 20
    assert figures["failing_feeds"] == 0
    assert 0 < figures["added_delay_p50_ms"] <= figures["added_delay_p99_ms"]
    assert 0 < figures["processor_share"] < 1
