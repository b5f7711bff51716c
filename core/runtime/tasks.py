"""Background tasks that nobody has to watch: restarted when they may be, and none left behind."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from enum import StrEnum
from typing import Any, Final, NamedTuple

from core.contracts.clock import Clock
from core.contracts.errors import Fatal, Retryable
from core.runtime.backoff import delays
from core.runtime.clock import SystemClock
from core.runtime.logs import get_logger

HEALTHY_NS: Final = 60_000_000_000  # after a minute's work the next failure is a first one again
_GROWTH: Final = 2.0

log = get_logger(__name__)

Factory = Callable[[], Coroutine[Any, Any, None]]


class Status(StrEnum):
    """What a supervised task is doing."""

    RUNNING = "running"
    RESTARTING = "restarting"  # waiting out its backoff
    STOPPED = "stopped"


class TaskState(NamedTuple):
    """One task as health reports see it; `last_error` stays after a restart."""

    status: Status
    restarts: int
    last_error: str | None


class _Entry:
    __slots__ = ("factory", "last_error", "name", "restart", "restarts", "status", "task")

    def __init__(self, name: str, factory: Factory, *, restart: bool) -> None:
        self.name = name
        self.factory = factory
        self.restart = restart
        self.status = Status.RUNNING
        self.restarts = 0
        self.last_error: str | None = None
        self.task: asyncio.Task[None] | None = None


class Supervisor:
    """Runs tasks until told to stop, or until one of them fails in a way that can't be retried.

    A task that raises `Retryable` or ends although it should go on is started again after a
    capped backoff with full jitter, or after the error's `retry_after_ns` where that is longer.
    Any other exception, known or not, stops every task: whoever awaits `wait` gets it.

    Args:
        name: names the tasks in logs and debuggers.
        on_fatal: called at once with the error, before any other task is cancelled: the place to
            trip the gate. Must not block.
        on_restart: called with the task's name at each restart: the place to count it.
        clock: tells how long a task has been healthy.
        sleep: waits a number of seconds.
        jitter: source of the backoff's randomness.
        initial_ms: ceiling of the first wait.
        cap_ms: ceiling of every wait.
        stop_limit_ms: how long each task may take to end once cancelled.
    """

    def __init__(
        self,
        name: str,
        *,
        on_fatal: Callable[[BaseException], None] | None = None,
        on_restart: Callable[[str], None] | None = None,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: random.Random | None = None,
        initial_ms: int = 100,
        cap_ms: int = 30_000,
        stop_limit_ms: int = 5_000,
    ) -> None:
        self.name = name
        self._on_fatal = on_fatal
        self._on_restart = on_restart
        self._clock: Clock = clock or SystemClock()
        self._sleep = sleep
        self._jitter = jitter or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._initial_ms = initial_ms
        self._cap_ms = cap_ms
        self._stop_limit_ms = stop_limit_ms
        self._entries: dict[str, _Entry] = {}
        self._failure: BaseException | None = None
        self._ending: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    def start(self, name: str, factory: Factory, *, restart: bool = True) -> None:
        """Start a task; `factory` makes a fresh coroutine for each run.

        With `restart=False` the task's return is its end, after which it is forgotten and its
        name is free; a `Retryable` that it raises is then as fatal as anything else, since
        nobody would try again.

        Raises:
            Fatal: the supervisor is stopping, or a task of this name is still there.
        """
        if self._ending is not None:
            raise Fatal(f"{self.name} is stopping: task {name} was not started")
        if name in self._entries:
            raise Fatal(f"{self.name} already has a task {name}: give each task its own name")
        entry = self._entries[name] = _Entry(name, factory, restart=restart)
        entry.task = asyncio.create_task(self._keep(entry), name=f"{self.name}/{name}")
        entry.task.add_done_callback(lambda task: self._on_done(entry, task))

    def states(self) -> dict[str, TaskState]:
        """Tell what each task is doing, in the order of their start."""
        return {
            name: TaskState(entry.status, entry.restarts, entry.last_error)
            for name, entry in self._entries.items()
        }

    async def wait(self) -> None:
        """Return once stopped by `stop`, with every task ended.

        Raises:
            BaseException: what a task failed with; all the others have been ended.
        """
        await self._ended.wait()
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """Cancel the tasks, last started first, awaiting each before the next; then return.

        May be called more than once. What a task failed with earlier comes out of `wait`.

        Raises:
            Fatal: a task did not end within the time limit; the message names it.
        """
        await asyncio.shield(self._end())

    async def _keep(self, entry: _Entry) -> None:
        waits = self._waits()
        while True:
            entry.status = Status.RUNNING
            started_ns = self._clock.now_ns()
            least_ns = 0
            try:
                await entry.factory()
                if not entry.restart:
                    return
                entry.last_error = "ended although it should go on"
            except Retryable as error:
                if not entry.restart:
                    raise
                entry.last_error = _describe(error)
                least_ns = error.retry_after_ns or 0
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not entry.restart or (task is not None and task.cancelling()):
                    raise
                entry.last_error = "something it waited for was cancelled"
            if self._clock.now_ns() - started_ns >= HEALTHY_NS:
                waits = self._waits()
            wait_ms = max(next(waits), -(-least_ns // 1_000_000))
            entry.status = Status.RESTARTING
            entry.restarts += 1
            log.warning(
                "task will be restarted",
                supervisor=self.name,
                task=entry.name,
                error=entry.last_error,
                wait_ms=wait_ms,
            )
            if self._on_restart is not None:
                self._on_restart(entry.name)
            await self._sleep(wait_ms / 1_000)

    def _waits(self) -> Iterator[int]:
        return delays(self._initial_ms, self._cap_ms, _GROWTH, self._jitter)

    def _on_done(self, entry: _Entry, task: asyncio.Task[None]) -> None:
        entry.status = Status.STOPPED
        if task.cancelled():
            if self._ending is None:
                self._fail(entry, Fatal(f"task {entry.name} was cancelled from outside"))
        elif (error := task.exception()) is not None:
            self._fail(entry, error)
        elif self._ending is None:
            del self._entries[entry.name]  # a one-off that has done its work

    def _fail(self, entry: _Entry, error: BaseException) -> None:
        """Make the first failure the supervisor's own, and stop everything."""
        entry.last_error = _describe(error)
        log.error(
            "task failed, stopping all tasks",
            supervisor=self.name,
            task=entry.name,
            error=entry.last_error,
            exc_info=error,
        )
        if self._failure is not None:
            return
        self._failure = error
        try:
            if self._on_fatal is not None:
                self._on_fatal(error)
        finally:
            self._end().add_done_callback(_retrieve)

    def _end(self) -> "asyncio.Task[None]":
        if self._ending is None:
            self._ending = asyncio.create_task(self._cancel_all(), name=f"{self.name}/stop")
        return self._ending

    async def _cancel_all(self) -> None:
        hanging = []
        for entry in reversed(self._entries.values()):
            if entry.task is None or entry.task.done():
                continue
            entry.task.cancel()
            if not await self._ends_in_time(entry.task):
                hanging.append(entry.name)
        if hanging:
            error = Fatal(
                f"{self.name}: still running {self._stop_limit_ms} ms after being cancelled: "
                f"{', '.join(hanging)}; it ignores cancellation or blocks in its clean-up"
            )
            log.error("tasks hang", supervisor=self.name, tasks=hanging)
            if self._failure is None:
                self._failure = error
            self._ended.set()
            raise error
        self._ended.set()

    async def _ends_in_time(self, task: asyncio.Task[None]) -> bool:
        limit = asyncio.ensure_future(self._sleep(self._stop_limit_ms / 1_000))
        await asyncio.wait((task, limit), return_when=asyncio.FIRST_COMPLETED)
        limit.cancel()
        await asyncio.gather(limit, return_exceptions=True)
        return task.done()


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _retrieve(task: asyncio.Task[None]) -> None:
    """Count the stop's own error as seen: it is logged, and `wait` raises the first failure."""
    if not task.cancelled():
        task.exception()
