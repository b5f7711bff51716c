"""`tidings run`: everything in one process."""

import sys
from pathlib import Path

import click

from console.options import config_option, mode_option


@click.command()
@config_option
@mode_option
def run(config: Path | None, mode: str) -> None:
    """Crawl, classify and trade in one process, until told to stop.

    Without a file: bundled public feeds, paper trading on the exchange's public prices, no keys.
    """
    from console.lanes import fast  # noqa: PLC0415 - --help stays quick
    from console.lanes.start import start  # noqa: PLC0415

    sys.exit(start("run", config, lambda s, settings: fast.run(s, settings, mode), mode=mode))
