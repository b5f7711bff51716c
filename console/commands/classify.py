"""`tidings classify`: the Faust worker as a process of the distributed lane."""

import sys
from pathlib import Path

import click

from console.options import config_option


@click.command()
@config_option
def classify(config: Path | None) -> None:
    """Turn the events on Kafka into signals, until told to stop; start as many as you like."""
    from console.lanes import classify as lane  # noqa: PLC0415 - --help stays quick
    from console.lanes.start import start  # noqa: PLC0415

    sys.exit(start("classify", config, lane.classify))
