import pytest

from tests.chaos.kill_nine import run

pytestmark = pytest.mark.slow

EVENTS, KILLS, SEED = 400, 5, 7


async def test_fast_lane_killed_again_and_again_orders_every_signal_once() -> None:
    counts = await run("fast", EVENTS, KILLS, SEED, None)
    assert counts["ok"], counts


@pytest.mark.kafka
async def test_distributed_lane_killed_again_and_again_orders_every_signal_once(
    kafka: str,
) -> None:
    counts = await run("kafka", EVENTS, KILLS, SEED, kafka)
    assert counts["ok"], counts
