"""The bus contract: what a stage may rely on, on either lane."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from core.contracts.topics import Topic
from core.contracts.trace import Trace

R = TypeVar("R", bound=msgspec.Struct)

Handler = Callable[[R, str, Trace], None]
"""Takes a record, its key and its trace. Synchronous: it does its work or raises.

`Rejected` sends the record to the dead-letter topic and goes on; `Fatal` stops the bus and is
raised from `failure`; anything else is treated as `Fatal`, since nobody knows what it means.
"""


class Bus(Protocol):
    """Carries records from stage to stage, in order for equal keys, at least once.

    Subscribe before `start`. Records published with several keys are delivered once for each.
    """

    async def start(self) -> None:
        """Connect, and begin delivering to the handlers.

        Raises:
            Retryable: the broker can't be reached.
        """

    def subscribe(self, topic: Topic[R], handler: Handler[R], *, group: str) -> None:
        """Have each record delivered once to each group; a group's handler is one callable.

        On Kafka a record counts as delivered when its handler has returned and everything that
        the handler published has been confirmed.
        """

    def publish(
        self, topic: Topic[R], record: R, *, record_id: str, keys: Sequence[str], trace: Trace
    ) -> None:
        """Take a record over; never blocks.

        In process the handlers have run when this returns, and their `Fatal` comes out here.

        Raises:
            Retryable: the buffer is full (its bound is the bus's setting); nothing was taken.
            Fatal: the bus is stopped or has failed.
        """

    async def flush(self) -> None:
        """Return when everything published before this call is confirmed.

        Raises:
            Retryable: the broker could not confirm in time; what was taken is kept and retried.
        """

    async def failure(self) -> None:
        """Wait until the bus fails, then raise why; returns when the bus is stopped."""

    async def stop(self) -> None:
        """Finish the handler at work, flush, commit, disconnect."""


AnyHandler = Handler[Any]
AnyTopic = Topic[Any]
