"""`tidings trade`: the trader as a process of the distributed lane."""

import sys
from pathlib import Path

import click

from console.options import config_option, mode_option


@click.command()
@config_option
@mode_option
def trade(config: Path | None, mode: str) -> None:
    """Execute the signals that Kafka brings, until told to stop."""
    from console.lanes import distributed  # noqa: PLC0415 - --help stays quick
    from console.lanes.start import start  # noqa: PLC0415

    sys.exit(
        start("trade", config, lambda s, settings: distributed.trade(s, settings, mode), mode=mode)
    )
