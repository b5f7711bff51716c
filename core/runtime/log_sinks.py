"""Where log lines go: writer threads, files that rotate, and a brake on floods."""

import contextlib
import logging
import logging.handlers
import queue
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Final, TextIO

WAITING_LINES: Final = 10_000  # a full buffer drops lines rather than wait
BURST: Final = 5
WINDOW_NS: Final = 10_000_000_000
REMEMBERED: Final = 1_000  # different messages whose repeats are counted
FIELDS: Final = "tidings_fields"  # a log record's attribute: what stands beside the event

Message = tuple[str, str, str]  # level and logger, text, fields: equal ones are repeats

_failed = 0


def failed_writes() -> int:
    """Tell how many log lines of this process could not be written."""
    return _failed


def _count_failure() -> None:
    global _failed  # noqa: PLW0603 - one count for the process
    _failed += 1


class RepeatBrake:
    """Lets the first `burst` equal messages of a time window pass and counts the rest."""

    def __init__(
        self, burst: int = BURST, window_ns: int = WINDOW_NS, remembered: int = REMEMBERED
    ) -> None:
        self._burst = burst
        self._window_ns = window_ns
        self._remembered = remembered
        self._windows: dict[Message, list[int]] = {}  # [start ns, how often seen]

    def admit(self, message: Message, now_ns: int) -> bool:
        """Say whether to log this message, seen at `now_ns`."""
        window = self._windows.get(message)
        if window is None:
            self._windows[message] = [now_ns, 1]
            return True
        window[1] += 1
        return window[1] <= self._burst

    def take_finished(self, now_ns: int | None) -> list[tuple[Message, int]]:
        """Close the windows that are over (None: all); give each message held back, how often.

        Also closes the oldest windows when more messages are remembered than should be.
        """
        finished = []
        excess = len(self._windows) - self._remembered
        for message, (start_ns, seen) in list(self._windows.items()):
            over = now_ns is None or not start_ns <= now_ns < start_ns + self._window_ns
            if not over and excess <= 0:
                break  # windows stand in the order of their start
            excess -= 1
            del self._windows[message]
            if seen > self._burst:
                finished.append((message, seen - self._burst))
        return finished


class BoundedFile(logging.handlers.RotatingFileHandler):
    """A rotating file that counts failed writes, and begins a new line after a torn one."""

    def __init__(self, path: Path, max_bytes: int, backups: int) -> None:
        super().__init__(path, maxBytes=max_bytes, backupCount=backups, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        path = Path(self.baseFilename)
        if path.is_file() and path.stat().st_size:
            with path.open("rb") as file:
                file.seek(-1, 2)
                if file.read(1) != b"\n":
                    stream.write("\n")
        return stream

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - logging's name
        """Count bytes where the library counts characters, so that the bound holds."""
        if self.stream is None:
            self.stream = self._open()
        if not Path(self.baseFilename).is_file():
            return False
        self.stream.seek(0, 2)
        line = len(self.format(record).encode("utf-8", "replace")) + 1
        return self.stream.tell() + line > self.maxBytes

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's
        """Drop the line, and the stream with whatever it still holds back."""
        _count_failure()
        stream, self.stream = self.stream, None  # opened again at the next line
        if stream is not None:
            # closing writes once more what just failed; the descriptor is closed all the same
            with contextlib.suppress(OSError):
                stream.close()


class Terminal(logging.StreamHandler[TextIO]):
    """A stream that somebody else opened (stderr), counting failed writes."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's
        """Drop the line."""
        _count_failure()


class Sink(logging.handlers.QueueHandler):
    """Formats a record where it was logged, so that it shows what was; a thread writes it."""

    def __init__(self, handler: BoundedFile | Terminal, formatter: logging.Formatter) -> None:
        self._waiting: queue.Queue[logging.LogRecord] = queue.Queue(WAITING_LINES)
        super().__init__(self._waiting)
        self.setFormatter(formatter)
        self._handler = handler
        self._writer = logging.handlers.QueueListener(self._waiting, handler)
        self._writer.start()
        self._open = True

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's
        """Count what could not be queued (buffer full) or put into words."""
        _count_failure()

    def drain(self, limit_ms: int) -> bool:
        """Wait until all lines are written; False when the time was not enough."""
        waiting = self._waiting
        with waiting.all_tasks_done:
            return waiting.all_tasks_done.wait_for(
                lambda: not waiting.unfinished_tasks, limit_ms / 1_000
            )

    def close(self) -> None:
        """Write what waits, then end the thread; a stuck one ends with the process.

        `logging` calls this once more when the process ends.
        """
        if self._open and self.drain(2_000):
            self._open = False
            self._writer.stop()
            self._handler.close()
        super().close()


class Dispatcher(logging.Handler):
    """The root logger's one handler: holds floods back, then gives each sink the record."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        super().__init__()
        self._sinks = sinks
        self._brake = RepeatBrake()

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on, unless the same was logged too often just now."""
        now_ns = int(record.created * 1e9)
        try:
            self._report(self._brake.take_finished(now_ns))
            fields = repr(getattr(record, FIELDS, None))
            kind = f"{record.levelname} {record.name}"
            if self._brake.admit((kind, record.getMessage(), fields), now_ns):
                self._pass_on(record)
        except Exception:  # noqa: BLE001 - a message that can't be put into words stops nobody
            _count_failure()

    def drain(self, limit_ms: int) -> bool:
        """Wait until every sink has written what it got; False when the time was not enough."""
        waited = [sink.drain(limit_ms) for sink in self._sinks]
        return all(waited)

    def close(self) -> None:
        """Tell what was held back, and close the sinks."""
        self._report(self._brake.take_finished(None))
        for sink in self._sinks:
            sink.close()
        super().close()

    def _pass_on(self, record: logging.LogRecord) -> None:
        for sink in self._sinks:
            sink.handle(record)

    def _report(self, held_back: list[tuple[Message, int]]) -> None:
        for (_, message, _), times in held_back:
            record = logging.makeLogRecord(
                {
                    "name": __name__,
                    "levelno": logging.WARNING,
                    "levelname": "WARNING",
                    "msg": "repeated messages were held back",
                    FIELDS: {"message": message, "times": times},
                }
            )
            self._pass_on(record)
