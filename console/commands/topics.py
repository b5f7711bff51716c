"""`tidings topics`: the topics and their schemas, and creating them on a broker."""

import asyncio
import json
from pathlib import Path

import click

from console.options import config_option

WAIT_S = 60
WIDEST = 1_000


@click.command()
@config_option
@click.option("--schemas", is_flag=True, help="Print the JSON Schema of every record.")
@click.option("--asyncapi", is_flag=True, help="Print the AsyncAPI 3 document.")
@click.option("--create", is_flag=True, help="Create the missing topics on the configured broker.")
def topics(config: Path | None, *, schemas: bool, asyncapi: bool, create: bool) -> None:
    """Print the table of topics; or their schemas; or create them."""
    from core.contracts import schemas as documents  # noqa: PLC0415 - --help stays quick
    from core.contracts.topics import TOPICS  # noqa: PLC0415

    if schemas:
        made = {topic.name: documents.json_schema(topic) for topic in TOPICS}
        click.echo(json.dumps(made, indent=2))
    elif asyncapi:
        click.echo(json.dumps(documents.asyncapi(), indent=2))
    elif create:
        asyncio.run(_create(config))
    else:
        _print_table()


async def _create(config: Path | None) -> None:
    """Create what is missing; wait for a broker that is still starting, for a minute at most."""
    from console.settings import load_settings, require_bootstrap  # noqa: PLC0415
    from core.contracts.errors import Retryable  # noqa: PLC0415
    from core.runtime.bus.kafka import create_raw_topics, create_topics  # noqa: PLC0415
    from signals.app import stories_topic  # noqa: PLC0415

    settings = load_settings(config)
    kafka, bootstrap = settings.kafka, require_bootstrap(settings)
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while True:
        try:
            names = await create_topics(
                bootstrap, replication=kafka.replication, topic_prefix=kafka.topic_prefix
            )
            names += await create_raw_topics(
                bootstrap, [stories_topic(kafka.topic_prefix)], replication=kafka.replication
            )
        except Retryable as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            click.echo(f"waiting: {error}", err=True)
            await asyncio.sleep(2)
        else:
            break
    click.echo("\n".join(f"created {name}" for name in names) or "all topics exist")


def _print_table() -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.measure import Measurement  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from core.contracts.schemas import topics_table  # noqa: PLC0415

    rows = topics_table()
    table = Table()
    for column in ("name", "schema", "partitions", "retention", "dead letter"):
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(
            row.name, row.schema, str(row.partitions), row.retention, row.dead_letter or "-"
        )
    console = Console(soft_wrap=True)
    whole = Measurement.get(console, console.options.update(max_width=WIDEST), table).maximum
    console.width = max(console.width, whole)  # names are there to be copied: never cut them off
    console.print(table)
    for row in rows:
        console.print(f"{row.name}: {row.meaning} Key: {row.key}.", highlight=False)
