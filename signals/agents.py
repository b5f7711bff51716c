"""The Faust agent that classifies events, and its story table."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import faust
import msgspec

from core.contracts.clock import Clock
from core.contracts.cloudevents import check_headers, headers_for
from core.contracts.codec import decoder, encode
from core.contracts.errors import DecodeError, Fatal, Rejected
from core.contracts.story import AssetStories, Story
from core.contracts.topics import DEAD_LETTERS, EVENTS, DeadLetter, Topic
from core.contracts.trace import Trace
from signals.classifier import Classifier
from signals.deliveries import Deliveries, Delivery

KEEP_AFTER_S: Final = 0.005
MOST_AT_ONCE: Final = 20
"""Events handled in one turn of the loop: the producer's turn comes after two or three ms."""

_decode_stories: Final = decoder(AssetStories)


class Raw(faust.Schema[bytes, bytes]):
    """Gives keys and values as the bytes they are, past Faust's choice of serializers."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ANN401, ARG002 - Faust's
        """Give the key."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ANN401, ARG002
        """Give the value."""
        return message.value


class KeptTable(faust.Table[bytes, bytes]):
    """A Faust table that tells of each changelog record it sends.

    Attributes:
        on_sent: takes the future that is done when the broker has the record.
    """

    on_sent: Callable[["asyncio.Future[Any]"], None]

    def send_changelog(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Faust's signature
        """Send as Faust does."""
        sent = super().send_changelog(*args, **kwargs)
        self.on_sent(sent)
        return sent


class FaustStories:
    """The story table on Faust: asset code to `AssetStories`, both as bytes of our codec.

    What an event changes is put into the table a moment after its signal was handed over: the
    producer sends one request at a time, and the signal is the one somebody waits for. The event
    is committed only when the broker has both, and gives both again until then.
    """

    def __init__(self, table: Any, deliveries: Deliveries) -> None:  # noqa: ANN401 - a Faust table
        self._table = table
        self._deliveries = deliveries
        self._changed: dict[str, AssetStories] = {}

    def get(self, asset: str) -> tuple[Story, ...]:
        """Give an asset's stories, none if it has none.

        Raises:
            Fatal: the changelog holds something else.
        """
        if (changed := self._changed.get(asset)) is not None:
            return changed.stories
        raw = self._table.get(asset.encode())
        if raw is None:
            return ()
        try:
            return _decode_stories(raw).stories
        except DecodeError as error:
            raise Fatal(f"the story table is damaged at {asset}: {error}") from error

    def put(self, stories: AssetStories) -> None:
        """Replace an asset's stories; the present event waits for the changelog record.

        Faust finds the partition by the event of the present context, which the timer keeps.
        """
        self._changed[stories.asset] = stories
        asyncio.get_running_loop().call_later(
            KEEP_AFTER_S, self._keep, stories, self._deliveries.hold()
        )

    def _keep(self, stories: AssetStories, delivery: Delivery) -> None:
        with self._deliveries.held(delivery):
            self._table[stories.asset.encode()] = encode(stories)
        if self._changed.get(stories.asset) is stories:
            del self._changed[stories.asset]


class WorkerBus:
    """As much of the bus as a classifier needs, on Faust's producer."""

    def __init__(self, topics: dict[str, Any], deliveries: Deliveries) -> None:
        """Take Faust's topics by the name our table of topics gives them."""
        self._topics = topics
        self._deliveries = deliveries

    def publish(
        self,
        topic: Topic[Any],
        record: msgspec.Struct,
        *,
        record_id: str,
        keys: Sequence[str],
        trace: Trace,
    ) -> None:
        """Take a record over; the present event waits for its confirmation."""
        value = encode(record)
        for key in keys:
            self._deliveries.add(
                self._topics[topic.name].send_soon(
                    key=key.encode(),
                    value=value,
                    headers=headers_for(topic, record_id, key, trace),
                )
            )


class EventAgent:
    """Takes events off Faust's stream and has them classified.

    Attributes:
        stopping: set it, and no further event is begun.
    """

    def __init__(
        self,
        classifier: Classifier,
        bus: WorkerBus,
        deliveries: Deliveries,
        *,
        clock: Clock,
        fail: Callable[[BaseException], None],
    ) -> None:
        self._classifier = classifier
        self._bus = bus
        self._deliveries = deliveries
        self._clock = clock
        self._fail = fail
        self.stopping = False

    async def run(self, stream: Any) -> None:  # noqa: ANN401 - a Faust stream
        """Handle events as they come, until stopped or failed.

        What fails is told to `fail`, not raised: Faust would start the agent again and go on
        with the next event.
        """
        stream = stream.noack()
        async for event in stream.events():
            if self.stopping:
                continue
            try:
                await self._deliveries.room()
                self._handle(event)
                self._handle_waiting(stream)
            except Exception as error:  # noqa: BLE001 - the worker stops with it
                self.stopping = True
                self._fail(error)

    def _handle_waiting(self, stream: Any) -> None:  # noqa: ANN401 - a Faust stream
        """Handle some of what waits already.

        Faust's way to the next event costs about as much as handling one. What it looks at there
        is looked at here, too: events fetched before a rebalance are not ours to handle.
        """
        app, queue = stream.app, stream.channel.queue
        for _ in range(MOST_AT_ONCE):
            if queue.empty() or self._deliveries.full or not app.flow_control.is_active():
                return
            event = queue.get_nowait()
            if event.message.generation_id == app.consumer_generation_id:
                stream._set_current_event(event)  # noqa: SLF001 - tables find their partition by it
                self._handle(event)

    def _handle(self, event: Any) -> None:  # noqa: ANN401 - a Faust event
        message = event.message
        partition = (message.topic, message.partition)
        if not self._deliveries.expects(partition, message.offset):
            return
        self._deliveries.begin(partition, message.offset, event)
        raw = message.value or b""
        try:
            trace = check_headers(EVENTS, message.headers or (), raw)
            try:
                key = (message.key or b"").decode()
            except UnicodeDecodeError as error:
                raise DecodeError(f"the key is not UTF-8: {error}", raw) from error
            self._classifier.on_event(EVENTS.decode(raw), key, trace)
        except Rejected as error:
            self._bury(message, raw, error)
        self._deliveries.end()

    def _bury(self, message: Any, raw: bytes, reason: Rejected) -> None:  # noqa: ANN401
        letter = DeadLetter(
            topic=EVENTS.name,
            partition=message.partition,
            offset=message.offset,
            reason=str(reason),
            raw=raw,
            failed_ns=self._clock.now_ns(),
        )
        place = f"signals/{message.topic}/{message.partition}/{message.offset}"
        self._bus.publish(DEAD_LETTERS, letter, record_id=place, keys=(EVENTS.name,), trace=Trace())
