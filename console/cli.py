"""The `tidings` command: names the commands, and imports one only when it is called."""

import sys
from importlib import import_module
from typing import Final

import click

COMMANDS: Final = {
    "run": ("console.commands.run", "Everything in one process; paper trading unless armed."),
    "demo": ("console.commands.demo", "The whole pipeline on a bundled tape, with a report."),
    "crawl": ("console.commands.crawl", "Distributed lane: sources to events on Kafka."),
    "classify": ("console.commands.classify", "Distributed lane: events to signals (Faust)."),
    "trade": ("console.commands.trade", "Distributed lane: signals to orders."),
    "backfill": ("console.commands.backfill", "A source's past as events, oldest first."),
    "decide": ("console.commands.decide", "Events in a file to signals or reasons, line by line."),
    "explain": ("console.commands.explain", "How one text is read, step by step."),
    "model": ("console.commands.model", "Train classifiers, judge them, choose the one in use."),
    "assets": ("console.commands.assets", "The coins known; adding those an exchange lists."),
    "rules": ("console.commands.rules", "List, check and try the rules that make news."),
    "status": ("console.commands.operator", "What runs, how the gate stands, what is open."),
    "halt": ("console.commands.operator", "Gate to HALTED: only cancels leave."),
    "reduce": ("console.commands.operator", "Gate to REDUCING: only exits leave."),
    "resume": ("console.commands.operator", "Gate to ACTIVE."),
    "flatten": ("console.commands.operator", "Close every open position."),
    "orders": ("console.commands.operator", "The latest orders, from the journal."),
    "balances": ("console.commands.operator", "What the venue holds, and how old that is."),
    "topics": ("console.commands.topics", "The topics, their schemas, AsyncAPI; create them."),
    "config": ("console.commands.config", "Check or show the configuration, secrets hidden."),
    "doctor": ("console.commands.doctor", "What is missing on this machine."),
    "bench": ("console.commands.bench", "Benchmarks, each a ratio against a baseline."),
}

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


class LazyGroup(click.Group):
    """A group whose commands live in modules that are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tidings")
def cli() -> None:
    """Tidings trades the news: sources to events, events to signals, signals to orders."""


def main() -> None:
    """Run the command line; errors that Tidings foresaw are one clear message, not a traceback.

    Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 3 halted by the gate.
    """
    from core.contracts.errors import ConfigurationError, TidingsError  # noqa: PLC0415 - start-up

    try:
        cli(standalone_mode=True)
    except ConfigurationError as error:
        click.echo(f"configuration: {error}", err=True)
        sys.exit(EXIT_USAGE)
    except TidingsError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_FAILED)
