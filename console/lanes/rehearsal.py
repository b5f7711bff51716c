"""Keeps the way from event to order warm: rehearses it on an invented event while nothing happens.

A processor forgets code and data that it has not used for a millisecond or so, and the first event
after a pause, which is the one that matters, then takes three to five times as long. The rehearsal
runs the pure functions of the way, and those alone, on headlines about each coin in turn, so that
the tables stay at hand too. Nothing is published, journaled or sent.
"""

import asyncio
from collections.abc import Iterator
from itertools import cycle
from typing import Final

from core.contracts.clock import Clock
from core.contracts.codec import encode
from core.contracts.event import Event
from core.contracts.gate import GateState
from core.contracts.money import Amount
from core.contracts.orders import Approved, Intent
from core.contracts.signal import Signal
from crawlers.item import Item
from crawlers.normalise import Limits as TextLimits
from crawlers.normalise import normalise
from crawlers.sources.newswire.parse import make_parse
from crawlers.sources.newswire.settings import NewswireSettings
from signals.assets.universe import bundled_universe, names_of
from signals.pipeline import Context, Limits, decide
from signals.reader import Reader
from trader.desks.event import enter
from trader.risk.check import check
from trader.risk.portfolio import Portfolio
from trader.settings import TraderSettings
from trader.venues.port import Balance, Depth, Instrument

MESSAGE: Final = b'{"id":"rehearsal","title":%b,"body":"Trading opens on Monday.","time":%d}'
HEADLINES: Final = ("Kraken will list {name} ({code})", "{name} ({code}) partners with Microsoft")
LEVELS: Final = 10


class Rehearsal:
    """Invented events and all they need; `steps` takes the next one to an approved order.

    Args:
        reader: the lane's own, so that its tables are the ones kept warm.
        signal_limits: the lane's own.
        trader: the lane's own settings.
        clock: the time.
    """

    def __init__(
        self,
        *,
        reader: Reader,
        signal_limits: Limits,
        trader: TraderSettings,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._limits = signal_limits
        self._text_limits = TextLimits()
        self._trader = trader
        self._clock = clock
        self._parse = make_parse(
            NewswireSettings.model_validate(
                {
                    "channel": "rehearsal",
                    "url": "ws://127.0.0.1/rehearsal",
                    "fields": {"text": "body", "published": "time"},
                }
            )
        )
        self._instrument = Instrument(
            venue="rehearsal",
            symbol="XLMUSDT",
            asset="XLM",
            quote_asset="USDT",
            lot_size=Amount("0.1"),
            tick_size=Amount("0.0001"),
            min_quantity=Amount("0.1"),
            taker_fee=Amount("0.001"),
            maker_fee=Amount("0.001"),
            fee_asset="USDT",
        )
        self._portfolio = Portfolio()
        names = names_of(bundled_universe())
        self._titles = cycle(
            [
                encode(headline.format(name=name, code=code))
                for code, name in names.items()
                for headline in HEADLINES
            ]
        )
        self.orders = 0
        """How many rehearsals came to an order; nearly all do."""

    def steps(self) -> Iterator[None]:
        """Take the next invented event through every stage, with a stop after each.

        A real event waits for one stage at most.
        """
        now_ns = self._clock.now_ns()
        (item,) = self._parse(MESSAGE % (next(self._titles), now_ns // 1_000_000))
        if not isinstance(item, Item):
            return
        event = normalise(
            item,
            source="rehearsal",
            channel="rehearsal",
            received_ns=now_ns,
            limits=self._text_limits,
        )
        if not isinstance(event, Event):
            return
        yield
        key = self._reader.keys_for(event)[0]
        yield
        decision = decide(event, key, Context(now_ns, self._reader, (), self._limits))
        if not isinstance(decision.outcome, Signal):
            return
        yield
        depth = self._depth(now_ns)
        self._portfolio.set_balances("rehearsal", self._balances(now_ns), now_ns)
        intent = enter(
            decision.outcome,
            venue="rehearsal",
            instrument=self._instrument,
            depth=depth,
            portfolio=self._portfolio,
            settings=self._trader.sizing,
            now_ns=now_ns,
        )
        if not isinstance(intent, Intent):
            return
        approved = check(
            intent,
            self._portfolio,
            self._trader.limits,
            gate=GateState.ACTIVE,
            depth=depth,
            unresolved=False,
            now_ns=now_ns,
        )
        if isinstance(approved, Approved):
            encode(decision.outcome)
            encode(approved)
            self.orders += 1

    def _depth(self, now_ns: int) -> Depth:
        return Depth(
            venue="rehearsal",
            symbol="XLMUSDT",
            bids=_BIDS,
            asks=_ASKS,
            venue_ns=now_ns,
            received_ns=now_ns,
        )

    def _balances(self, now_ns: int) -> tuple[Balance, ...]:
        return (
            Balance(
                venue="rehearsal",
                currency="USDT",
                available=_PLENTY,
                reserved=Amount(0),
                received_ns=now_ns,
            ),
        )


_PLENTY: Final = Amount(1_000_000)
_BIDS: Final = tuple((Amount(f"0.{9999 - n}"), _PLENTY) for n in range(LEVELS))
_ASKS: Final = tuple((Amount(f"1.{n:04}"), _PLENTY) for n in range(LEVELS))


async def rehearse(rehearsal: Rehearsal, every_ms: int) -> None:
    """Rehearse until cancelled; with 0 without a pause, which takes a whole processor core."""
    while True:
        for _ in rehearsal.steps():
            await asyncio.sleep(0)
        await asyncio.sleep(every_ms / 1_000)
