"""A trader in a small world: a scripted venue, a journal in memory, a clock turned by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from core.contracts.clock import ManualClock
from core.contracts.errors import Fatal, Retryable
from core.contracts.gate import GateChange
from core.contracts.identity import signal_id, story_id
from core.contracts.money import Amount
from core.contracts.orders import Approved, Fill, OrderReport, Report, Side
from core.contracts.signal import Direction, EventType, Signal
from core.contracts.topics import SIGNALS
from core.contracts.trace import Trace
from core.runtime.bus.in_process import InProcessBus
from trader.engine import Trader
from trader.settings import TraderSettings
from trader.venues.port import Balance, Depth, Instrument, VenueOrder

SECOND = 1_000_000_000
VENUE = "hitbtc"


class MemoryJournal:
    """Keeps records in memory; can be told to be full."""

    def __init__(self) -> None:
        self.records: list[tuple[str, msgspec.Struct]] = []
        self.full = False

    def append(self, kind: str, record: msgspec.Struct) -> None:
        if self.full:
            raise Fatal("the journal can't be written: no space left on the device")
        self.records.append((kind, record))

    def append_many(self, records: Sequence[tuple[str, msgspec.Struct]]) -> None:
        for kind, record in records:
            self.append(kind, record)

    async def load(self, kind: str, since_ns: int) -> list[Any]:
        return [record for k, record in self.records if k == kind]

    async def load_latest_gate(self) -> GateChange | None:
        gates = [r for r in await self.load("gate", 0) if isinstance(r, GateChange)]
        return gates[-1] if gates else None

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.records]


class ScriptedVenue:
    """Remembers what was sent; answers only what the test tells it to."""

    name = VENUE

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.sent: list[Approved] = []
        self.cancelled: list[str] = []
        self.down = False
        self.known: dict[str, VenueOrder] = {}
        self.open: list[VenueOrder] = []
        self.asked: list[str] = []
        self.held: tuple[Balance, ...] = ()

    async def run(self, listener: object) -> None:
        raise NotImplementedError

    def subscribe_depth(self, symbols: tuple[str, ...]) -> None:
        self.symbols = symbols

    def send(self, approved: Approved) -> int:
        if self.down:
            raise Retryable("hitbtc is not connected; nothing was written")
        self.sent.append(approved)
        return self.clock.now_ns()

    def cancel(self, client_order_id: str) -> None:
        self.cancelled.append(client_order_id)

    async def instruments(self) -> tuple[Instrument, ...]:
        return (INSTRUMENT,)

    async def balances(self) -> tuple[Balance, ...]:
        return self.held

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        return tuple(self.open)

    async def find_order(self, client_order_id: str, symbol: str) -> VenueOrder | None:
        if self.down:
            raise Retryable("hitbtc can't be asked")
        self.asked.append(client_order_id)
        return self.known.get(client_order_id)

    async def cancel_order(self, client_order_id: str) -> None:
        self.cancelled.append(client_order_id)

    async def close(self) -> None:
        self.down = True


INSTRUMENT = Instrument(
    venue=VENUE,
    symbol="IOTAUSDT",
    asset="IOTA",
    quote_asset="USDT",
    lot_size=Amount("0.1"),
    tick_size=Amount("0.0001"),
    min_quantity=Amount("0.1"),
    taker_fee=Amount("0.0025"),
    maker_fee=Amount("0.001"),
    fee_asset="USDT",
)


def depth(
    bid: str = "0.9990", ask: str = "1.0000", quantity: str = "10000", *, at_ns: int
) -> Depth:
    return Depth(
        venue=VENUE,
        symbol="IOTAUSDT",
        bids=((Amount(bid), Amount(quantity)),),
        asks=((Amount(ask), Amount(quantity)),),
        venue_ns=at_ns,
        received_ns=at_ns,
    )


def balance(currency: str, available: str, reserved: str = "0", *, at_ns: int) -> Balance:
    return Balance(
        venue=VENUE,
        currency=currency,
        available=Amount(available),
        reserved=Amount(reserved),
        received_ns=at_ns,
    )


def signal(
    number: int = 1, *, direction: Direction = Direction.BUY, now_ns: int, asset: str = "IOTA"
) -> Signal:
    story = story_id(f"event-{number}", asset)
    return Signal(
        id=signal_id(story, asset, direction),
        story_id=story,
        event_id=f"event-{number}",
        asset=asset,
        direction=direction,
        event_type=EventType.PARTNERSHIP,
        confidence=0.9,
        reasons=("partnership",),
        headline="Microsoft and IOTA open a data marketplace",
        source="newswire",
        channel="test",
        published_ns=now_ns,
        received_ns=now_ns,
        expires_ns=now_ns + 5 * SECOND,
    )


@dataclass
class World:
    """One trader and everything around it."""

    settings: TraderSettings = field(default_factory=TraderSettings)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.venue = ScriptedVenue(self.clock)
        self.bus = InProcessBus(self.clock)
        self.trader = Trader(
            self.venue, bus=self.bus, journal=self.journal, clock=self.clock, settings=self.settings
        )
        self.bus.subscribe(SIGNALS, self.trader.on_signal, group="trader")
        self.trader.books.set_instruments(
            (INSTRUMENT,), quote_assets=("USDT",), assets=(), at_most=10
        )

    def ready(self, *, usdt: str = "10000", iota: str = "0") -> "World":
        now = self.clock.now_ns()
        held = (balance("USDT", usdt, at_ns=now), balance("IOTA", iota, at_ns=now))
        self.venue.held = held
        self.trader.on_balances(held)
        self.trader.on_connected(VENUE)
        self.trader.on_depth(depth(at_ns=now))
        self.trader.ready = True
        return self

    def tell(self, made: Signal | None = None) -> None:
        self.trader.on_signal(made or signal(now_ns=self.clock.now_ns()), "IOTA", Trace())

    def report(
        self,
        client_order_id: str,
        report: Report,
        *,
        fill: Fill | None = None,
        filled: str = "0",
    ) -> None:
        self.trader.on_report(
            OrderReport(
                client_order_id=client_order_id,
                venue=VENUE,
                symbol="IOTAUSDT",
                report=report,
                filled_quantity=Amount(filled),
                fill=fill,
                received_ns=self.clock.now_ns(),
            )
        )

    def fill(
        self, approved: Approved, *, quantity: Decimal | None = None, trade: str = "1"
    ) -> None:
        """Have the venue fill an order at its limit, wholly or in part."""
        intent = approved.intent
        executed = quantity if quantity is not None else Decimal(intent.quantity)
        whole = executed == intent.quantity
        self.report(
            intent.client_order_id,
            Report.FILLED if whole else Report.PARTIALLY_FILLED,
            fill=make_fill(approved, executed, trade, self.clock.now_ns()),
            filled=str(Amount(executed)),
        )


def make_fill(approved: Approved, quantity: Decimal, trade: str, now_ns: int) -> Fill:
    intent = approved.intent
    notional = quantity * intent.limit_price
    return Fill(
        trade_id=f"{intent.leg}-{trade}",
        client_order_id=intent.client_order_id,
        venue=VENUE,
        symbol=intent.symbol,
        side=Side(intent.side),
        price=intent.limit_price,
        quantity=Amount(quantity),
        fee=Amount(notional * Decimal("0.0025")),
        fee_asset="USDT",
        taker=True,
        venue_ns=now_ns,
        received_ns=now_ns,
    )
