"""`tidings crawl`: the crawlers as a process of the distributed lane."""

import sys
from pathlib import Path

import click

from console.options import config_option


@click.command()
@config_option
def crawl(config: Path | None) -> None:
    """Read the sources and publish their events to Kafka, until told to stop."""
    from console.lanes import distributed  # noqa: PLC0415 - --help stays quick
    from console.lanes.start import start  # noqa: PLC0415

    sys.exit(start("crawl", config, distributed.crawl))
