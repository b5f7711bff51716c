"""A worker process for the tests; takes bootstrap address, topic prefix and directory."""

import logging
import sys
from pathlib import Path

from core.runtime.clock import SystemClock
from signals.app import run_worker
from signals.pipeline import Limits
from signals.reader import Reader

AGELESS = Limits(max_age_ms=10**12)  # the tests' tapes are dated


def report() -> None:
    sys.stdout.write("started\n")
    sys.stdout.flush()


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    bootstrap, prefix, directory = sys.argv[1:4]
    run_worker(
        bootstrap=bootstrap,
        topic_prefix=prefix,
        reader=Reader(),
        limits=AGELESS,
        clock=SystemClock(),
        data_dir=Path(directory),
        on_started=report,
    )


if __name__ == "__main__":
    main()
