"""Replaces what texts are read with while events flow: a new model, coins or rules, between two."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from core.contracts.errors import ConfigurationError
from core.runtime.health import CheckResult
from core.runtime.logs import get_logger
from signals.reader import Reader
from signals.shadow import Shadow
from signals.tables import Tables

LOOK_S: Final = 1.0
"""How often the files are looked at."""

RETRY_LOOKS: Final = 30
"""After so many looks what was refused is tried again: somebody may have put the file back."""

_log: Final = get_logger(__name__)


class Source(Protocol):
    """Where tables come from: `signals.tables.TableFiles`. Called off the event loop."""

    def changed(self) -> bool:
        """Whether there are others than when `load` was last called."""
        ...

    def load(self) -> Tables:
        """Build what is there now.

        Raises:
            ConfigurationError: it can't or must not be used; the message says why.
        """
        ...


class Reloading:
    """Keeps one reader, and the shadow beside it, up to date with their files.

    Everything is built in a thread and put in place on the event loop, in one step that no event
    can come between: an event is keyed and decided about by the same tables, on the fast lane as
    a whole, on the distributed lane at each of its two stages (see docs/adr/0013).

    Attributes:
        reader: the one that is in use, the same object for as long as the process lives.
        reloads: how often new tables were taken.
        refused: how often they were refused.
    """

    def __init__(
        self,
        source: Source,
        *,
        shadow: Shadow | None = None,
        tell: Callable[[str, str], None] = lambda _text, _subject: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Build the first tables. Blocks: call it before events flow.

        Args:
            source: of the tables.
            shadow: is given the model on trial.
            tell: tells the operator a text about a subject.
            sleep: waits seconds.

        Raises:
            ConfigurationError: there is nothing to begin with.
        """
        self._source, self._shadow = source, shadow
        self._tell, self._sleep = tell, sleep
        self._refusal: str | None = None
        self._since_refusal = 0
        self.reloads = self.refused = 0
        self._tables = source.load()
        self.reader: Final[Reader] = self._tables.reader
        self._use_shadow()

    @property
    def version(self) -> str:
        """The model in use."""
        return self._tables.version

    async def run(self) -> None:
        """Look at the files every second, and take what is new, until cancelled."""
        while True:
            await self._sleep(LOOK_S)
            if await asyncio.to_thread(self._is_due):
                await self.reload()

    async def reload(self) -> None:
        """Build new tables and take them; where they are refused, those in use go on."""
        try:
            tables = await asyncio.to_thread(self._source.load)
        except ConfigurationError as error:
            self._refuse(str(error))
            return
        self._take(tables)

    def drift(self) -> dict[str, float]:
        """Give the drift of the input by model version; empty while it can't be told."""
        index = self._tables.drift.index()
        return {} if index is None else {self.version: index}

    def check(self) -> CheckResult:
        """Say which model is in use; not ok while a newer one is refused."""
        beside = f", {self._tables.shadow_version} on trial" if self._tables.shadow_version else ""
        detail = f"model {self.version}{beside}"
        if self._refusal is not None:
            return CheckResult(ok=False, detail=f"{detail}; refused: {self._refusal}")
        return CheckResult(ok=True, detail=detail)

    def _is_due(self) -> bool:
        if self._refusal is not None:
            self._since_refusal += 1
            if self._since_refusal >= RETRY_LOOKS:
                self._since_refusal = 0
                return True
        return self._source.changed()

    def _take(self, tables: Tables) -> None:
        before = self._tables.version
        self.reader.take_over(tables.reader)
        self._tables = tables
        self._use_shadow()
        self._refusal = None
        self.reloads += 1
        if not gc.isenabled():
            gc.freeze()  # as the tables of the start are: nothing for the collector to walk through
        _log.info(
            "tables_replaced", model=tables.version, before=before, shadow=tables.shadow_version
        )

    def _use_shadow(self) -> None:
        if self._shadow is not None:
            self._shadow.use(self._tables.shadow, self._tables.shadow_version)

    def _refuse(self, why: str) -> None:
        self._since_refusal = 0
        if why == self._refusal:
            return
        self._refusal = why
        self.refused += 1
        _log.error("tables_refused", in_use=self.version, reason=why)
        self._tell(f"new tables are refused, model {self.version} stays in use: {why}", "model")
