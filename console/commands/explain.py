"""`tidings explain`: how one text is read, as a picture in the terminal."""

import sys
import time
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.options import config_option

if TYPE_CHECKING:
    from console.explanation import Tools
    from core.contracts.event import Event

TAKEN_BYTES = 1_000_000


@click.command()
@click.argument("text")
@click.option("--title", help="Headline, where it stands apart from the text.")
@click.option("--source", default="rss", show_default=True, help="Kind of source.")
@click.option("--channel", default="", help="Feed, account, group or subreddit.")
@click.option("--author", help="As the source writes it.")
@click.option("--without-model", is_flag=True, help="Read with coins and rules alone.")
@click.option("--json", "as_json", is_flag=True, help="The same as data.")
@config_option
def explain(
    text: str,
    title: str | None,
    source: str,
    channel: str,
    author: str | None,
    config: Path | None,
    *,
    without_model: bool,
    as_json: bool,
) -> None:
    """Show how TEXT (- for standard input) is read, step by step, and what is decided.

    It is judged as if it were published now and nothing had been told before.
    """
    import msgspec  # noqa: PLC0415 - --help stays quick

    from console.explanation import explain as explain_event  # noqa: PLC0415

    if text == "-":
        text = sys.stdin.buffer.read(TAKEN_BYTES).decode(errors="replace")
    event = _event(text, title, source, channel, author)
    explained = explain_event(event, _tools(config, without_model=without_model))
    if as_json:
        found = msgspec.to_builtins(_named(explained))
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        return
    from rich.console import Console  # noqa: PLC0415

    from console.explanation_picture import draw  # noqa: PLC0415

    console = Console(highlight=False)
    console.print(draw(explained, coloured=console.is_terminal and not console.no_color))


def _event(text: str, title: str | None, source: str, channel: str, author: str | None) -> "Event":
    from core.contracts.event import Event  # noqa: PLC0415
    from signals.plain import plain_text  # noqa: PLC0415

    now_ns = time.time_ns()
    return Event(
        id="explain",
        source=source,
        channel=channel,
        native_id="explain",
        title=None if title is None else plain_text(_whole(title)),
        text=plain_text(_whole(text)),
        author=author,
        published_ns=now_ns,
        received_ns=now_ns,
    )


def _whole(text: str) -> str:
    """Replace what the command line could not decode."""
    return text.encode(errors="replace").decode()


def _named(found: object) -> object:
    """Make mappings of named tuples, so that data says what is what."""
    if isinstance(found, IntEnum):
        return found.name.lower()
    if isinstance(found, tuple):
        names = getattr(found, "_fields", None)
        if names is None:
            return [_named(each) for each in found]
        return {name: _named(each) for name, each in zip(names, found, strict=True)}
    return found


def _tools(config: Path | None, *, without_model: bool) -> "Tools":
    from console.explanation import Tools  # noqa: PLC0415
    from console.settings import load_settings  # noqa: PLC0415
    from models.registry import Registry  # noqa: PLC0415
    from signals.assets.resolve import Resolver  # noqa: PLC0415
    from signals.assets.universe import bundled_universe, load_universe  # noqa: PLC0415
    from signals.rules.engine import bundled_rules, load_rules  # noqa: PLC0415

    settings = load_settings(config)
    signals = settings.signals
    try:
        universe = load_universe(signals.assets) if signals.assets else bundled_universe()
    except OSError as error:
        raise click.UsageError(f"{error.filename}: {error.strerror}") from error
    resolver = Resolver(universe)
    own = signals.assets or signals.rules
    rules = load_rules(signals.rules, resolver) if own else bundled_rules()
    limits, trust = signals.limits(), signals.trust.judge()
    if without_model:
        return Tools(resolver, rules, None, "", limits, trust)
    live = Registry(settings.runtime.data_dir / "models").load_live()
    return Tools(resolver, rules, live.model, live.version, limits, trust)
