"""One client's view of one channel: where its items go, whether it answers, how fresh it is."""

from typing import Final

from core.contracts.clock import Clock
from core.contracts.event import Event
from core.runtime.health import CheckResult
from crawlers.intake import Intake
from crawlers.item import Item, Refusal
from crawlers.rhythm import Rhythm

_MILLI_NS: Final = 1_000_000


class Watch:
    """How a channel is doing; its source tells it, health and metrics read it.

    Args:
        intake: where the channel's items go.
        clock: for ages.
        rhythm: what silence is usual.
        answer_limit_ms: unhealthy when the server has not answered for so long.

    Attributes:
        intake: as given.
        connected: False while a stream's connection is down; polling sources leave it True.
        connects: how often the connection came up.
        answered_ns: when the server last answered, be it that there is nothing new; at the
            start, when watching began (UTC ns).
        problem: what was wrong the last time; None when all went well.
        note: what an operator should know although nothing is wrong, such as a quota's rest.
    """

    def __init__(
        self, intake: Intake, *, clock: Clock, rhythm: Rhythm, answer_limit_ms: int
    ) -> None:
        self.intake: Final = intake
        self.connected = True
        self.connects = 0
        self.answered_ns = self._new_ns = clock.now_ns()
        self.problem: str | None = None
        self.note: str | None = None
        self._clock = clock
        self._rhythm = rhythm
        self._answer_limit_ns = answer_limit_ms * _MILLI_NS
        self._retried_ns = 0

    @property
    def name(self) -> str:
        """The channel in health and metrics: `source:channel` or `source:channel#client`."""
        channel = self.intake.channel
        return f"{channel.source}:{channel.label}"

    def answered(self, at_ns: int) -> None:
        """Hear that the server answered well."""
        self.answered_ns = at_ns
        self.problem = None

    def failed(self, problem: str) -> None:
        """Hear what went wrong; it stays until the next good answer."""
        self.problem = problem

    def opened(self) -> None:
        """Hear that a stream's connection came up; that is no answer yet."""
        self.connected = True
        self.connects += 1
        self.problem = None

    def lost(self, problem: str) -> None:
        """Hear that a stream's connection went down."""
        self.connected = False
        self.problem = problem

    def accept(self, item: Item | Refusal, received_ns: int) -> str | None:
        """Take one item over, and give its event's id unless it was refused.

        Raises:
            Retryable: the bus is full. Nothing was taken or counted: offer the same item again
                before any later one.
            Fatal: the bus has stopped.
        """
        intake = self.intake
        return self.take(intake.normalise(item, received_ns) if isinstance(item, Item) else item)

    def take(self, event: Event | Refusal) -> str | None:
        """Take over what `intake.normalise` made of an item, perhaps in another thread.

        Raises:
            Retryable, Fatal: as `accept`.
        """
        counts = self.intake.counts
        before = counts.events + counts.beaten
        event_id = self.intake.take(event)
        if isinstance(event, Event):
            self._rhythm.heard(event.published_ns)
            if counts.events + counts.beaten != before:  # a client that comes second is at work
                self._new_ns = event.received_ns
        return event_id

    def silence_ns(self, now_ns: int) -> int:
        """How long the channel has said nothing new, since the start at most."""
        return max(0, now_ns - self._new_ns)

    def is_stale(self, now_ns: int) -> bool:
        """Whether the channel has been silent for longer than is usual with it."""
        limit_ns = self._rhythm.limit_ns()
        return limit_ns is not None and self.silence_ns(now_ns) > limit_ns

    def should_reconnect(self, now_ns: int) -> bool:
        """Whether to connect anew because of a silence: once for each time the limit passes."""
        limit_ns = self._rhythm.limit_ns()
        if limit_ns is None or not self.is_stale(now_ns):
            return False
        if now_ns - self._retried_ns <= limit_ns:
            return False
        self._retried_ns = now_ns
        return True

    def check(self) -> CheckResult:
        """Say how the channel is doing, for health reports."""
        now_ns = self._clock.now_ns()
        unanswered_ns = now_ns - self.answered_ns
        stale = self.is_stale(now_ns)
        said = []
        if not self.connected:
            said.append("not connected")
        if stale:
            said.append(f"stale: nothing new for {self.silence_ns(now_ns) // _MILLI_NS} ms")
        said.append(f"answered {unanswered_ns // _MILLI_NS} ms ago")
        said += [one for one in (self.problem, self.note) if one]
        return CheckResult(
            ok=self.connected and not stale and unanswered_ns <= self._answer_limit_ns,
            detail="; ".join(said),
        )
