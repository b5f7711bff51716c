"""The baseline of the classifying worker: a plain Faust agent that only forwards."""

import asyncio
import signal
import sys
from typing import Any

import faust
import uvloop


async def forward(
    bootstrap: str, group: str, topic_in: str, topic_out: str, directory: str
) -> None:
    """Send every record of one topic to another until SIGTERM."""
    app = faust.App(
        group,
        broker=f"kafka://{bootstrap}",
        datadir=directory,
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        logging_config=None,
        topic_allow_declare=False,
        topic_disable_leader=True,
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
    )
    target = app.topic(topic_out)

    async def agent(stream: Any) -> None:  # noqa: ANN401 - a Faust stream
        async for event in stream.events():
            await event.forward(target)

    app.agent(app.topic(topic_in), name="forward")(agent)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    starting = asyncio.create_task(app.start())
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    await stopping.wait()
    await app.stop()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)


if __name__ == "__main__":
    uvloop.run(forward(*sys.argv[-5:]))
