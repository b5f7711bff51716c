"""`tidings decide`: events in a file to signals, or to the reasons why not."""

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from console.options import config_option

EXIT_FAILED = 1
SHOWN = 20


@click.command()
@click.option(
    "--input",
    "source",
    type=click.Path(path_type=Path),
    required=True,
    help="JSON lines; - for standard input.",
)
@click.option(
    "--output",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    help="JSON lines; - for standard output.",
)
@click.option(
    "--stateless", is_flag=True, help="Judge each event alone: no stories, no age, no trust."
)
@config_option
def decide(source: Path, target: Path, config: Path | None, *, stateless: bool) -> None:
    """Read events, write one line for each, in order; each is judged at its own time.

    A malformed line is answered with what is wrong with it, and makes the exit code 1 in the end.
    """
    from console.lanes.tables import models_of  # noqa: PLC0415 - --help stays quick
    from console.settings import load_settings  # noqa: PLC0415
    from signals.decide_file import decide_lines  # noqa: PLC0415
    from signals.tables import TableFiles  # noqa: PLC0415

    everything = load_settings(config)
    settings = everything.signals
    limits, trust = settings.limits(), settings.trust.judge()
    reader = TableFiles(models_of(everything), settings.assets, settings.rules).load().reader
    with ExitStack() as stack:
        try:
            lines = (
                sys.stdin.buffer if str(source) == "-" else stack.enter_context(source.open("rb"))
            )
            out = (
                sys.stdout.buffer if str(target) == "-" else stack.enter_context(target.open("wb"))
            )
        except OSError as error:
            raise click.UsageError(f"{error.filename}: {error.strerror}") from error
        summary = decide_lines(
            lines, out, stateless=stateless, limits=limits, reader=reader, trust=trust
        )
    for problem in summary.problems[:SHOWN]:
        click.echo(problem, err=True)
    hidden = len(summary.problems) - SHOWN
    if hidden > 0:
        click.echo(f"and {hidden} more malformed lines", err=True)
    click.echo(f"{summary.lines} events, {summary.signals} signals", err=True)
    if summary.problems:
        sys.exit(EXIT_FAILED)
