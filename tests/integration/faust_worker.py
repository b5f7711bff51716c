"""A worker process for the tests; takes bootstrap address, topic prefix and directory."""

import asyncio
import sys
from pathlib import Path

from core.runtime.clock import SystemClock
from core.runtime.service import Service, run_service
from signals.app import work
from signals.pipeline import Limits
from signals.reader import Reader
from signals.trust.trust import bundled_trust

AGELESS = Limits(max_age_ms=10**12)  # the tests' tapes are dated


def report(_: object) -> None:
    sys.stdout.write("started\n")
    sys.stdout.flush()


async def main(service: Service) -> None:
    bootstrap, prefix, directory = sys.argv[1:4]
    finished = asyncio.Event()

    async def until_finished() -> None:
        await finished.wait()

    service.on_drain("worker", until_finished)
    await work(
        bootstrap=bootstrap,
        topic_prefix=prefix,
        reader=Reader(),
        limits=AGELESS,
        trust=bundled_trust(),
        clock=SystemClock(),
        data_dir=Path(directory),
        stopping=service.stopping,
        on_started=report,
    )
    finished.set()


if __name__ == "__main__":
    sys.exit(run_service(main, name="faust-worker"))
