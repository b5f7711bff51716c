"""What was found at sizes that no seed should have."""

import time

import pytest

from tests.fuzz.targets import SLOWEST_S, TARGETS

FEED = '<?xml version="1.0" encoding="{name}"?><rss version="2.0"><channel/></rss>-'


@pytest.mark.parametrize("target", ["rss", "medium"])
@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le"])
@pytest.mark.parametrize("name", ["punycode", "PunyCode", " punycode."])
def test_document_in_punycode_is_not_decoded_in_square_time(
    target: str, encoding: str, name: str
) -> None:
    raw = FEED.format(name=name).encode(encoding) + b"a" * 1_000_000
    started = time.process_time()
    TARGETS[target](raw)
    assert time.process_time() - started < SLOWEST_S
