"""What a demonstration's report shows: figures, times, signals, trades, silence, equity."""

import msgspec

from core.contracts.money import Amount
from core.contracts.signal import Direction, EventType


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The run in numbers.

    Attributes:
        items: read from feeds and wires.
        events: what the crawlers published.
        stories: kept apart by the classifier.
        signals: given.
        orders: sent, entries and exits.
        fills: executions.
        refused: signals that became no order.
        fees: paid, in the quote asset.
        result: won or lost by the trades after fees, in the quote asset.
        quote_asset: canonical code.
        seconds: from the first item to the last exit.
    """

    items: int
    events: int
    stories: int
    signals: int
    orders: int
    fills: int
    refused: int
    fees: Amount
    result: Amount
    quote_asset: str
    seconds: float


class HopLatency(msgspec.Struct, frozen=True, kw_only=True):
    """How long one hop of an event's way took, in microseconds.

    Attributes:
        name: `received_parsed` and the like; `received_sent` is the whole way to the order socket.
        count: how often it was measured.
        p50_us: median.
        p99_us: 99th percentile.
        max_us: longest.
        samples_us: the single times, where a histogram is wanted.
    """

    name: str
    count: int
    p50_us: float
    p99_us: float
    max_us: float
    samples_us: tuple[float, ...] = ()


class ClosedTrade(msgspec.Struct, frozen=True, kw_only=True):
    """What a signal's orders came to.

    Attributes:
        quantity: of the entry's fills, base units.
        entry_price: average, quote per base unit.
        exit_price: average; None while the position is open.
        exit_reason: `take_profit`, `stop`, `time_limit`, `flatten`; empty while it is open.
        result: after fees, in the quote asset; None while the position is open.
    """

    quantity: Amount
    entry_price: Amount
    exit_price: Amount | None
    exit_reason: str
    result: Amount | None


class SignalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One signal and what came of it.

    Attributes:
        received_ns: when its event was received, UTC ns.
        asset: canonical code.
        direction: buy or sell.
        event_type: kind of news.
        confidence: in (0, 1].
        headline: of the event that caused it.
        outlets: who told the story, the first one first.
        order_id: client order id of the entry; None where there was none.
        sent_us: from the news socket to the order socket, in microseconds.
        trade: what its orders came to; None where nothing was filled.
        refused: why it became no order, a `RefuseReason`; None where it did.
    """

    received_ns: int
    asset: str
    direction: Direction
    event_type: EventType
    confidence: float
    headline: str
    outlets: tuple[str, ...]
    order_id: str | None = None
    sent_us: float | None = None
    trade: ClosedTrade | None = None
    refused: str | None = None


class SilentReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why items gave no signal, with one of them.

    Attributes:
        reason: a `SkipReason`, `duplicate`, or `refused: ` and the crawler's reason.
        count: how many items.
        example: headline of one.
        outlet: who published that one.
    """

    reason: str
    count: int
    example: str
    outlet: str


class EquityPoint(msgspec.Struct, frozen=True):
    """What the account was worth after a step, in the quote asset."""

    step: int
    equity: Amount


class DemoReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the report shows.

    Attributes:
        note: what the reader must know about where news and prices come from.
        started_ns: when the run began, UTC ns.
        version: of Tidings.
        figures: the run in numbers.
        hops: in the order of the way, the whole way last.
        signals: in the order of receipt.
        silent: why other items stayed silent, most frequent first.
        equity: over the run; may be empty.
        reproduce: commands that give the same run again.
    """

    note: str
    started_ns: int
    version: str
    figures: Figures
    hops: tuple[HopLatency, ...]
    signals: tuple[SignalRow, ...]
    silent: tuple[SilentReason, ...]
    equity: tuple[EquityPoint, ...]
    reproduce: tuple[str, ...]
