"""News wires under load: numbered items over websockets, sent again from where a reader was."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from tests.integration.news_servers import serving

NOTES = "{name} ({code}): notes of the week, part {number}"


class NewsWires:
    """Serves channels at `/<channel>`; a reader that names its last id gets what followed it.

    Items are numbered over all channels and go to them in turns.

    Args:
        channels: their names.
        coins: code to name; items are about them in turns.
        title: of an item, with places for `name`, `code` and `number`.
    """

    def __init__(self, channels: Sequence[str], coins: dict[str, str], title: str = NOTES) -> None:
        self.url = ""
        self._title = title
        self._coins = list(coins.items())
        self._sent: dict[str, list[tuple[str, str]]] = {channel: [] for channel in channels}
        self._more = asyncio.Event()

    @property
    def served(self) -> dict[str, list[str]]:
        """Give each channel's ids, oldest first."""
        return {channel: [id_ for id_, _ in sent] for channel, sent in self._sent.items()}

    def settings(self) -> list[dict[str, object]]:
        """Describe the wires to a crawler."""
        return [
            {
                "channel": channel,
                "url": f"{self.url}/{channel}",
                "fields": {"id": "id", "title": "title", "published": "time"},
                "resume_param": "after",
            }
            for channel in self._sent
        ]

    async def serve(self, rate: float) -> None:
        """Bring so many items a second until cancelled."""
        began, number, channels = time.monotonic(), 0, list(self._sent.values())
        while True:
            while number < (time.monotonic() - began) * rate:
                code, name = self._coins[number % len(self._coins)]
                item = {
                    "id": f"n{number}",
                    "title": self._title.format(name=name, code=code, number=number),
                    "time": time.time_ns() // 1_000_000,
                }
                sent = channels[number % len(channels)]
                sent.append((f"n{number}", json.dumps(item)))
                number += 1
            self._more.set()
            self._more = asyncio.Event()
            await asyncio.sleep(0.01)

    async def _handle(self, request: web.Request) -> web.WebSocketResponse:
        sent = self._sent[request.match_info["channel"]]
        after = request.query.get("after")
        begin = [id_ for id_, _ in sent].index(after) + 1 if after else 0
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sending = asyncio.create_task(self._send(socket, sent, begin))
        try:
            async for _ in socket:  # readers have nothing to say but their goodbye
                pass
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return socket

    async def _send(
        self, socket: web.WebSocketResponse, sent: list[tuple[str, str]], begin: int
    ) -> None:
        while True:
            more = self._more
            for number in range(begin, len(sent)):
                await socket.send_str(sent[number][1])
                begin = number + 1
            if begin == len(sent):
                await more.wait()


@asynccontextmanager
async def news_wires(
    channels: Sequence[str], coins: dict[str, str], title: str = NOTES
) -> AsyncIterator[NewsWires]:
    """Run wires on a free loopback port."""
    wires = NewsWires(channels, coins, title)
    app = web.Application()
    app.router.add_get("/{channel}", wires._handle)
    async with serving(app) as port:
        wires.url = f"ws://127.0.0.1:{port}"
        yield wires
