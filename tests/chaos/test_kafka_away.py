import pytest

from tests.chaos.kafka_away import LANES, run
from tests.servers.kafka import KafkaServer

pytestmark = [pytest.mark.slow, pytest.mark.kafka]

SECONDS, RATE = 8.0, 300.0


@pytest.mark.parametrize("lane", LANES)
async def test_broker_away_and_process_killed_lose_nothing_and_keep_order(
    lane: str, kafka_server: KafkaServer
) -> None:
    counts = await run(lane, kafka_server, SECONDS, RATE)
    assert counts["ok"], counts
    assert counts["served"] > SECONDS * RATE
    assert counts["waiting_before_return"] > 0
    assert counts["exit_code"] == 0
