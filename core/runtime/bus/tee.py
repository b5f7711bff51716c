"""The fast lane with Kafka behind the trade: handlers first, the record's publication after."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from core.contracts.errors import Fatal, Rejected, Retryable
from core.contracts.topics import Topic
from core.contracts.trace import Trace
from core.runtime.bus.in_process import InProcessBus
from core.runtime.bus.port import Bus, Handler, R
from core.runtime.logs import get_logger

LOG_INTERVAL_S: Final = 10.0

_Waiting = tuple[Topic[Any], Any, str, Sequence[str], Trace]
_log: Final = get_logger(__name__)


class TeeBus:
    """Hands every record to the handlers at once, and to another bus after the present callback.

    The handlers are all on the primary. The bus behind can neither delay nor fail it: what it
    does not take is counted and said, at most once in ten seconds. Records reach it in the order
    of publication, with the stamps that their chain of handlers has set by then.

    Attributes:
        dropped: how many records the bus behind did not take.
    """

    def __init__(self, primary: InProcessBus, behind: Bus) -> None:
        self.dropped = 0
        self._primary = primary
        self._behind = behind
        self._waiting: deque[_Waiting] = deque()
        self._scheduled = False
        self._refusal: str | None = "the bus is not started"
        self._loop: asyncio.AbstractEventLoop
        self._quiet_until = 0.0

    async def start(self) -> None:
        """Start both.

        Raises:
            Retryable: the broker behind can't be reached; nothing was started.
        """
        self._loop = asyncio.get_running_loop()
        await self._behind.start()
        await self._primary.start()
        self._refusal = None

    def subscribe(self, topic: Topic[R], handler: Handler[R], *, group: str) -> None:
        """Have each record delivered once to each group, on the primary."""
        self._primary.subscribe(topic, handler, group=group)

    def publish(
        self, topic: Topic[R], record: R, *, record_id: str, keys: Sequence[str], trace: Trace
    ) -> None:
        """Run the handlers; the bus behind gets the record after the present callback.

        Raises:
            Fatal: a handler could not go on, or the bus is not running.
        """
        if self._refusal is not None:
            raise Fatal(f"{topic.name} {record_id}: {self._refusal}")
        self._waiting.append((topic, record, record_id, keys, trace))
        if self._scheduled:  # a handler publishes: the outer call sees to the rest
            self._primary.publish(topic, record, record_id=record_id, keys=keys, trace=trace)
            return
        self._scheduled = True
        try:
            self._primary.publish(topic, record, record_id=record_id, keys=keys, trace=trace)
        except Fatal as error:
            self._refusal = f"the bus has failed: {error}"
            raise
        finally:
            self._loop.call_soon(self._hand_over)

    async def flush(self) -> None:
        """Return when the bus behind has confirmed everything it took before this call."""
        self._hand_over()
        await self._behind.flush()

    async def failure(self) -> None:
        """Wait until the primary fails, then raise why; returns when it is stopped."""
        await self._primary.failure()

    async def stop(self) -> None:
        """Stop the primary, then flush and stop the bus behind."""
        self._refusal = self._refusal or "the bus is stopped"
        await self._primary.stop()
        self._hand_over()
        await self._behind.stop()

    def _hand_over(self) -> None:
        """Publish behind what the primary has handled."""
        self._scheduled = False
        waiting = self._waiting
        while waiting:
            topic, record, record_id, keys, trace = waiting.popleft()
            try:
                self._behind.publish(topic, record, record_id=record_id, keys=keys, trace=trace)
            except (Retryable, Rejected, Fatal) as error:
                self.dropped += 1
                self._say(error)

    def _say(self, error: Exception) -> None:
        """Log that records are being dropped, unless that was said a moment ago."""
        now = asyncio.get_running_loop().time()
        if now >= self._quiet_until:
            self._quiet_until = now + LOG_INTERVAL_S
            _log.error("bus_behind_drops_records", dropped=self.dropped, reason=str(error))
