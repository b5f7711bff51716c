"""What waits in a spool: how much of it was given on, how much is confirmed, and its state."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from core.contracts.clock import Clock
from core.contracts.errors import DecodeError, Fatal, Retryable
from core.runtime.bus.port import AnyTopic
from core.runtime.bus.spool_lines import Head, Spooled, read_head, read_spooled
from core.runtime.bus.spool_log import SpoolLog
from core.runtime.logs import get_logger

READ_BYTES: Final = 128 * 1024
ROOMY: Final = 0.9  # a full spool counts as full until it is down to this

_log: Final = get_logger(__name__)

H = TypeVar("H", bound=Head)


class SpoolState(StrEnum):
    """What becomes of a record that is published now."""

    DIRECT = "direct"  # on disk, and with the broker a moment later
    SPOOLING = "spooling"  # on disk, until the broker is back and all before it is sent
    FULL = "full"  # refused


class Mark(NamedTuple):
    """A place in the queue: the position in the log, and how many records stand before it."""

    position: int
    records: int


class SpoolQueue:
    """The records that are on disk and not confirmed, in order.

    Records are counted from the oldest that was there at the opening. `sent` is where the next
    record to be given to the inner bus stands; while the queue `is_direct` that is always its end.

    Args:
        directory: of the log.
        topics: by name; a record of another topic can't be read.
        clock: tells when the state changed.
        max_bytes: so much may wait.
        segment_bytes: size of the log's files.

    Attributes:
        is_direct: whether the inner bus has been given all there is.
        trouble: why the inner bus takes or confirms nothing now; None when it does.
        state: see `SpoolState`; a change is logged.
        since_ns: when it became so, UTC ns.

    Raises:
        ConfigurationError, Fatal: as `SpoolLog`.
    """

    def __init__(
        self,
        directory: Path,
        topics: Mapping[str, AnyTopic],
        *,
        clock: Clock,
        max_bytes: int,
        segment_bytes: int,
    ) -> None:
        self.is_direct = False
        self.trouble: str | None = "not connected yet"
        self.state = SpoolState.DIRECT
        self.since_ns = clock.now_ns()
        self._reason = ""
        self._directory = directory
        self._topics = topics
        self._clock = clock
        self._max_bytes = max_bytes
        self._log = SpoolLog(directory, segment_bytes=segment_bytes)
        self._published = self._confirmed = 0
        self._sent = Mark(self._log.begin, 0)

    @property
    def waiting(self) -> int:
        """How many records are not confirmed."""
        return self._published - self._confirmed

    @property
    def waiting_bytes(self) -> int:
        """How many bytes they take."""
        return self._log.end - self._log.begin

    @property
    def sent(self) -> Mark:
        """Up to where the inner bus has been given records."""
        return Mark(self._log.end, self._published) if self.is_direct else self._sent

    @property
    def unconfirmed(self) -> int:
        """How many records the inner bus was given and has not confirmed."""
        return self.sent.records - self._confirmed

    @property
    def published(self) -> int:
        """How many records have been appended, those from before the opening included."""
        return self._published

    def is_confirmed(self, count: int) -> bool:
        """Tell whether the oldest `count` records are confirmed."""
        return self._confirmed >= count

    def describe(self) -> str:
        """Tell people how much waits where, since when and why."""
        since = datetime.fromtimestamp(self.since_ns // 1_000_000_000, UTC).isoformat()
        return (
            f"{self.state} since {since}, {self.waiting} records ({self.waiting_bytes} bytes) "
            f"wait in {self._directory}{self._reason and ': '}{self._reason}"
        )

    async def look_through(self, topic: AnyTopic) -> set[str]:
        """Count what was there at the opening, and give the ids of a topic's records.

        Raises:
            Fatal: there is something that can't be read.
        """
        ids: set[str] = set()
        position = self._log.begin
        while (found := await self._log.read(position, READ_BYTES))[0]:
            lines, position = found
            for line in lines:
                head = self._parse(read_head, line, position)
                if head.t == topic.name:
                    ids.add(head.i)
                position += len(line) + 1
            self._published += len(lines)
        return ids

    def append(self, line: bytes) -> Mark:
        """Put a record's line on disk and give its place.

        Raises:
            Retryable: the spool or the disk is full; nothing was kept.
            Fatal: the disk failed.
        """
        try:
            self._check_room(len(line))
            mark = Mark(self._log.append(line), self._published)
        except Retryable as error:
            self._turn(SpoolState.FULL, str(error))
            raise
        self._published += 1
        if self.state is SpoolState.FULL:
            self.settle()
        return mark

    def undo(self, mark: Mark) -> None:
        """Take back the record at a place, unless others have followed it.

        Raises:
            Fatal: the disk failed.
        """
        if mark.records == self._published - 1:
            self._log.undo(mark.position)
            self._published -= 1

    def go_back(self, mark: Mark, reason: str) -> None:
        """Hear that the inner bus took nothing from a place on."""
        self.is_direct = False
        self._sent = mark
        self.stuck(reason)

    async def next(self) -> list[tuple[Spooled, Mark]]:
        """Read some of what the inner bus has not been given, each with the place after it.

        Raises:
            Fatal: it can't be read.
        """
        if self._sent.records == self._published:
            return []
        (position, count), found = self._sent, []
        lines, position = await self._log.read(position, READ_BYTES)
        for line in lines:
            spooled = self._parse(read_spooled, line, position)
            position, count = position + len(line) + 1, count + 1
            found.append((spooled, Mark(position, count)))
        return found

    def gave(self, mark: Mark) -> None:
        """Hear that the inner bus has been given everything up to a place, in turn."""
        self._sent = mark

    def confirm(self, mark: Mark) -> None:
        """Forget everything up to a place.

        Raises:
            Fatal: it can't be noted on disk.
        """
        if mark.records > self._confirmed:
            self._confirmed = mark.records
            self._log.forget(mark.position)

    async def free(self) -> None:
        """Delete the files that hold nothing any more.

        Raises:
            Fatal: a file can't be deleted.
        """
        await self._log.delete_old()

    def close(self) -> None:
        """Release the files."""
        self._log.close()

    def stuck(self, reason: str) -> None:
        """Hear that the inner bus takes or confirms nothing now."""
        self.trouble = reason
        if self.state is not SpoolState.FULL:
            self._turn(SpoolState.SPOOLING, reason)

    def settle(self) -> None:
        """Find the state anew, now that something went well."""
        if self.state is SpoolState.FULL and self.waiting_bytes > ROOMY * self._max_bytes:
            return
        if self.is_direct and self.trouble is None:
            self._turn(SpoolState.DIRECT, "")
        else:
            self._turn(SpoolState.SPOOLING, self.trouble or "what was kept is being sent")

    def _check_room(self, size: int) -> None:
        if self.waiting_bytes + size > self._max_bytes:
            raise Retryable(
                f"{self.waiting} records ({self.waiting_bytes} bytes) wait in {self._directory} "
                f"for the broker, the bound is {self._max_bytes} bytes: bring the broker back, or "
                "raise kafka.spool_mb"
            )

    def _turn(self, state: SpoolState, reason: str) -> None:
        self._reason = reason
        if state is self.state:
            return
        self.state, self.since_ns = state, self._clock.now_ns()
        say = _log.info if state is SpoolState.DIRECT else _log.warning
        say("spool_state", state=state.value, waiting=self.waiting, reason=reason)

    def _parse(self, read: Callable[[bytes], H], line: bytes, position: int) -> H:
        """Read a line that stands at a position."""
        try:
            head = read(line)
        except DecodeError as error:
            raise Fatal(
                f"the spool in {self._directory} is corrupt at position {position}: {error}: "
                "move the directory away and start again"
            ) from error
        if head.t not in self._topics:
            raise Fatal(
                f"the spool in {self._directory} holds a record of {head.t}, which this version "
                "does not know: start the version that wrote it until all is sent, or move the "
                "directory away"
            )
        return head
