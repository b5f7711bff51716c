"""`tidings rules`: the rules that make a text news; what others would have done."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.options import config_option

if TYPE_CHECKING:
    from signals.rules.book import RuleBook
    from signals.rules.trial import Change

EXIT_FAILED = 1

_own_rules = click.argument(
    "files",
    nargs=-1,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)


@click.group()
def rules() -> None:
    """Show, check and try the rules that make a text news."""


@rules.command("list")
@_own_rules
def list_rules(files: tuple[Path, ...]) -> None:
    """List rules and vetoes in the order in which they are tried, FILES over the bundled ones."""
    book = _book(files)
    for rule in book.rules:
        click.echo(
            f"{rule.name:22} {rule.event_type:20} {rule.direction:5} {rule.confidence:.2f}"
            f"  {len(rule.patterns)} patterns"
        )
    for veto in book.vetoes:
        where = "anywhere in the lead" if veto.throughout else "in the sentence or headline"
        click.echo(f"{veto.name:22} veto: {veto.reason}, {where}")


@rules.command("check")
@_own_rules
def check_rules(files: tuple[Path, ...]) -> None:
    """Compile FILES over the bundled rules and try every rule's example and counter-example."""
    book = _book(files)
    click.echo(f"{len(book.rules)} rules and {len(book.vetoes)} vetoes hold")


@rules.command("try")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.option(
    "--input",
    "history",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="Events, JSON lines: as `tidings decide` reads them, or a backfill's.",
)
@click.option(
    "--stateless", is_flag=True, help="Judge each event alone: no stories, no age, no trust."
)
@click.option("--show", default=20, show_default=True, help="Events shown of each kind.")
@config_option
def try_rules(
    files: tuple[Path, ...], history: Path, config: Path | None, show: int, *, stateless: bool
) -> None:
    """Show what FILES, over the rules in use, would have done differently on your history."""
    from console.settings import load_settings  # noqa: PLC0415 - --help stays quick
    from signals.assets.resolve import Resolver  # noqa: PLC0415
    from signals.assets.universe import bundled_universe  # noqa: PLC0415
    from signals.reader import Reader  # noqa: PLC0415
    from signals.rules.engine import load_rules  # noqa: PLC0415
    from signals.rules.trial import try_rules as compare  # noqa: PLC0415

    settings = load_settings(config).signals
    resolver = Resolver(bundled_universe())
    in_use: tuple[Path, ...] = tuple(getattr(settings, "rules", ()))
    before = Reader(resolver, load_rules(in_use, resolver))
    after = Reader(resolver, load_rules((*in_use, *files), resolver))
    trial = compare(
        history,
        before,
        after,
        stateless=stateless,
        limits=settings.limits(),
        trust=settings.trust.judge(),
    )
    _show("new", trial.gained, show)
    _show("lost", trial.lost, show)
    _show("changed", trial.changed, show)
    for name in sorted({*trial.hits_before, *trial.hits_after}):
        was, would = trial.hits_before[name], trial.hits_after[name]
        click.echo(
            f"{name:22} {was:6} -> {would:6}{'' if was == would else f'  ({would - was:+})'}"
        )
    click.echo(
        f"{trial.events} events: {len(trial.gained)} speak that were silent,"
        f" {len(trial.lost)} fall silent, {len(trial.changed)} say something else"
    )
    for problem in trial.problems[:show]:
        click.echo(problem, err=True)
    if trial.problems:
        sys.exit(EXIT_FAILED)


def _show(kind: str, changes: "Sequence[Change]", show: int) -> None:
    for change in changes[:show]:
        click.echo(f"{kind:8} {change.text}")
        for signal in change.before:
            click.echo(f"       - {signal}")
        for signal in change.after:
            click.echo(f"       + {signal}")
        if not change.after and change.why:
            click.echo(f"       now: {change.why}")
    if len(changes) > show:
        click.echo(f"         and {len(changes) - show} more {kind}")


def _book(files: Sequence[Path]) -> "RuleBook":
    from signals.assets.resolve import Resolver  # noqa: PLC0415 - --help stays quick
    from signals.assets.universe import bundled_universe  # noqa: PLC0415
    from signals.rules.engine import load_rules  # noqa: PLC0415

    return load_rules(files, Resolver(bundled_universe()))
