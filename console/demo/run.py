"""Runs a demonstration from the command line: progress, table, report."""

from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from console.demo.player import Player
from console.demo.recorded import RecordedReport, run_recorded
from console.demo.report import render, table
from console.demo.report_data import DemoReport
from console.demo.show import Show
from console.demo.tape import BUNDLED_TAPE, load_tape
from console.demo.world import POLL_MS, running, tape_exchange, tape_trader
from console.lanes.host import configure_logs
from console.settings import RuntimeSettings, Settings
from core.contracts.codec import encode


def bundled(report: Path, target: Path | None) -> None:
    """Play the bundled tape; show the table, write the report and, if asked, the figures.

    Raises:
        Fatal: something that had to happen did not; the message says what.
    """
    _quiet_logs()
    screen = Console()
    with _progress(screen) as progress:
        made = uvloop.run(_play(progress))
    screen.print(table(made))
    report.write_text(render(made), encoding="utf-8")
    screen.print(f"report: {report}", highlight=False)
    _write(target, made)


async def _play(progress: Progress) -> DemoReport:
    tape = load_tape()
    shown = progress.add_task("starting", total=len(tape.steps))
    world_of_tape = running(
        ("--tape", str(BUNDLED_TAPE)), tape_exchange(tape), tape_trader(), POLL_MS
    )
    async with world_of_tape as world, aiohttp.ClientSession() as session:
        show = Show(tape, world.lane)
        await world.lane.start()
        player = Player(
            tape,
            lane=world.lane,
            news=world.news,
            exchange_url=world.exchange.control_url,
            session=session,
        )
        progress.update(shown, description="trading the tape")

        def on_step(step: int, playing: Player) -> None:
            show.on_step(step, playing)
            progress.update(shown, completed=step)

        await player.play(on_step)
        return show.report(player)


def recorded(documents: Path, capture: Path, target: Path | None) -> None:
    """Serve recorded documents against a recorded book; show and write what became of each.

    Raises:
        ConfigurationError: the folder holds no documents or the recording no book.
        Fatal: not every document was read.
    """
    _quiet_logs()
    screen = Console()
    with _progress(screen) as progress:
        shown = progress.add_task("reading documents", total=None)

        def on_progress(read: int, total: int) -> None:
            progress.update(shown, completed=read, total=total)

        made = uvloop.run(run_recorded(documents, capture, on_progress))
    _print_recorded(screen, made)
    _write(target, made)


def _print_recorded(screen: Console, made: RecordedReport) -> None:
    screen.print(f"{made.documents} documents, {made.events} events", highlight=False)
    for title, counts in (
        ("refused by the crawler", made.refusals),
        ("gave no signal", made.skipped),
        ("book updates", made.books),
    ):
        screen.print(f"{title}:", highlight=False)
        for name, count in counts.items():
            screen.print(f"  {count:6}  {name}", highlight=False)
    screen.print(f"{made.signals} signals, {made.orders} orders", highlight=False)
    screen.print(f"{len(made.unexplained)} documents unaccounted for", highlight=False)


def _quiet_logs() -> None:
    """Keep the terminal for the progress bar: only errors are logged."""
    runtime = RuntimeSettings(log_level="ERROR", log_file=False)
    configure_logs("demo", Settings(runtime=runtime))


def _progress(screen: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=screen,
    )


def _write(target: Path | None, made: Any) -> None:  # noqa: ANN401 - either report
    if target is not None:
        target.write_bytes(encode(made) + b"\n")
