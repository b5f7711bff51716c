"""All sources at once against servers that misbehave, for a moment; the benchmark takes longer."""

import pytest

from benchmarks.crawl_all import measure


@pytest.mark.slow
async def test_each_item_served_is_exactly_one_event() -> None:
    result = await measure(10, seed=2)
    assert result["faults"] > 0, result
    assert (result["doubled"], result["lost"], result["invented"]) == (0, 0, 0), result
    assert result["events"] == result["served"] > 0, result
