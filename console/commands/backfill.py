"""`tidings backfill`: the past of a source as events, oldest first."""

import asyncio
from pathlib import Path

import click

from console.options import config_option


@click.command()
@click.argument("source")
@click.option(
    "--since",
    required=True,
    help="First moment: 2024-01-31, 2024-01-31T12:00:00Z, or an age such as 90m, 12h, 7d.",
)
@click.option("--until", help="First moment after the range; default: now.")
@click.option(
    "--output",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="JSON lines, or Parquet where the name ends in .parquet.",
)
@click.option("--publish", is_flag=True, help="Publish the events to Kafka instead.")
@click.option("--dry-run", is_flag=True, help="Only tell how many requests it would take.")
@config_option
def backfill(
    source: str,
    since: str,
    until: str | None,
    target: Path | None,
    config: Path | None,
    *,
    publish: bool,
    dry_run: bool,
) -> None:
    """Read SOURCE's past, all its configured channels or those named: SOURCE:CHANNEL,CHANNEL.

    A run that was interrupted goes on where it was when the same command is given again. Events
    count as received at the end of the range, or, published, when they are published.
    """
    from rich.console import Console  # noqa: PLC0415 - --help stays quick

    from console import backfill as past  # noqa: PLC0415
    from console.settings import load_settings  # noqa: PLC0415
    from core.runtime.clock import SystemClock  # noqa: PLC0415

    now_ns = SystemClock().now_ns()
    try:
        name, channels = past.split_source(source)
        wanted = past.Range(
            name,
            channels,
            past.parse_moment(since, now_ns),
            None if until is None else past.parse_moment(until, now_ns),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not dry_run and publish == (target is not None):
        raise click.UsageError("say where the events go: --output FILE, or --publish")
    settings = load_settings(config)
    console = Console(stderr=True)
    if dry_run:
        asyncio.run(past.show_cost(settings, wanted, Console()))
    elif target is not None:
        asyncio.run(past.write_past(settings, wanted, target, console))
    else:
        asyncio.run(past.publish_past(settings, wanted, console))
