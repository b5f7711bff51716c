"""The service's life: signals to a real process, drain order, time limits, exit codes."""

import gc
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.contracts.errors import ConfigurationError, Fatal, Rejected, Retryable
from core.runtime import service
from core.runtime.service import Halted, Service, collect_when_idle, exit_code, run_service
from core.runtime.tasks import Supervisor

ROOT = Path(__file__).resolve().parents[2]
PREAMBLE = """
import asyncio, signal, sys, time
from core.runtime.service import Service, run_service
from core.runtime.tasks import Supervisor

def say(text):
    print(text, flush=True)

async def forever():
    await asyncio.Event().wait()

"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    children: list[subprocess.Popen[str]] = []

    def run(program: str) -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + program],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        return child

    yield run
    for child in children:
        child.kill()
        child.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_drains_in_order_and_exits_with_0(start: Start, number: signal.Signals) -> None:
    child = start("""
async def main(service):
    supervisor = Supervisor("test")
    supervisor.start("feed", forever)
    async def intake():
        say(f"intake stopping={service.stopping.is_set()} reason={service.reason}")
    async def journal():
        say(f"journal tasks={supervisor.states()['feed'].status}")
    service.on_drain("intake", intake)
    service.on_drain("tasks", supervisor.stop)
    service.on_drain("journal", journal)
    say("ready")
    await supervisor.wait()
    say("main ended")
sys.exit(run_service(main, name="test"))
""")
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    assert out.splitlines()[0] == f"intake stopping=True reason={number.name}"
    assert sorted(out.splitlines()[1:]) == ["journal tasks=stopped", "main ended"]
    assert (child.returncode, err) == (0, "")


def test_main_that_still_waits_after_the_drain_is_cancelled(start: Start) -> None:
    child = start("""
async def main(service):
    say("ready")
    try:
        await forever()
    finally:
        say("cleaned up")
sys.exit(run_service(main, name="test"))
""")
    child.terminate()
    assert child.communicate(timeout=30) == ("cleaned up\n", "")
    assert child.returncode == 0


@pytest.mark.parametrize(
    "stuck", ["await forever()", "while True: pass", "time.sleep(600)"],
    ids=["awaiting", "spinning", "sleeping"],
)  # fmt: skip
def test_second_signal_ends_at_once_even_if_the_loop_is_stuck(start: Start, stuck: str) -> None:
    child = start(f"""
async def main(service):
    async def drain():
        say("draining")
        {stuck}
    service.on_drain("stuck", drain)
    say("ready")
    await forever()
sys.exit(run_service(main, name="test", drain_limit_ms=600_000))
""")
    child.terminate()
    assert child.stdout is not None
    assert child.stdout.readline() == "draining\n"
    child.terminate()
    _, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (1, "test: told a second time, ending at once\n")


def test_drain_that_takes_too_long_is_named_and_exits_with_1(start: Start) -> None:
    child = start("""
async def main(service):
    async def journal():
        say("journal")
    service.on_drain("kafka", forever, limit_ms=1)
    service.on_drain("journal", journal)
    service.on_drain("venue", forever)
    say("ready")
    await forever()
sys.exit(run_service(main, name="test", drain_limit_ms=50))
""")
    child.terminate()
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out) == (1, "journal\n")
    assert err.count("drain step took too long") == 2


def test_stuck_loop_is_ended_after_the_time_limit(
    start: Start,
) -> None:
    child = start("""
import core.runtime.service as module
module._GRACE_MS = 0
async def main(service):
    async def spin():
        while True: pass
    service.on_drain("spin", spin)
    say("ready")
    await forever()
sys.exit(run_service(main, name="test", drain_limit_ms=50))
""")
    child.terminate()
    _, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (1, "test: did not stop within 50 ms, ending it\n")


def test_bad_configuration_is_told_on_stderr_and_exits_with_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def main(_service: Service) -> None:
        raise ConfigurationError("missing secret venue.api_key: set it")

    assert run_service(main, name="trade") == 2
    assert capsys.readouterr().err == "trade: missing secret venue.api_key: set it\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Fatal("journal gone"), 1),
        (Halted("gate halted: loss limit"), 3),
        (Retryable("nobody retried"), 1),
        (Rejected("no"), 1),
        (KeyError("a bug"), 1),
        (ExceptionGroup("both", [Halted("a"), Halted("b")]), 3),
        (ExceptionGroup("mixed", [Halted("a"), Fatal("b")]), 1),
        (ConfigurationError("x"), 2),
    ],
)
def test_failure_drains_then_gives_its_exit_code(
    error: Exception, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    drained = []

    async def main(made: Service) -> None:
        async def journal() -> None:
            drained.append(made.reason)

        made.on_drain("journal", journal)
        raise error

    assert run_service(main, name="test") == code
    assert exit_code(error) == code
    assert drained == ["test ended"]
    assert ("service failed" in caplog.text) is (code != 2)


def test_failed_task_ends_the_service_with_its_error() -> None:
    async def fails() -> None:
        raise Halted("daily loss")

    async def main(made: Service) -> None:
        supervisor = Supervisor("test")
        made.on_drain("tasks", supervisor.stop)
        supervisor.start("desk", fails)
        await supervisor.wait()

    assert run_service(main, name="test") == 3


def test_main_that_ends_is_done() -> None:
    async def main(_service: Service) -> None:
        return

    assert run_service(main, name="test") == 0


def test_service_can_stop_itself_and_the_first_reason_stays() -> None:
    seen: list[Service] = []

    async def main(made: Service) -> None:
        seen.append(made)
        made.stop("tape ended")
        made.stop("again")
        await made.stopping.wait()

    assert run_service(main, name="test") == 0
    assert seen[0].reason == "tape ended"


def test_drain_step_that_fails_lets_the_others_run_and_exits_with_1(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ran = []

    async def main(made: Service) -> None:
        async def fails() -> None:
            raise Retryable("broker gone")

        async def journal() -> None:
            ran.append("journal")

        made.on_drain("bus", fails)
        made.on_drain("journal", journal)

    assert run_service(main, name="test") == 1
    assert ran == ["journal"]
    assert "drain step failed" in caplog.text


def test_failure_during_the_drain_is_not_lost() -> None:
    async def main(made: Service) -> None:
        made.stop("done")
        try:
            await made.stopping.wait()
        finally:
            raise Fatal("could not save")

    assert run_service(main, name="test") == 1


def test_signal_handlers_are_put_back() -> None:
    async def main(_service: Service) -> None:
        signal.raise_signal(signal.SIGTERM)

    before = [signal.getsignal(number) for number in service._SIGNALS]
    assert run_service(main, name="test") == 0
    assert [signal.getsignal(number) for number in service._SIGNALS] == before


def test_frozen_garbage_is_collected_by_hand_only() -> None:
    try:
        service.freeze_garbage()
        assert gc.get_freeze_count() > 0
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


async def test_garbage_is_collected_when_idle_and_at_last_when_overdue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    idle = iter([True, False, False, True, False])
    collected: list[Any] = []
    monkeypatch.setattr(gc, "collect", lambda generation=2: collected.append(generation))
    naps = 0

    class Enough(Exception):  # noqa: N818 - ends the test, is no error
        pass

    async def sleep(seconds: float) -> None:
        nonlocal naps
        assert seconds == 0.5
        collected.append("nap")
        naps += 1
        if naps > 6:
            raise Enough

    with pytest.raises(Enough):
        await collect_when_idle(lambda: next(idle), every_ms=500, overdue_ms=2_000, sleep=sleep)
    assert collected == ["nap", 1, "nap", "nap", "nap", 2, "nap", 1, "nap", "nap"]
