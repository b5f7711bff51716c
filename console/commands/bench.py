"""`tidings bench`: run benchmarks, print their figures as JSON, check them against their limits."""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from console.options import config_option

BENCHMARKS: Final = {
    "event-to-order": "benchmarks.event_to_order",
    "kafka-lane": "benchmarks.kafka_lane",
    "worker": "benchmarks.worker",
    "crawl-all": "benchmarks.crawl_all",
    "parse": "benchmarks.parse",
    "poll": "benchmarks.poll",
    "assets": "benchmarks.assets",
    "decide": "benchmarks.decide",
    "quality": "benchmarks.quality",
}
ON_KAFKA: Final = ("kafka-lane", "worker")
ALL: Final = "all"


@click.command()
@click.argument("name", type=click.Choice([*BENCHMARKS, ALL]))
@click.option(
    "--json", "target", type=click.Path(path_type=Path), help="Also write the figures here."
)
@config_option
def bench(name: str, target: Path | None, config: Path | None) -> None:
    """Run one benchmark, or all; exit code 1 when a figure is beyond its limit.

    kafka-lane and worker use the broker of the configuration, or start one of their own (Java and
    Maven).
    """
    from console.settings import load_settings  # noqa: PLC0415 - --help stays quick

    bootstrap = load_settings(config).kafka.bootstrap
    names = list(BENCHMARKS) if name == ALL else [name]
    results = []
    for each in names:
        run: Callable[..., dict[str, Any]] = import_module(BENCHMARKS[each]).run
        results.append(run(bootstrap=bootstrap) if each in ON_KAFKA else run())
    document = json.dumps({"benchmarks": results} if name == ALL else results[0], indent=2)
    click.echo(document)
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(document + "\n", encoding="utf-8")
    missed = [line for figures in results for line in beyond(figures)]
    for line in missed:
        click.echo(line, err=True)
    if missed:
        sys.exit(1)


def beyond(figures: dict[str, Any]) -> list[str]:
    """Say which figures miss their limit: `limit_x` is the most `x` may be, `least_x` the least."""
    lines = []
    for key, bound in figures.items():
        kind, _, name = key.partition("_")
        if kind == "limit" and figures[name] > bound:
            lines.append(f"{figures['name']}: {name} is {figures[name]}, at most {bound}")
        elif kind == "least" and figures[name] < bound:
            lines.append(f"{figures['name']}: {name} is {figures[name]}, at least {bound}")
    return lines
