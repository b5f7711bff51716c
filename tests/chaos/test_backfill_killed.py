"""A backfill killed again and again gives the file of an unbroken run."""

import pytest

from tests.chaos.backfill_killed import check


@pytest.mark.slow
async def test_backfill_killed_five_times_gives_the_same_file() -> None:
    result = await check(10_000, 5)
    assert result["same_file"], result
    assert result["events"] == 10_000, result
    assert result["doubled"] == 0, result
    assert result["oldest_first"], result
    assert result["ended_before_a_kill"] == 0, result
    assert result["left_behind"] == [], result


@pytest.mark.slow
async def test_parquet_file_is_the_same_too() -> None:
    result = await check(3_000, 2, "parquet")
    assert result["same_file"], result
