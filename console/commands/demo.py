"""`tidings demo`: the whole pipeline over real sockets, on invented or on recorded news."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--feeds",
    type=click.Path(path_type=Path),
    help="Folder of recorded documents instead of the bundled tape.",
)
@click.option("--books", type=click.Path(path_type=Path), help="Recorded book to go with --feeds.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the figures here.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    default=Path("demo-report.html"),
    show_default=True,
    help="Where the bundled tape's report goes.",
)
def demo(feeds: Path | None, books: Path | None, target: Path | None, report: Path) -> None:
    """Serve news on this machine, trade it on the simulated exchange, show what came of it."""
    if (feeds is None) != (books is None):
        raise click.UsageError("--feeds and --books go together: recorded news, recorded prices")
    from console.demo import run  # noqa: PLC0415 - --help stays quick

    if feeds is not None and books is not None:
        for path in (feeds, books):
            if not path.exists():
                raise click.UsageError(f"{path} does not exist")
        run.recorded(feeds, books, target)
    else:
        run.bundled(report, target)
