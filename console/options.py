"""Options that several commands share."""

from pathlib import Path

import click

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="TOML file; every key also as TIDINGS_SECTION__KEY. Default: TIDINGS_CONFIG.",
)
mode_option = click.option(
    "--mode",
    type=click.Choice(["paper", "live"]),
    default="paper",
    show_default=True,
    help="live needs live.armed = true and the exchange's keys as well.",
)
