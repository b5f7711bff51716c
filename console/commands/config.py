"""`tidings config`: check the configuration, or show what it comes to, secrets hidden."""

from pathlib import Path

import click

from console.options import config_option


@click.group()
def config() -> None:
    """Check or show the configuration."""


@config.command()
@config_option
def check(config: Path | None) -> None:
    """Say whether the configuration is sound; exit code 2 and every problem if it isn't."""
    from console.settings import load_settings  # noqa: PLC0415 - --help stays quick

    load_settings(config)
    click.echo("the configuration is sound")


@config.command()
@config_option
def show(config: Path | None) -> None:
    """Print the configuration in force as TOML, defaults included, secrets hidden."""
    from console.settings import load_settings  # noqa: PLC0415 - --help stays quick
    from core.runtime.settings import render  # noqa: PLC0415

    click.echo(render(load_settings(config)))
