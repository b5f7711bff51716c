"""Supervised tasks: who is restarted and when, who stops everything, and that none is left."""

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from itertools import islice
from typing import Any, NoReturn

import pytest

from core.contracts.clock import ManualClock
from core.contracts.errors import Fatal, Rejected, Retryable
from core.runtime.backoff import delays
from core.runtime.tasks import HEALTHY_NS, Status, Supervisor, TaskState


class Naps:
    """Stands for sleeping: notes each wait and takes no time, or stays until let go."""

    def __init__(self) -> None:
        self.taken_s: list[float] = []
        self.asleep = asyncio.Event()
        self.hold = False

    async def __call__(self, seconds: float) -> None:
        self.taken_s.append(seconds)
        self.asleep.set()
        if self.hold:
            await asyncio.Event().wait()
        await asyncio.sleep(0)


class Script:
    """A task that does the next thing of its script at each run, then runs on for ever."""

    def __init__(self, *steps: BaseException | Callable[[], None] | None) -> None:
        self._steps = list(steps)
        self.runs = 0
        self.settled = asyncio.Event()

    async def __call__(self) -> None:
        self.runs += 1
        if self.runs > len(self._steps):
            self.settled.set()
            await asyncio.Event().wait()
        step = self._steps[self.runs - 1]
        if isinstance(step, BaseException):
            raise step
        if step is not None:
            step()
            raise Retryable("after its work")


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def supervisor(naps: Naps, clock: ManualClock) -> AsyncIterator[Supervisor]:
    made = Supervisor("test", clock=clock, sleep=naps, jitter=random.Random(1))
    yield made
    naps.hold = False
    await made.stop()


async def forever() -> None:
    await asyncio.Event().wait()


def test_delays_grow_to_the_cap_with_full_jitter() -> None:
    class Highest(random.Random):
        def randint(self, a: int, b: int) -> int:
            return b

    assert list(islice(delays(100, 1_000, 2, Highest()), 6)) == [100, 200, 400, 800, 1000, 1000]
    spread = list(islice(delays(100, 1_000, 2, random.Random(5)), 4, 500))
    assert min(spread) < 100
    assert 900 < max(spread) <= 1_000


@pytest.mark.parametrize(("initial", "cap", "factor"), [(0, 5, 2), (6, 5, 2), (1, 5, 0.5)])
def test_delays_that_can_not_grow_are_refused(initial: int, cap: int, factor: float) -> None:
    with pytest.raises(ValueError, match="waits need"):
        delays(initial, cap, factor, random.Random())


def test_delays_never_overflow() -> None:
    assert max(islice(delays(1, 1_000, 10.0, random.Random(1)), 2_000)) <= 1_000


async def test_retryable_is_restarted_after_a_wait(supervisor: Supervisor, naps: Naps) -> None:
    restarted: list[str] = []
    supervisor._on_restart = restarted.append
    script = Script(Retryable("no route"), Retryable("still none"))
    supervisor.start("feed", script)
    await script.settled.wait()
    assert supervisor.states() == {"feed": TaskState(Status.RUNNING, 2, "Retryable: still none")}
    assert len(naps.taken_s) == 2
    assert restarted == ["feed", "feed"]


async def test_task_that_ends_is_restarted(supervisor: Supervisor) -> None:
    script = Script(None)
    supervisor.start("feed", script)
    await script.settled.wait()
    assert supervisor.states()["feed"].last_error == "ended although it should go on"


async def test_task_whose_inner_wait_was_cancelled_is_restarted(supervisor: Supervisor) -> None:
    script = Script(asyncio.CancelledError())
    supervisor.start("feed", script)
    await script.settled.wait()
    assert supervisor.states()["feed"].restarts == 1


async def test_restart_waits_at_least_as_long_as_the_other_side_asked(
    supervisor: Supervisor, naps: Naps
) -> None:
    script = Script(Retryable("429", retry_after_ns=90_000_000_001))
    supervisor.start("feed", script)
    await script.settled.wait()
    assert naps.taken_s == [90.001]


async def test_waits_start_again_after_a_healthy_minute(clock: ManualClock, naps: Naps) -> None:
    class Highest(random.Random):
        def randint(self, a: int, b: int) -> int:
            return b

    supervisor = Supervisor("test", clock=clock, sleep=naps, jitter=Highest())
    script = Script(
        *[Retryable("x")] * 3,
        lambda: clock.advance(HEALTHY_NS - 1),
        lambda: clock.advance(HEALTHY_NS),
        Retryable("x"),
    )
    supervisor.start("feed", script)
    await script.settled.wait()
    assert naps.taken_s == [0.1, 0.2, 0.4, 0.8, 0.1, 0.2]
    await supervisor.stop()


async def test_waiting_task_shows_as_restarting(supervisor: Supervisor, naps: Naps) -> None:
    naps.hold = True
    supervisor.start("feed", Script(Retryable("x")))
    await naps.asleep.wait()
    assert supervisor.states()["feed"] == TaskState(Status.RESTARTING, 1, "Retryable: x")


@pytest.mark.parametrize(
    "error", [Fatal("no"), Rejected("no"), KeyError("what?"), TimeoutError("late")]
)
async def test_any_other_error_stops_everything(error: Exception) -> None:
    heard: list[tuple[BaseException, Status]] = []
    failing = Supervisor(
        "test",
        on_fatal=lambda e: heard.append((e, failing.states()["other"].status)),
    )
    failing.start("other", forever)
    failing.start("bad", Script(error))
    with pytest.raises(type(error)) as caught:
        await failing.wait()
    assert caught.value is error
    assert heard == [(error, Status.RUNNING)]
    assert {name: state.status for name, state in failing.states().items()} == {
        "other": Status.STOPPED,
        "bad": Status.STOPPED,
    }


async def test_factory_that_raises_stops_everything(supervisor: Supervisor) -> None:
    def broken() -> NoReturn:
        raise TypeError("not even a coroutine")

    supervisor.start("bad", broken)
    with pytest.raises(TypeError, match="not even"):
        await supervisor.wait()


async def test_first_failure_is_the_one_that_counts(supervisor: Supervisor) -> None:
    async def fails_in_clean_up() -> None:
        try:
            await forever()
        finally:
            raise Fatal("second")

    supervisor.start("clean-up", fails_in_clean_up)
    supervisor.start("bad", Script(Fatal("first")))
    with pytest.raises(Fatal, match="first"):
        await supervisor.wait()
    assert supervisor.states()["clean-up"].last_error == "Fatal: second"


async def test_failure_while_stopping_comes_out_of_wait(supervisor: Supervisor) -> None:
    async def fails_in_clean_up() -> None:
        try:
            await forever()
        finally:
            raise Fatal("not saved")

    supervisor.start("clean-up", fails_in_clean_up)
    await asyncio.sleep(0)
    await supervisor.stop()
    with pytest.raises(Fatal, match="not saved"):
        await supervisor.wait()


async def test_task_cancelled_from_outside_stops_everything(supervisor: Supervisor) -> None:
    supervisor.start("feed", forever)
    await asyncio.sleep(0)
    (task,) = (t for t in asyncio.all_tasks() if t.get_name() == "test/feed")
    task.cancel()
    with pytest.raises(Fatal, match="feed was cancelled from outside"):
        await supervisor.wait()


async def test_tasks_are_stopped_last_started_first_one_at_a_time(supervisor: Supervisor) -> None:
    ended: list[str] = []

    def slow_to_end(name: str) -> Callable[[], Coroutine[Any, Any, None]]:
        async def run() -> None:
            try:
                await forever()
            finally:
                for _ in range(3):
                    await asyncio.sleep(0)
                ended.append(name)

        return run

    supervisor._sleep = lambda _: forever()
    for name in ("bus", "venue", "feed"):
        supervisor.start(name, slow_to_end(name))
    await asyncio.sleep(0)
    before = asyncio.all_tasks()
    await asyncio.gather(supervisor.stop(), supervisor.stop())
    await supervisor.wait()
    assert ended == ["feed", "venue", "bus"]
    assert {task.get_name() for task in before if not task.done()} == {
        asyncio.current_task().get_name()  # type: ignore[union-attr]
    }
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_stop_ends_a_task_that_waits_to_be_restarted(
    supervisor: Supervisor, naps: Naps
) -> None:
    naps.hold = True
    script = Script(Retryable("x"))
    supervisor.start("feed", script)
    await naps.asleep.wait()
    await supervisor.stop()
    assert (script.runs, supervisor.states()["feed"].status) == (1, Status.STOPPED)


async def test_task_may_stop_its_own_supervisor(supervisor: Supervisor) -> None:
    supervisor.start("self", supervisor.stop)
    await supervisor.wait()
    assert supervisor.states()["self"].status is Status.STOPPED


async def test_stop_names_the_task_that_hangs(supervisor: Supervisor) -> None:
    release = asyncio.Event()
    others_ended = []

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async def obedient() -> None:
        try:
            await forever()
        finally:
            others_ended.append(True)

    supervisor.start("obedient", obedient)
    supervisor.start("stubborn", stubborn)
    await asyncio.sleep(0)
    with pytest.raises(Fatal, match=r"still running 5000 ms after being cancelled: stubborn;"):
        await supervisor.stop()
    assert others_ended == [True]
    with pytest.raises(Fatal, match="stubborn"):
        await supervisor.wait()
    release.set()
    supervisor._ending = None  # so that the fixture's stop awaits it


async def test_one_off_is_forgotten_when_done_and_its_name_is_free(supervisor: Supervisor) -> None:
    done = asyncio.Event()

    async def once() -> None:
        done.set()

    for _ in range(2):
        done.clear()
        supervisor.start("exit", once, restart=False)
        await done.wait()
        await asyncio.sleep(0)
        assert supervisor.states() == {}


async def test_one_off_that_could_be_retried_stops_everything(supervisor: Supervisor) -> None:
    supervisor.start("exit", Script(Retryable("not now")), restart=False)
    with pytest.raises(Retryable, match="not now"):
        await supervisor.wait()


async def test_name_in_use_and_start_after_stop_are_refused(supervisor: Supervisor) -> None:
    supervisor.start("feed", forever)
    with pytest.raises(Fatal, match="already has a task feed"):
        supervisor.start("feed", forever)
    await supervisor.stop()
    with pytest.raises(Fatal, match="is stopping: task late was not started"):
        supervisor.start("late", forever)


def test_tasks_and_logs_import_nothing_heavy() -> None:
    heavy = ["pydantic", "structlog", "rich", "aiohttp", "prometheus_client", "sqlalchemy", "redis"]
    program = (
        "import sys, core.runtime.tasks, core.runtime.logs, core.runtime.backoff;"
        f"print(sorted(set({heavy}) & set(sys.modules)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"
