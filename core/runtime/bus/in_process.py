"""The bus of the fast lane: publishing is calling the handlers, in this process."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from core.contracts.clock import Clock
from core.contracts.codec import encode
from core.contracts.errors import ConfigurationError, Fatal, Rejected
from core.contracts.topics import DEAD_LETTERS, Topic
from core.contracts.trace import Trace
from core.runtime.bus.delivery import bury, unexpected
from core.runtime.bus.port import AnyHandler, Handler, R


class InProcessBus:
    """Runs each handler before `publish` returns, in the order of subscription.

    A handler may publish in turn; what it publishes is handled first (depth first). It needs no
    event loop until `failure` is awaited: `publish` works from construction on, so that a
    backtest can use it without one. All calls belong to one thread.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._handlers: dict[str, tuple[AnyHandler, ...]] = {}  # by topic's name
        self._groups: set[tuple[str, str]] = set()
        self._started = False
        self._refusal: str | None = None
        self._failure: Fatal | None = None
        self._over = asyncio.Event()

    async def start(self) -> None:
        """Close the list of subscriptions; there is nothing to connect to."""
        self._started = True

    def subscribe(self, topic: Topic[R], handler: Handler[R], *, group: str) -> None:
        """Have each record delivered once to each group; a group's handler is one callable.

        Raises:
            ConfigurationError: the group has a handler for this topic, or the bus has started.
        """
        if self._started:
            raise ConfigurationError(f"subscribe {group} to {topic.name} before the bus starts")
        if (topic.name, group) in self._groups:
            raise ConfigurationError(
                f"group {group} already handles {topic.name}: name another group"
            )
        self._groups.add((topic.name, group))
        self._handlers[topic.name] = (*self._handlers.get(topic.name, ()), handler)

    def publish(
        self, topic: Topic[R], record: R, *, record_id: str, keys: Sequence[str], trace: Trace
    ) -> None:
        """Run the topic's handlers, all of them for the first key, then for the next.

        Raises:
            Fatal: a handler could not go on, or the bus is stopped or has failed.
        """
        if self._refusal is not None:
            raise Fatal(f"{topic.name} {record_id}: {self._refusal}")
        handlers = self._handlers.get(topic.name)
        if handlers is None:
            return
        for key in keys:
            for handler in handlers:
                try:
                    handler(record, key, trace)
                except Rejected as error:
                    self._bury(topic, record, record_id, error)
                except Fatal as error:
                    self._fail(error)
                    raise
                except Exception as error:
                    raise self._fail(unexpected(topic, record_id, error)) from error

    async def flush(self) -> None:
        """Return at once: what was published has been handled."""

    async def failure(self) -> None:
        """Wait until a handler fails for good, then raise why; returns when the bus is stopped."""
        await self._over.wait()
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """Refuse what is published from now on."""
        self._refusal = self._refusal or "the bus is stopped"
        self._over.set()

    def _bury(
        self, topic: Topic[Any], record: msgspec.Struct, record_id: str, error: Rejected
    ) -> None:
        """Publish a record that a handler rejected as a dead letter."""
        try:
            letter = bury(topic, encode(record), error, self._clock, partition=-1, offset=-1)
        except Fatal as fatal:
            self._fail(fatal)
            raise
        self.publish(DEAD_LETTERS, letter, record_id=record_id, keys=(topic.name,), trace=Trace())

    def _fail(self, failure: Fatal) -> Fatal:
        """Deliver nothing more; returns its argument, to be raised."""
        if self._failure is None:
            self._failure = failure
            self._refusal = f"the bus has failed: {failure}"
            self._over.set()
        return failure
