"""Structured logs: one JSON object a line, bounded on disk, without secrets, never in the way."""

import atexit
import logging
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, cast

from core.contracts.errors import ConfigurationError
from core.runtime.log_sinks import (
    FIELDS,
    BoundedFile,
    Dispatcher,
    Sink,
    Terminal,
    failed_writes,
)
from core.runtime.redaction import redact, register_secret

__all__ = [
    "Logger",
    "configure",
    "failed_writes",
    "flush",
    "get_logger",
    "register_secret",
    "shutdown",
]

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MAX_LINE: Final = 32_768  # characters; a longer line keeps its beginning and its traceback's end
_KEPT: Final = 8_192

_dispatcher: Dispatcher | None = None


class Logger:
    """A named logger whose messages are an event in words and fields beside it.

    It stands on the standard library's logging, so that what libraries log takes the same way.
    """

    __slots__ = ("_fields", "_logger")

    def __init__(self, logger: logging.Logger, fields: Mapping[str, object]) -> None:
        self._logger = logger
        self._fields = fields

    def bind(self, **fields: object) -> "Logger":
        """Make a logger that adds these fields to each message."""
        return Logger(self._logger, {**self._fields, **fields})

    def debug(self, event: str, **fields: object) -> None:
        """Log what only a developer wants to know."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Log what happened as it should."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Log what the operator should look at when there is time."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Log what failed; `exc_info=error` adds the traceback."""
        self._log(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """Log what failed, with the traceback of the exception being handled."""
        self._log(logging.ERROR, event, {"exc_info": True, **fields})

    def critical(self, event: str, **fields: object) -> None:
        """Log what needs the operator now."""
        self._log(logging.CRITICAL, event, fields)

    def _log(self, level: int, event: str, fields: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            exc_info: Any = fields.pop("exc_info", None)
            self._logger.log(
                level, event, exc_info=exc_info, extra={FIELDS: {**self._fields, **fields}}
            )


def get_logger(name: str) -> Logger:
    """Give the logger of a module; until `configure`, warnings and errors go to stderr."""
    return Logger(logging.getLogger(name), {})


def configure(
    level: str,
    *,
    service: str,
    format: Literal["console", "json"] = "console",  # noqa: A002 - the setting's name
    file: Path | None = None,
    max_bytes: int = 10_000_000,
    backups: int = 5,
) -> None:
    """Send every log message of the process to stderr and, as JSON, to a file.

    Writing happens on threads of its own: a slow disk or a stuck terminal delays nobody. What
    can't be written (disk full, buffer full) is counted by `failed_writes`. Calling it again
    replaces the earlier configuration.

    Args:
        level: one of `LEVELS`; messages below it are dropped.
        service: stands on every line.
        format: how stderr is written.
        file: rotated, so that it and its backups never hold more than
            `(backups + 1) * max_bytes` bytes.
        max_bytes: of one file; at least `MAX_LINE` characters in UTF-8.
        backups: how many rotated files to keep, at least 1.

    Raises:
        ConfigurationError: the level is unknown, the bounds bound nothing, or the file can't be
            opened.
    """
    global _dispatcher  # noqa: PLW0603 - a process has one log
    if level.upper() not in LEVELS:
        raise ConfigurationError(f"no log level {level!r}: use one of {', '.join(LEVELS)}")
    if max_bytes < 4 * MAX_LINE or backups < 1:
        raise ConfigurationError(
            f"logs need max_bytes >= {4 * MAX_LINE} and backups >= 1 to stay bounded, "
            f"not {max_bytes} and {backups}"
        )
    handlers: list[tuple[BoundedFile | Terminal, str]] = [(Terminal(sys.stderr), format)]
    if file is not None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handlers.append((BoundedFile(file, max_bytes, backups), "json"))
        except OSError as error:
            raise ConfigurationError(f"can't write logs to {file}: {error.strerror}") from error
    shutdown()
    _dispatcher = Dispatcher(
        [Sink(handler, _formatter(service, style)) for handler, style in handlers]
    )
    root = logging.getLogger()
    root.addHandler(_dispatcher)
    root.setLevel(level.upper())


def flush(limit_ms: int = 2_000) -> bool:
    """Wait until what was logged so far is written; False when the time was not enough."""
    return _dispatcher is None or _dispatcher.drain(limit_ms)


def shutdown() -> None:
    """Write what is waiting and undo `configure`."""
    global _dispatcher
    if _dispatcher is not None:
        dispatcher, _dispatcher = _dispatcher, None
        logging.getLogger().removeHandler(dispatcher)
        dispatcher.close()


atexit.register(flush)


def _formatter(service: str, style: str) -> logging.Formatter:
    """Make the renderer of one sink; imports structlog, which takes a quarter of a second."""
    import structlog  # noqa: PLC0415 - not paid by whoever only asks for a logger

    render: Any
    if style == "json":
        render = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        render = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )

    def fields(_logger: object, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
        record: logging.LogRecord = event.pop("_record")
        del event["_from_structlog"]
        written = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
        line = {
            "timestamp": written,
            "level": record.levelname.lower(),
            "service": service,
            "logger": record.name,
            **event,
        }
        return line | {k: v for k, v in getattr(record, FIELDS, {}).items() if k not in line}

    def redacted(_logger: object, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
        return cast("dict[str, Any]", redact(dict(event)))

    def rendered(logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        line = str(render(logger, method, dict(event)))
        if len(line) <= MAX_LINE:
            return line
        short = {key: event[key] for key in ("timestamp", "level", "service", "logger")}
        short["event"] = event["event"][:_KEPT]
        if "exception" in event:
            short["exception"] = event["exception"][-_KEPT:]
        return str(render(logger, method, {**short, "cut_from_characters": len(line)}))

    return structlog.stdlib.ProcessorFormatter(
        processors=[fields, structlog.processors.format_exc_info, redacted, rendered],
    )
