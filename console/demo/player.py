"""Plays a tape in lock-step: a step is released, waited for until it is handled, then the next.

So that every run gives the same signals and the same orders, however busy the machine is.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Final

import aiohttp

from console.demo.books import levels
from console.demo.posts import Form
from console.demo.sockets import Endpoints
from console.demo.tape import BookMove, Item, Tape
from console.lanes.fast import FastLane
from core.contracts.errors import Fatal
from core.contracts.money import Amount
from crawlers.intake import Counts

STEP_LIMIT_S: Final = 10.0
SETTLE_LIMIT_S: Final = 0.5  # an order that moved no balance is followed by no balance message
POLL_S: Final = 0.002


class Player:
    """Drives one tape through a running fast lane.

    Attributes:
        mids: every symbol's mid price as it stands now.
        refusals: why a crawler refused a step's post.

    Args:
        tape: what happens.
        lane: the lane, started, its sources the news servers and its venue the exchange.
        news: the news servers.
        exchange_url: the simulated exchange's control address.
        session: for the control requests.
    """

    def __init__(
        self,
        tape: Tape,
        *,
        lane: FastLane,
        news: Endpoints,
        exchange_url: str,
        session: aiohttp.ClientSession,
    ) -> None:
        self._tape = tape
        self._lane = lane
        self._news = news
        self._exchange_url = exchange_url
        self._session = session
        self._specs = {spec.symbol: spec for spec in tape.symbols}
        self._forms = {outlet.slug: outlet.form for outlet in tape.outlets}
        self.mids = {spec.symbol: spec.mid for spec in tape.symbols}
        self.refusals: dict[int, str] = {}
        self._refused_again: defaultdict[str, Counter[str]] = defaultdict(Counter)

    async def play(self, on_step: Callable[[int, "Player"], None]) -> None:
        """Play every step, then close what is still open at the last prices.

        Raises:
            Fatal: a step was not handled in time, which names it.
        """
        feeds = [c for name, c in self._lane.crawl.counts().items() if name.startswith("rss:")]
        await self._until(lambda: all(c.documents for c in feeds), "every feed's first page", 0)
        for symbol in self._specs:
            await self._move(BookMove(symbol, self.mids[symbol]), 0)
        for step in self._tape.steps:
            if step.item is not None:
                await self._publish(step.item, step.step)
            if step.book is not None:
                await self._move(step.book, step.step)
            on_step(step.step, self)
        await self._close_all(self._tape.steps[-1].step + 1)

    async def _publish(self, item: Item, step: int) -> None:
        """Release one post and wait until its channel has read it and its orders are done."""
        counts, is_feed = self._counts(item), self._forms[item.outlet] is not Form.WIRE
        before, refused = _read(counts, is_feed=is_feed), Counter(counts.refusals)
        await self._post(f"{self._news.control_url}/release", {"step": step})
        await self._until(
            lambda: _read(counts, is_feed=is_feed) != before, f"{item.outlet}'s {item.id}", step
        )
        found = counts.refusals - refused
        for reason in found - self._refused_again[item.outlet]:
            self.refusals[step] = reason
        if is_feed:  # it goes on listing what was refused
            self._refused_again[item.outlet] = found
        await self._quiet(step)

    def _counts(self, item: Item) -> Counts:
        """Give what the outlet's channel has made of what it read so far; it goes on counting."""
        source = "newswire" if self._forms[item.outlet] is Form.WIRE else "rss"
        return self._lane.crawl.counts()[f"{source}:{item.outlet}"]

    async def _move(self, move: BookMove, step: int) -> None:
        """Set a book and wait until the trader has seen it and its orders are done."""
        self.mids[move.symbol] = move.mid
        bids, asks = levels(self._specs[move.symbol], move.mid, step)
        body = {"symbol": move.symbol, "bids": _plain(bids), "asks": _plain(asks)}
        seen = self._lane.trading.trader.books.depths
        before = seen.get(move.symbol)
        await self._post(f"{self._exchange_url}/book", body)
        await self._until(
            lambda: seen.get(move.symbol) is not before, f"the book of {move.symbol}", step
        )
        await self._quiet(step)

    async def _close_all(self, step: int) -> None:
        closing = self._lane.trading.trader.closing
        closing.flatten()
        for attempt in range(5):
            await self._quiet(step)
            if not closing.open_count:
                return
            for symbol in sorted(closing.open_symbols):
                await self._move(BookMove(symbol, self.mids[symbol]), step + attempt)

    async def _quiet(self, step: int) -> None:
        """Wait until no order is in flight and the balances that followed have come."""
        trader = self._lane.trading.trader
        try:
            async with asyncio.timeout(STEP_LIMIT_S):
                await asyncio.sleep(0)
                await trader.quiet.wait()
        except TimeoutError:
            raise Fatal(f"step {step}: an order is still in flight") from None
        for _ in range(round(SETTLE_LIMIT_S / POLL_S)):
            if trader.portfolio.settled:
                return
            await asyncio.sleep(POLL_S)

    async def _until(self, happened: Callable[[], bool], what: str, step: int) -> None:
        try:
            async with asyncio.timeout(STEP_LIMIT_S):
                while not happened():  # noqa: ASYNC110 - counters have no event to wait for
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise Fatal(f"step {step}: {what} was not seen in {STEP_LIMIT_S:.0f} s") from None

    async def _post(self, url: str, body: object) -> None:
        async with self._session.post(url, json=body) as answer:
            if answer.status != 200:  # noqa: PLR2004 - HTTP's OK
                raise Fatal(f"{url} refused {body}: {await answer.text()}")


def _read(counts: Counts, *, is_feed: bool) -> int:
    """Say how much was read; a feed lists what came before too, so only its whole counts."""
    return counts.documents if is_feed else counts.items


def _plain(side: tuple[tuple[Amount, Amount], ...]) -> list[tuple[str, str]]:
    return [(str(price), str(quantity)) for price, quantity in side]
