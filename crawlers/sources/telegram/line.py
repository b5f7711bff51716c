"""One connection to Telegram: opens it, asks over it, and says in our words what went wrong."""

import asyncio
import binascii
import logging
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from telethon import TelegramClient, errors, events, functions
from telethon.sessions import (
    MemorySession,
    SQLiteSession,
    StringSession,
)

from core.contracts.errors import ConfigurationError, Rejected, Retryable
from crawlers.http import USER_AGENT
from crawlers.sources.telegram.settings import LOGIN_STEPS, TelegramSettings

_SECOND_NS: Final = 1_000_000_000
_REQUESTS_AT_ONCE: Final = 4
_LISTING_TIMEOUTS: Final = 6  # listing an account's channels takes several requests
_SUFFIX: Final = ".session"  # telethon's

_log: Final = logging.getLogger("telethon")


class LineBrokenError(Retryable):
    """The connection is gone or does not answer: open another one."""


class SessionLostError(Rejected):
    """Telegram does not take the session any more; only logging in anew helps."""


def load_session(settings: TelegramSettings) -> MemorySession:
    """Read the account's key and data centre; the session file itself is never written.

    So live and backfill may share one file, and where a channel was read to is told by our cursor
    alone. Blocks for a millisecond or so.

    Raises:
        ConfigurationError: there is no session, or it can't be read.
    """
    session = MemorySession()
    stored = _stored(settings)
    if not stored.auth_key:
        raise ConfigurationError(f"the telegram session holds no login: {LOGIN_STEPS}")
    session.set_dc(stored.dc_id, stored.server_address, stored.port)
    session.auth_key = stored.auth_key
    if settings.connect_to is not None:
        host, _, port = settings.connect_to.rpartition(":")
        session.set_dc(stored.dc_id, host, int(port))
    return session


def _stored(settings: TelegramSettings) -> Any:  # noqa: ANN401 - one of telethon's sessions
    if settings.session_string is not None:
        try:
            return StringSession(settings.session_string.get_secret_value())
        except (ValueError, struct.error, binascii.Error):
            pass  # the error would hold the key
        raise ConfigurationError(
            f"crawl.telegram.session_string is no StringSession of telethon: {LOGIN_STEPS}"
        )
    path = Path(settings.session or "").expanduser()
    if path.suffix != _SUFFIX:
        path = path.with_name(path.name + _SUFFIX)
    if not path.is_file():
        raise ConfigurationError(f"there is no telegram session at {path}: {LOGIN_STEPS}")
    try:
        stored = SQLiteSession(str(path))
        stored.close()
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"{path} is no session of telethon ({error}): {LOGIN_STEPS}"
        ) from error
    return stored


class Line:
    """One connection; open it once, and make another when it is gone.

    Args:
        settings: the account.
        on_update: hears, in order, of every update that Telegram sends; what it raises ends up in
            telethon's log only. None asks Telegram to send none.

    Attributes:
        slots: to be held while asking for more than one thing, so that Telegram is not flooded.
    """

    def __init__(
        self, settings: TelegramSettings, on_update: Callable[[Any], None] | None = None
    ) -> None:
        self.slots: Final = asyncio.Semaphore(_REQUESTS_AT_ONCE)
        self._timeout_s = settings.timeout_ms / 1000
        self._on_update = on_update
        self._listed: dict[int, Any] | None = None
        self._listing = asyncio.Lock()
        api_hash = settings.api_hash.get_secret_value() if settings.api_hash else ""
        self._client = TelegramClient(
            load_session(settings),
            settings.api_id,
            api_hash,
            timeout=self._timeout_s,
            # Failing is reported at once: who asked knows how long to wait, and who to tell.
            auto_reconnect=False,
            connection_retries=0,
            retry_delay=0,
            request_retries=0,
            raise_last_call_error=True,
            flood_sleep_threshold=0,
            sequential_updates=True,
            receive_updates=on_update is not None,
            device_model="server",
            app_version=USER_AGENT,
            base_logger=_log,
        )

    async def open(self) -> None:
        """Connect and make sure that the session is taken.

        Raises:
            Retryable: not now; with how long to wait where Telegram says so.
            SessionLostError: the account must log in again.
        """
        if self._on_update is not None:
            self._client.add_event_handler(self._hear, events.Raw())
        with _failures():
            async with asyncio.timeout(self._timeout_s):
                await self._client.connect()
        await self.ask(functions.updates.GetStateRequest())

    async def _hear(self, update: Any) -> None:  # noqa: ANN401 - any of telethon's updates
        if self._on_update is not None:
            self._on_update(update)

    async def ask(self, request: Any) -> Any:  # noqa: ANN401 - telethon's requests and answers
        """Send one request and give its answer.

        Raises:
            LineBrokenError: the connection is gone, or no answer came in time.
            Retryable: a limit (with how long to wait), or Telegram has trouble.
            SessionLostError: the account must log in again.
            Rejected: Telegram refuses; the message has its word for why.
        """
        with _failures():
            async with asyncio.timeout(self._timeout_s):
                return await self._client(request)

    async def joined(self) -> dict[int, Any]:
        """List the channels and groups that the account is in, by marked id; asks only once.

        Raises:
            Retryable, Rejected: as `ask`.
        """
        async with self._listing:
            if self._listed is None:
                listed: dict[int, Any] = {}
                with _failures():
                    async with asyncio.timeout(self._timeout_s * _LISTING_TIMEOUTS):
                        async for dialog in self._client.iter_dialogs():
                            listed[dialog.id] = dialog.input_entity
                self._listed = listed
            return self._listed

    async def ended(self) -> None:
        """Wait for the connection's end.

        Raises:
            LineBrokenError: always, but for
            SessionLostError: the account must log in again.
        """
        with _failures():
            await self._client.run_until_disconnected()
        raise LineBrokenError("the connection to Telegram was closed")

    async def close(self) -> None:
        """Disconnect; harmless when there is no connection."""
        await self._client.disconnect()


@contextmanager
def _failures() -> Iterator[None]:
    """Turn telethon's errors into ours."""
    try:
        yield
    except errors.FloodError as error:
        seconds = max(1, int(getattr(error, "seconds", 0) or 0))
        raise Retryable(
            f"Telegram asks to wait {seconds} s ({type(error).__name__})",
            retry_after_ns=seconds * _SECOND_NS,
        ) from error
    except (errors.UnauthorizedError, errors.AuthKeyError, errors.AuthKeyNotFound) as error:
        raise SessionLostError(_lost(error)) from error
    except (errors.ServerError, errors.TimedOutError, errors.RpcCallFailError) as error:
        raise Retryable(f"Telegram has trouble: {error}") from error
    except errors.RPCError as error:
        raise Rejected(f"Telegram refuses: {error}") from error
    except (errors.TypeNotFoundError, errors.BadMessageError, errors.SecurityError) as error:
        raise Retryable(f"Telegram's answer can't be read: {type(error).__name__}") from error
    except (OSError, EOFError, TimeoutError, BufferError) as error:
        what = str(error) or "no answer in time"
        raise LineBrokenError(f"the connection to Telegram broke: {what}") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # telethon cancels what was asked when it hangs up
        raise LineBrokenError("the connection to Telegram was closed") from error


def _lost(error: Exception) -> str:
    """Say what became of the session and what to do."""
    if isinstance(error, errors.AuthKeyDuplicatedError):
        return (
            "Telegram has ended the session, since it was used from two addresses at once: log in "
            f"anew, one session for each place ({LOGIN_STEPS})"
        )
    return f"Telegram does not know the session any more ({type(error).__name__}): {LOGIN_STEPS}"
