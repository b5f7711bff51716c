import pytest

from tests.chaos.workers import run
from tests.servers.kafka import KafkaServer

pytestmark = [pytest.mark.slow, pytest.mark.kafka]


async def test_workers_killed_and_joined_under_load_give_the_same_signals_as_one_process(
    kafka_server: KafkaServer,
) -> None:
    counts = await run(kafka_server, 4_000)
    assert counts["ok"], counts
    assert counts["kills"] >= 4
    assert counts["most_workers"] >= 3
    assert counts["signals"] > 500
