"""A process from its start to its exit code: signals, drain, time limit, garbage collector."""

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import uvloop

from core.contracts.errors import ConfigurationError, Fatal
from core.runtime import logs

DONE: Final = 0
FAILED: Final = 1
BAD_CONFIGURATION: Final = 2
HALTED: Final = 3

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_GRACE_MS: Final = 2_000  # beyond the drain's limit, for the loop to close
_STDERR: Final = 2

log = logs.get_logger(__name__)


class Halted(Fatal):
    """The gate halted trading and the process ends for it."""


class Service:
    """What the running process offers its `main`.

    Attributes:
        name: of the service.
        stopping: set when the process begins to drain; new work must not be taken from then on.
        reason: why it stops; None until it does.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.stopping = asyncio.Event()
        self.reason: str | None = None
        self._drains: list[tuple[str, Callable[[], Awaitable[None]], int | None]] = []

    def on_drain(
        self, name: str, callback: Callable[[], Awaitable[None]], *, limit_ms: int | None = None
    ) -> None:
        """Have `callback` awaited when the process stops, after those registered before it.

        It runs however the process stops, also after a failure, and also when an earlier callback
        failed. `limit_ms` keeps one that may hang from using up the time of those after it.
        """
        self._drains.append((name, callback, limit_ms))

    def stop(self, reason: str) -> None:
        """Begin to drain, as a signal would; the first reason stays."""
        if self.reason is None:
            self.reason = reason
            log.info("stopping", reason=reason)
        self.stopping.set()

    async def drain(self, limit_ms: int) -> bool:
        """Run the callbacks in order; `run_service` does this.

        Returns:
            False when one failed or ran out of time; the log says which.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit_ms / 1_000
        clean = True
        for name, callback, own_limit_ms in self._drains:
            until = deadline
            if own_limit_ms is not None:
                until = min(deadline, loop.time() + own_limit_ms / 1_000)
            try:
                async with asyncio.timeout_at(until):
                    await callback()
            except TimeoutError:
                clean = False
                log.exception("drain step took too long or timed out", step=name)
            except Exception:  # the steps after it must still run; the exit code tells
                clean = False
                log.exception("drain step failed", step=name)
        return clean


def exit_code(error: BaseException) -> int:
    """Give the process's exit code for what ended it."""
    if isinstance(error, BaseExceptionGroup):
        codes = {exit_code(part) for part in error.exceptions}
        return codes.pop() if len(codes) == 1 else FAILED
    if isinstance(error, ConfigurationError):
        return BAD_CONFIGURATION
    return HALTED if isinstance(error, Halted) else FAILED


def run_service(
    main: Callable[[Service], Coroutine[Any, Any, None]],
    *,
    name: str,
    drain_limit_ms: int = 10_000,
) -> int:
    """Run `main` on uvloop until it ends or the process is told to stop; give the exit code.

    `main` builds the service, registers its drain callbacks and waits, usually for
    `Supervisor.wait`. SIGTERM, SIGINT, `Service.stop`, `main`'s return and `main`'s failure all
    lead to the same drain; a `main` that still waits after it is cancelled. When the drain takes
    longer than `drain_limit_ms`, its remaining steps get no time and the process exits with 1,
    even if the loop itself is stuck. A second signal ends the process at once, with 1: everything
    that matters is durable before it is acted upon.

    Returns:
        0 done, 1 failed or not drained in time, 2 bad configuration, 3 halted by the gate.
    """
    previous = {number: signal.getsignal(number) or signal.SIG_DFL for number in _SIGNALS}
    watchdog = threading.Timer(
        (drain_limit_ms + _GRACE_MS) / 1_000,
        _give_up,
        (f"{name}: did not stop within {drain_limit_ms} ms, ending it\n",),
    )
    watchdog.daemon = True
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_live(main, name, drain_limit_ms, watchdog))
    finally:
        watchdog.cancel()
        for number, handler in previous.items():
            signal.signal(number, handler)
        logs.flush()


async def _live(
    main: Callable[[Service], Coroutine[Any, Any, None]],
    name: str,
    drain_limit_ms: int,
    watchdog: threading.Timer,
) -> int:
    service = Service(name)
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, _on_signal, service, loop, number)
    work = asyncio.create_task(main(service), name=name)
    told = asyncio.create_task(service.stopping.wait())
    await asyncio.wait((work, told), return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    ended_by_itself = work.done()
    watchdog.start()
    service.stop(f"{name} ended" if ended_by_itself else "asked to stop")
    clean = await service.drain(drain_limit_ms)
    if not work.done():
        await asyncio.sleep(0)  # let it see what the last step did
        work.cancel()
    (outcome,) = await asyncio.gather(work, return_exceptions=True)
    if isinstance(outcome, BaseException) and (
        ended_by_itself or not isinstance(outcome, asyncio.CancelledError)
    ):
        _tell(name, outcome)
        return exit_code(outcome)
    return DONE if clean else FAILED


def _tell(name: str, error: BaseException) -> None:
    """Say why the process ends: what is to be configured on stderr, the rest in the log."""
    if isinstance(error, ConfigurationError):
        sys.stderr.write(f"{name}: {error}\n")
    else:
        log.error("service failed", service=name, error=str(error), exc_info=error)


def _on_signal(service: Service, loop: asyncio.AbstractEventLoop, number: int) -> None:
    """Begin to drain, and have the next signal end the process even if the loop is stuck."""
    for other in _SIGNALS:
        loop.remove_signal_handler(other)
        signal.signal(
            other, lambda *_: _exit_now(f"{service.name}: told a second time, ending at once\n")
        )
    service.stop(signal.Signals(number).name)


def _give_up(message: str) -> None:
    logs.flush(limit_ms=500)
    _exit_now(message)


def _exit_now(message: str) -> None:
    os.write(_STDERR, message.encode())
    os._exit(FAILED)


def freeze_garbage() -> None:
    """Take what start-up built out of the collector's sight and stop automatic collection.

    Call it once everything is built; then run `collect_when_idle`, or cycles pile up.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


async def collect_when_idle(
    is_idle: Callable[[], bool],
    *,
    every_ms: int = 1_000,
    overdue_ms: int = 60_000,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Collect garbage while nothing happens; runs until cancelled, as a supervised task.

    Young objects each `every_ms` when idle; all of them each `overdue_ms` even when busy, so that
    memory stays bounded.
    """
    waited_ms = 0
    while True:
        await sleep(every_ms / 1_000)
        waited_ms += every_ms
        if waited_ms >= overdue_ms:
            waited_ms = 0
            gc.collect()
        elif is_idle():
            gc.collect(1)
