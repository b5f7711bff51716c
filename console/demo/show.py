"""Watches a demonstration and makes its report: what was read, decided, traded, and how fast."""

from collections import defaultdict
from decimal import Decimal
from importlib.metadata import version
from itertools import pairwise

from console.demo.player import Player
from console.demo.report_data import (
    ClosedTrade,
    DemoReport,
    EquityPoint,
    Figures,
    HopLatency,
    SignalRow,
    SilentReason,
)
from console.demo.tape import Item, Tape
from console.lanes.fast import FastLane
from core.contracts.event import Event
from core.contracts.identity import client_order_id
from core.contracts.money import Amount
from core.contracts.orders import Intent, Refused, Side
from core.contracts.signal import Signal, Skipped, SkipReason
from core.contracts.topics import EVENTS, REFUSALS, SIGNALS
from core.contracts.trace import STAGES, Trace
from core.runtime.metrics import hops_of
from trader.desks.event import ENTRY
from trader.risk.portfolio import Position

CENT = Decimal("0.01")
GROUP = "demo"


class Show:
    """Everything that happens in one run; make it before the lane starts."""

    def __init__(self, tape: Tape, lane: FastLane) -> None:
        self._tape = tape
        self._lane = lane
        self._names = {outlet.slug: outlet.name for outlet in tape.outlets}
        self._events: dict[str, Event] = {}
        self._skipped: dict[str, Skipped] = {}
        self._signals: list[Signal] = []
        self._refused: dict[str, Refused] = {}
        self._told: defaultdict[str, list[str]] = defaultdict(list)
        self._samples: defaultdict[str, list[float]] = defaultdict(list)
        self._sent_us: dict[str, float] = {}
        self._equity: list[EquityPoint] = []
        self._of_item: dict[int, Event] = {}
        self._noted = 0
        self._quote = tape.symbols[0].quote_asset
        self._started_ns = lane.clock.now_ns()
        lane.bus.subscribe(EVENTS, self._on_event, group=GROUP)
        lane.bus.subscribe(SIGNALS, self._on_signal, group=GROUP)
        lane.bus.subscribe(REFUSALS, self._on_refused, group=GROUP)
        lane.classifier.on_skipped = self._on_skipped
        lane.on_trace = self._on_trace

    def _on_event(self, event: Event, _key: str, _trace: Trace) -> None:
        self._events[event.id] = event

    def _on_signal(self, signal: Signal, _key: str, _trace: Trace) -> None:
        self._signals.append(signal)
        self._told[signal.story_id].append(self._names[signal.channel])

    def _on_refused(self, refused: Refused, _key: str, _trace: Trace) -> None:
        self._refused[refused.signal_id] = refused

    def _on_skipped(self, event: Event, skipped: Skipped) -> None:
        self._skipped.setdefault(event.id, skipped)
        if skipped.reason is SkipReason.KNOWN_STORY:
            outlet = self._names[event.channel]
            if outlet not in self._told[skipped.detail]:
                self._told[skipped.detail].append(outlet)

    def _on_trace(self, intent: Intent, trace: Trace) -> None:
        hops = hops_of(trace)
        for hop, ns in hops.items():
            self._samples[hop].append(ns / 1_000)
        self._sent_us[intent.signal_id] = (trace.sent - trace.received) / 1_000

    def on_step(self, step: int, player: Player) -> None:
        """Note which event the step gave, and what the account is worth now."""
        if len(self._events) > self._noted:
            self._of_item[step] = next(reversed(self._events.values()))
        self._noted = len(self._events)
        start = self._tape.balances.get(self._quote, Amount(0))
        worth = start + sum((self._worth(p, player.mids) for p in self._positions()), Decimal(0))
        self._equity.append(EquityPoint(step, Amount(worth.quantize(CENT))))

    def _positions(self) -> tuple[Position, ...]:
        return tuple(self._lane.trading.trader.portfolio.positions.values())

    def _worth(self, position: Position, mids: dict[str, Amount]) -> Decimal:
        """Give what a position has won or lost: closed at its prices, open at the mid."""
        if not position.opened:
            return Decimal(0)
        mid = mids[position.intent.symbol]
        entry = position.cost / position.opened
        gain = (mid - entry) * position.open_quantity
        return position.result + (gain if position.intent.side is Side.BUY else -gain)

    def report(self, player: Player) -> DemoReport:
        """Make the report of the finished run."""
        trader = self._lane.trading.trader
        ended_ns = self._lane.clock.now_ns()
        fees = sum((order.fees.get(self._quote, Decimal(0)) for order in trader.orders), Decimal(0))
        result = sum((position.result for position in self._positions()), Decimal(0))
        return DemoReport(
            note=self._tape.note,
            started_ns=self._started_ns,
            version=version("tidings"),
            figures=Figures(
                items=len(self._tape.items),
                events=len(self._events),
                stories=len(self._lane.stories),
                signals=len(self._signals),
                orders=len(trader.orders),
                fills=sum(len(order.fills) for order in trader.orders),
                refused=len(self._refused),
                fees=Amount(fees.quantize(CENT)),
                result=Amount(result.quantize(CENT)),
                quote_asset=self._quote,
                seconds=round((ended_ns - self._started_ns) / 1e9, 1),
            ),
            hops=self._hops(),
            signals=tuple(self._row(signal) for signal in self._signals),
            silent=self._silent(player),
            equity=tuple(self._equity),
            reproduce=("make demo",),
        )

    def _hops(self) -> tuple[HopLatency, ...]:
        order = {f"{a}_{b}": n for n, (a, b) in enumerate(pairwise(STAGES))}
        names = sorted(self._samples, key=lambda name: order.get(name, len(order)))
        return tuple(_latency(name, sorted(self._samples[name])) for name in names)

    def _row(self, signal: Signal) -> SignalRow:
        trader = self._lane.trading.trader
        refused = self._refused.get(signal.id)
        order_id = client_order_id(signal.id, trader.venue.name, ENTRY)
        position = trader.portfolio.positions.get(signal.id)
        return SignalRow(
            received_ns=signal.received_ns,
            asset=signal.asset,
            direction=signal.direction,
            event_type=signal.event_type,
            confidence=signal.confidence,
            headline=signal.headline,
            outlets=tuple(self._told[signal.story_id]),
            order_id=order_id if order_id in trader.orders else None,
            sent_us=self._sent_us.get(signal.id),
            trade=self._trade(position) if position is not None else None,
            refused=refused.reason.value if refused else None,
        )

    def _trade(self, position: Position) -> ClosedTrade:
        tick = self._lane.trading.trader.books.instruments[position.intent.symbol].tick_size
        entry = (position.cost / position.opened).quantize(tick)
        done = position.closed > 0
        left = (position.proceeds / position.closed).quantize(tick) if done else None
        return ClosedTrade(
            quantity=Amount(position.opened),
            entry_price=Amount(entry),
            exit_price=Amount(left) if left is not None else None,
            exit_reason=position.reason,
            result=Amount(position.result.quantize(CENT)) if done else None,
        )

    def _silent(self, player: Player) -> tuple[SilentReason, ...]:
        """Say for every item that gave no signal why, most frequent reason first."""
        signalled = {signal.event_id for signal in self._signals}
        reasons: defaultdict[str, list[Item]] = defaultdict(list)
        for step in self._tape.steps:
            item, event = step.item, self._of_item.get(step.step)
            if item is None:
                continue
            if event is None:
                refusal = player.refusals.get(step.step)
                reasons[f"refused: {refusal}" if refusal else "duplicate"].append(item)
            elif event.id not in signalled:
                reasons[self._skipped[event.id].reason.value].append(item)
        ordered = sorted(reasons.items(), key=lambda entry: -len(entry[1]))
        return tuple(
            SilentReason(
                reason=reason,
                count=len(items),
                example=items[0].title or (items[0].raw or "")[:80],
                outlet=self._names[items[0].outlet],
            )
            for reason, items in ordered
        )


def _latency(name: str, ascending: list[float]) -> HopLatency:
    def at(share: float) -> float:
        return round(ascending[min(int(share * len(ascending)), len(ascending) - 1)], 1)

    return HopLatency(
        name=name,
        count=len(ascending),
        p50_us=at(0.5),
        p99_us=at(0.99),
        max_us=at(1.0),
        samples_us=tuple(ascending),
    )
