"""A program that appends and copies, and is killed at random, again and again.

`python -m tests.contract.journal_killed DIRECTORY URL ROUNDS SEED`: each round a child opens the
journal, appends numbered records while it copies them, and is killed with SIGKILL: in every other
round a random time after it had opened, else a random time after its start. Prints each number
after its append returned. The numbers of all rounds differ.
"""

import asyncio
import itertools
import os
import random
import signal
import sys
import time
from pathlib import Path

from core.runtime.clock import SystemClock
from core.runtime.journal.journal import Journal
from core.runtime.journal.kinds import EXIT_CLOSED, ExitClosed

NUMBERS_A_ROUND = 1_000_000


async def append_and_copy(directory: Path, url: str, first: int, opened: int) -> None:
    journal = Journal(directory, url, clock=SystemClock(), segment_bytes=3000)
    await journal.open()
    os.write(opened, b"1")
    for number in itertools.count(first):
        journal.append(EXIT_CLOSED, ExitClosed(entry_client_order_id="e", closed_ns=number))
        os.write(1, b"%d\n" % number)
        if number % 7 == 0:
            await journal.flush()


def main() -> None:
    directory, url = Path(sys.argv[1]), sys.argv[2]
    choices = random.Random(int(sys.argv[4]))
    for round_number in range(int(sys.argv[3])):
        wait, opened = os.pipe()
        child = os.fork()
        if child == 0:
            asyncio.run(append_and_copy(directory, url, round_number * NUMBERS_A_ROUND, opened))
        os.close(opened)
        if round_number % 2:
            os.read(wait, 1)
        time.sleep(choices.uniform(0, 0.2))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(wait)


if __name__ == "__main__":
    main()
