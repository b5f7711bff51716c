"""The baseline of the Kafka lane: a process that passes records on with bare aiokafka."""

import asyncio
import contextlib
import signal
import sys

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


async def relay(bootstrap: str, topic_in: str, topic_out: str) -> None:
    """Copy every record from one topic to another until SIGTERM, without waiting for each."""
    consumer = AIOKafkaConsumer(
        topic_in, bootstrap_servers=bootstrap, group_id=topic_in, auto_offset_reset="earliest"
    )
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0)
    await producer.start()
    await consumer.start()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    if task is not None:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    with contextlib.suppress(asyncio.CancelledError):
        async for record in consumer:
            await producer.send(topic_out, record.value, key=record.key, headers=record.headers)
    await consumer.stop()
    await producer.stop()


if __name__ == "__main__":
    uvloop.run(relay(*sys.argv[-3:]))
