"""A short fuzzing of every target, in each run of the tests: seeds, torn and joined anew."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

SEEDS = Path(__file__).with_name("seeds")


def torn(target: str) -> st.SearchStrategy[bytes]:
    """Pieces of the target's seeds and other bytes, in any order."""
    seeds = [path.read_bytes() for path in sorted((SEEDS / target).iterdir())]
    piece = st.builds(
        lambda seed, start, length: seed[start : start + length],
        st.sampled_from(seeds),
        st.integers(0, max(map(len, seeds))),
        st.integers(0, 300),
    )
    odd = st.sampled_from(
        [b"\x00", b"\xff", b"\xef\xbb\xbf", b"<![CDATA[", b"&#x1f600;", b"\\ud800"]
    )
    return st.lists(st.one_of(piece, odd, st.binary(max_size=8)), max_size=12).map(b"".join)


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_bytes_pass(target: str, data: st.DataObject) -> None:
    TARGETS[target](data.draw(st.one_of(torn(target), st.binary(max_size=300))))
