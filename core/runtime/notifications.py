"""Tells an operator what needs looking at, wherever in the process it comes from."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random
from typing import Final, NamedTuple, Protocol

import msgspec

from core.contracts.clock import Clock
from core.contracts.errors import Rejected, Retryable
from core.runtime.backoff import delays
from core.runtime.health import CheckResult
from core.runtime.logs import get_logger
from core.runtime.redaction import redact_text

DAY_MS: Final = 86_400_000
TEST: Final = "test"

_CAPACITY: Final = 100
_FIRST_WAIT_MS: Final = 1_000
_LONGEST_WAIT_MS: Final = 60_000
_IDLE_S: Final = 3_600.0
_LONGEST_TEXT: Final = 2_000
_MILLI_NS: Final = 1_000_000
_SECOND_NS: Final = 1_000_000_000
_log: Final = get_logger(__name__)


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator is told.

    Attributes:
        service: the process.
        subject: what it is about; few are told of one subject at a time.
        text: for people; holds no secret.
        at_ns: when it was noticed, UTC.
        suppressed: how many about the same subject it stands for besides itself.
    """

    service: str
    subject: str
    text: str
    at_ns: int
    suppressed: int = 0


class Receiver(Protocol):
    """Where notifications go besides the log."""

    async def deliver(self, notification: Notification) -> None:
        """Hand one over, within a time limit of its own.

        Raises:
            Retryable: not now; with how long to wait where that is said.
            Rejected: this one never.
        """

    async def close(self) -> None:
        """Give up what it holds."""


class _Waiting(NamedTuple):
    text: str
    at_ns: int
    first_ns: int
    suppressed: int


class Notifications:
    """The log at once, and a receiver as soon as it can be had.

    Several about one subject that have to wait become one: the newest, with the number of the
    others. A receiver that can't be reached is tried again for as long as it takes; a test that
    is sent at the start and then regularly proves that it works while there is nothing to tell.

    Args:
        service: name of the process.
        clock: for times and intervals.
        receiver: None for the log alone.
        min_interval_ms: between two about the same subject.
        test_interval_ms: between two tests; 0 for none.
        jitter: spreads tries.
        sleep: waits seconds.

    Attributes:
        counts: told, delivered, suppressed, dropped (too many subjects), failed (tries) and
            refused (for good).
    """

    def __init__(
        self,
        service: str,
        *,
        clock: Clock,
        receiver: Receiver | None = None,
        min_interval_ms: int = 60_000,
        test_interval_ms: int = DAY_MS,
        jitter: Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.service: Final = service
        self.counts: Counter[str] = Counter()
        self._receiver = receiver
        self._now_ns = clock.now_ns
        self._min_interval_ns = min_interval_ms * _MILLI_NS
        self._test_interval_ns = test_interval_ms * _MILLI_NS
        self._jitter = jitter or Random()  # noqa: S311 - spreads load, guards nothing
        self._sleep = sleep
        self._waiting: dict[str, _Waiting] = {}
        self._sending: _Waiting | None = None
        self._free_ns: dict[str, int] = {}  # by subject: when the next one may go
        self._test_ns = self._proved_ns = clock.now_ns()
        self._failure: str | None = None
        self._news = asyncio.Event()

    def tell(self, text: str, subject: str | None = None) -> None:
        """Log it and have it delivered; never blocks. Call it on the event loop's thread.

        Args:
            text: what happened, to what, and what to do.
            subject: what it is about; the text's first word where not given.
        """
        subject = subject or text.split(" ", 1)[0]
        _log.error("notification", subject=subject, text=text)
        self.counts["told"] += 1
        if self._receiver is not None:
            self._put(subject, text)

    def check(self) -> CheckResult:
        """Say whether an operator would hear: the last try went well, and not too long ago."""
        waiting = len(self._waiting)
        if self._failure is not None:
            return CheckResult(ok=False, detail=f"{self._failure}; {waiting} waiting")
        silent_ns = self._now_ns() - self._proved_ns
        if self._test_interval_ns and silent_ns > 2 * self._test_interval_ns:
            detail = f"nothing was delivered for {silent_ns // _SECOND_NS} s, not even a test"
            return CheckResult(ok=False, detail=detail)
        delivered = self.counts["delivered"]
        return CheckResult(ok=True, detail=f"{delivered} delivered, {waiting} waiting")

    async def run(self) -> None:
        """Deliver until cancelled."""
        backoff = delays(_FIRST_WAIT_MS, _LONGEST_WAIT_MS, 2.0, self._jitter)
        while True:
            self._test_when_due()
            subject = self._next()
            if subject is None:
                await self._until_something_is_due()
                continue
            try:
                await self._deliver(subject)
            except Retryable as error:
                wait_ns = max(next(backoff) * _MILLI_NS, error.retry_after_ns or 0)
                await self._sleep(wait_ns / _SECOND_NS)
            else:
                backoff = delays(_FIRST_WAIT_MS, _LONGEST_WAIT_MS, 2.0, self._jitter)

    async def close(self, limit_ms: int = 2_000) -> None:
        """Try once more to deliver what waits, after `run` was cancelled; then let go."""
        if self._receiver is None:
            return
        try:
            async with asyncio.timeout(limit_ms / 1000):
                for subject in tuple(self._waiting):
                    await self._deliver(subject)
        except (TimeoutError, Retryable):
            for subject, waiting in self._waiting.items():
                _log.error("notification_not_delivered", subject=subject, text=waiting.text)
        finally:
            await self._receiver.close()

    def _put(self, subject: str, text: str) -> None:
        """Have something delivered, in the place of what already waits about its subject."""
        now_ns = self._now_ns()
        text = redact_text(text)[:_LONGEST_TEXT]
        before = self._waiting.get(subject)
        if before is not None and before is not self._sending:
            self.counts["suppressed"] += 1
            new = _Waiting(text, now_ns, before.first_ns, before.suppressed + 1)
        else:
            if before is None and len(self._waiting) >= _CAPACITY:
                del self._waiting[next(iter(self._waiting))]
                self.counts["dropped"] += 1
            new = _Waiting(text, now_ns, now_ns, 0)
        self._waiting[subject] = new
        self._news.set()

    def _test_when_due(self) -> None:
        now_ns = self._now_ns()
        if self._test_interval_ns and now_ns >= self._test_ns:
            self._test_ns = now_ns + self._test_interval_ns
            hours = self._test_interval_ns / _SECOND_NS / 3_600
            self._free_ns.pop(TEST, None)
            self._put(TEST, f"this is a test: notifications arrive; the next one in {hours:g} h")

    def _next(self) -> str | None:
        """Give the oldest subject whose turn it is."""
        now_ns = self._now_ns()
        return next((one for one in self._waiting if self._free_ns.get(one, 0) <= now_ns), None)

    async def _until_something_is_due(self) -> None:
        """Wait for news, or until a subject's interval or the time to the next test is over."""
        times = [self._free_ns[one] for one in self._waiting]
        if self._test_interval_ns:
            times.append(self._test_ns)
        wait_s = max(0, min(times) - self._now_ns()) / _SECOND_NS if times else _IDLE_S
        self._news.clear()
        news = asyncio.ensure_future(self._news.wait())
        due = asyncio.ensure_future(self._sleep(wait_s))
        try:
            await asyncio.wait((news, due), return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
            due.cancel()

    async def _deliver(self, subject: str) -> None:
        """Deliver what waits about a subject; it stays where that can be tried again.

        Raises:
            Retryable: the receiver can't take it now.
        """
        if self._receiver is None:
            return
        waiting = self._sending = self._waiting[subject]
        text = waiting.text
        if waiting.suppressed:
            since = datetime.fromtimestamp(waiting.first_ns // _SECOND_NS, UTC)
            text += f" (and {waiting.suppressed} more about it since {since:%H:%M:%S} UTC)"
        try:
            await self._receiver.deliver(
                Notification(
                    service=self.service,
                    subject=subject,
                    text=text,
                    at_ns=waiting.at_ns,
                    suppressed=waiting.suppressed,
                )
            )
        except Retryable as error:
            self._fail("failed", error)
            newer = self._waiting.get(subject)
            if newer is not None and newer is not waiting:  # told meanwhile: one for both
                self._waiting[subject] = newer._replace(
                    first_ns=waiting.first_ns, suppressed=newer.suppressed + waiting.suppressed + 1
                )
                self.counts["suppressed"] += 1
            raise
        except Rejected as error:
            self._fail("refused", error)  # the log has it; others may be taken
        else:
            self.counts["delivered"] += 1
            self._proved_ns = self._now_ns()
            self._failure = None
        finally:
            self._sending = None
        if self._waiting.get(subject) is waiting:
            del self._waiting[subject]
        now_ns = self._now_ns()
        self._free_ns = {one: at for one, at in self._free_ns.items() if at > now_ns}
        self._free_ns[subject] = now_ns + self._min_interval_ns

    def _fail(self, how: str, error: Exception) -> None:
        self.counts[how] += 1
        if self._failure is None:
            _log.error("notifications_muted", reason=str(error))
        self._failure = str(error)
