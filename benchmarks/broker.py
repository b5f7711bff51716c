"""A Kafka broker for a benchmark's or a kill test's own use, started and stopped by our script."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from core.contracts.errors import ConfigurationError

SCRIPT: Final = Path(__file__).resolve().parents[1] / "scripts" / "kafka" / "kafka.py"


@contextmanager
def local_broker() -> Iterator[str]:
    """Start a broker on a free loopback port, give `host:port`, stop it in the end.

    Raises:
        ConfigurationError: the script is not here, or Java or Maven are missing.
    """
    if not SCRIPT.exists():
        raise ConfigurationError(
            f"{SCRIPT} is missing: run this from a checkout, or name a broker in kafka.bootstrap"
        )
    with tempfile.TemporaryDirectory() as directory:
        started = subprocess.run(
            [sys.executable, SCRIPT, "start", "--directory", directory],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if started.returncode:
            raise ConfigurationError("no local Kafka; its script says why above")
        try:
            yield started.stdout.strip().splitlines()[-1]
        finally:
            subprocess.run([sys.executable, SCRIPT, "stop", "--directory", directory], check=True)
