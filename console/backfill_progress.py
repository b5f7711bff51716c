"""Shows how far a backfill has come: a bar on a terminal, a line now and then elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from crawlers.backfill.gather import Step
from crawlers.backfill.work import WorkFile
from crawlers.history import History

_REPORT_S: Final = 10.0  # between lines where there is no terminal to draw a bar on


class GatherProgress:
    """Progress of a gathering: a bar on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, console: Console, histories: Sequence[History], work: WorkFile) -> None:
        self._console = console
        self._parts = {history.channel: 0.0 for history in histories}
        self._events = work.count()
        self._began_with = self._events
        for name in self._parts:
            if work.place(name).finished:
                self._parts[name] = 1.0
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[events]} events, {task.fields[rate]:.0f}/s"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("reading", total=1.0, events=self._events, rate=0.0)
        self._began_s = self._told_s = self._progress.get_time()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def on_step(self, step: Step) -> None:
        """Show what happened last."""
        self._events += step.events
        if step.reached is not None:
            self._parts[step.channel] = max(self._parts[step.channel], step.reached)
        now_s = self._progress.get_time()
        done = sum(self._parts.values()) / len(self._parts)
        rate = (self._events - self._began_with) / max(now_s - self._began_s, 1e-3)
        self._progress.update(
            self._task,
            completed=done,
            description=f"{step.channel}: waiting" if step.waiting else step.channel,
            events=self._events,
            rate=rate,
        )
        if step.waiting:
            self._console.print(f"waiting: {step.waiting}")
        elif not self._console.is_terminal and now_s - self._told_s >= _REPORT_S:
            self._told_s = now_s
            self._console.print(
                f"{step.channel}: {self._events} events, {rate:.0f}/s, {done:.0%} of the range"
            )


@contextmanager
def count_bar(console: Console, name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a plain count."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=total)
        yield lambda count: progress.advance(task, count)
