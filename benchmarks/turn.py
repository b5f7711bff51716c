"""One turn of a benchmark: something is sent, and the one answer is waited for."""

import asyncio
from typing import Final

TIMEOUT_S: Final = 30.0


class Turn:
    """Waits for the one arrival that a turn ends with; begin it before sending."""

    def __init__(self) -> None:
        self._arrival: asyncio.Future[int] | None = None

    def begin(self) -> None:
        """Expect the next arrival."""
        self._arrival = asyncio.get_running_loop().create_future()

    def arrived(self, received_ns: int) -> None:
        """Hear of an arrival (UTC ns)."""
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(received_ns)

    async def wait(self) -> int:
        """Give the time of arrival, UTC ns.

        Raises:
            TimeoutError: nothing came within half a minute.
        """
        if self._arrival is None:
            raise RuntimeError("the turn was not begun")
        async with asyncio.timeout(TIMEOUT_S):
            return await self._arrival
