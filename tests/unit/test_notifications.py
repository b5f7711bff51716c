"""An operator is told once, soon and for certain; and learns when telling does not work."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from core.contracts.clock import ManualClock
from core.contracts.errors import Rejected, Retryable
from core.runtime.notifications import Notification, Notifications
from core.runtime.redaction import register_secret

SECOND_NS = 1_000_000_000


class Desk:
    """A receiver that fails as scripted: an error for each try, None for none."""

    def __init__(self) -> None:
        self.got: list[Notification] = []
        self.script: deque[Exception | None] = deque()
        self.tries = 0
        self.closed = False
        self.changed = asyncio.Event()
        self.holding: asyncio.Event | None = None

    async def deliver(self, notification: Notification) -> None:
        self.tries += 1
        self.changed.set()
        if self.holding is not None:
            await self.holding.wait()
        error = self.script.popleft() if self.script else None
        if error is not None:
            raise error
        self.got.append(notification)

    async def close(self) -> None:
        self.closed = True

    @property
    def texts(self) -> list[str]:
        return [one.text for one in self.got]

    async def until_tried(self, times: int) -> None:
        async with asyncio.timeout(5):
            while self.tries < times:
                self.changed.clear()
                await self.changed.wait()
            for _ in range(5):
                await asyncio.sleep(0)


class Naps:
    """Time that passes when the test says so."""

    def __init__(self, clock: ManualClock) -> None:
        self.asked: list[float] = []
        self._clock = clock
        self._over = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self._over.wait()
        self._over.clear()

    async def pass_time(self, seconds: float) -> None:
        self._clock.advance(int(seconds * SECOND_NS))
        self._over.set()
        for _ in range(10):
            await asyncio.sleep(0)


class Desked:
    def __init__(self, test_interval_ms: int = 0) -> None:
        self.clock = ManualClock(1_790_000_000 * SECOND_NS)
        self.desk = Desk()
        self.naps = Naps(self.clock)
        self.notifications = Notifications(
            "run",
            clock=self.clock,
            receiver=self.desk,
            min_interval_ms=60_000,
            test_interval_ms=test_interval_ms,
            jitter=Random(1),
            sleep=self.naps.sleep,
        )
        self.tell = self.notifications.tell


@asynccontextmanager
async def running(test_interval_ms: int = 0) -> AsyncIterator[Desked]:
    desked = Desked(test_interval_ms)
    task = asyncio.create_task(desked.notifications.run())
    await asyncio.sleep(0)
    try:
        yield desked
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_told_is_delivered_with_its_subject_and_time() -> None:
    async with running() as it:
        it.tell("rss:desk has said nothing new")
        it.tell("gate is halted", "gate")
        await it.desk.until_tried(2)
        now_ns = it.clock.now_ns()
        assert it.desk.got == [
            Notification(
                service="run",
                subject="rss:desk",
                text="rss:desk has said nothing new",
                at_ns=now_ns,
            ),
            Notification(service="run", subject="gate", text="gate is halted", at_ns=now_ns),
        ]
        assert it.notifications.check() == (True, "2 delivered, 0 waiting")


async def test_log_alone_needs_nobody_to_run(caplog: pytest.LogCaptureFixture) -> None:
    notifications = Notifications("run", clock=ManualClock())
    notifications.tell("gate is halted")
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [("ERROR", "notification")]
    assert notifications.check().ok
    await notifications.close()


async def test_one_subject_is_told_once_an_interval_the_newest_with_the_number_of_others() -> None:
    async with running() as it:
        it.tell("feed one")
        await it.desk.until_tried(1)
        for number in ("two", "three", "four"):
            it.tell(f"feed {number}")
        it.tell("other speaks")
        await it.desk.until_tried(2)
        assert it.desk.texts == ["feed one", "other speaks"]
        await it.naps.pass_time(59)
        assert len(it.desk.got) == 2
        await it.naps.pass_time(1)
        assert it.desk.texts[2:] == ["feed four (and 2 more about it since 14:13:20 UTC)"]
        assert it.desk.got[2].suppressed == 2
        assert it.notifications.counts["suppressed"] == 2


async def test_receiver_that_is_away_is_tried_until_it_takes_it_and_health_says_so() -> None:
    async with running() as it:
        it.desk.script.extend([Retryable("away"), Retryable("still away")])
        it.tell("gate is halted")
        await it.desk.until_tried(1)
        assert it.notifications.check() == (False, "away; 1 waiting")
        await it.naps.pass_time(60)
        assert it.notifications.check() == (False, "still away; 1 waiting")
        await it.naps.pass_time(60)
        assert it.desk.texts == ["gate is halted"]
        assert it.notifications.check().ok
        assert it.notifications.counts["failed"] == 2


async def test_waits_grow_with_jitter_and_are_at_least_what_the_receiver_says() -> None:
    async with running() as it:
        it.desk.script.extend(
            [Retryable("away")] * 8 + [Retryable("busy", retry_after_ns=500 * SECOND_NS)]
        )
        it.tell("gate is halted")
        for tried in range(1, 10):
            await it.desk.until_tried(tried)
            await it.naps.pass_time(600)
        waits = it.naps.asked[1:10]  # the first was for news
        assert all(0 <= wait <= 60 for wait in waits[:8])
        assert max(waits[:2]) <= 2
        assert waits[8] == 500


async def test_what_is_refused_for_good_holds_nobody_up() -> None:
    async with running() as it:
        it.desk.script.append(Rejected("answered 400"))
        it.tell("bad one")
        await it.desk.until_tried(1)
        assert not it.notifications.check().ok
        it.tell("good one")
        await it.desk.until_tried(2)
        assert it.desk.texts == ["good one"]
        assert it.notifications.check().ok
        assert it.notifications.counts["refused"] == 1


@pytest.mark.parametrize(
    ("fails", "texts"),
    [
        (False, ["feed one"]),
        (True, ["feed two (and 1 more about it since 14:13:20 UTC)"]),
    ],
)
async def test_what_is_told_during_a_delivery_is_not_lost(fails: bool, texts: list[str]) -> None:
    async with running() as it:
        it.desk.holding = asyncio.Event()
        it.desk.script.append(Retryable("away") if fails else None)
        it.tell("feed one")
        await it.desk.until_tried(1)
        it.tell("feed two")
        it.desk.holding.set()
        await it.naps.pass_time(0)
        await it.naps.pass_time(60)
        await it.desk.until_tried(2)
        assert it.desk.texts[: len(texts)] == texts
        assert "two" in it.desk.texts[-1]


async def test_too_many_subjects_drop_the_oldest() -> None:
    async with running() as it:
        it.desk.holding = asyncio.Event()
        it.tell("first told")
        await it.desk.until_tried(1)
        for number in range(150):
            it.tell(f"subject{number} told")
        assert it.notifications.counts["dropped"] == 51
        assert it.notifications.check().detail == "0 delivered, 100 waiting"


async def test_test_at_the_start_and_regularly_proves_that_it_works() -> None:
    async with running(test_interval_ms=3_600_000) as it:
        await it.desk.until_tried(1)
        assert it.desk.texts == ["this is a test: notifications arrive; the next one in 1 h"]
        await it.naps.pass_time(3_599)
        assert len(it.desk.got) == 1
        await it.naps.pass_time(1)
        assert len(it.desk.got) == 2
        assert it.notifications.counts["told"] == 0


async def test_silence_beyond_two_tests_is_unhealthy() -> None:
    it = Desked(test_interval_ms=3_600_000)  # nobody runs it
    assert it.notifications.check().ok
    it.clock.advance(7_201 * SECOND_NS)
    assert it.notifications.check() == (
        False,
        "nothing was delivered for 7201 s, not even a test",
    )


async def test_secrets_are_masked_and_long_texts_cut() -> None:
    register_secret("very-secret-key")
    async with running() as it:
        it.tell("feed failed: ?token=abcdef very-secret-key " + "x" * 5_000)
        await it.desk.until_tried(1)
        (text,) = it.desk.texts
        assert "very-secret-key" not in text
        assert "abcdef" not in text
        assert len(text) == 2_000


async def test_what_waits_at_the_end_is_delivered_then() -> None:
    it = Desked()
    it.tell("run stops: the journal is full", "process")
    await it.notifications.close()
    assert it.desk.texts == ["run stops: the journal is full"]
    assert it.desk.closed


async def test_end_does_not_wait_for_a_receiver_that_is_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    it = Desked()
    it.desk.holding = asyncio.Event()
    it.tell("gate is halted")
    await it.notifications.close(limit_ms=1)
    assert it.desk.closed
    assert "notification_not_delivered" in [record.getMessage() for record in caplog.records]
