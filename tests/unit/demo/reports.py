"""Reports for tests: one full, one of a run in which nothing happened."""

import msgspec

from console.demo.report_data import (
    ClosedTrade,
    DemoReport,
    EquityPoint,
    Figures,
    HopLatency,
    SignalRow,
    SilentReason,
)
from core.contracts.money import ZERO, Amount
from core.contracts.signal import Direction, EventType

NOW_NS = 1_790_000_000_123_456_789

FULL = DemoReport(
    note="Everything here is invented.",
    started_ns=NOW_NS,
    version="1.2.3",
    figures=Figures(
        items=194,
        events=191,
        stories=47,
        signals=3,
        orders=2,
        fills=4,
        refused=1,
        fees=Amount("2.346"),
        result=Amount("-12.349"),
        quote_asset="USDT",
        seconds=17.4,
    ),
    hops=(
        HopLatency(
            name="received_parsed",
            count=4,
            p50_us=18.2,
            p99_us=950.0,
            max_us=1200.0,
            samples_us=(15.0, 18.2, 20.0, 1200.0),
        ),
        HopLatency(name="received_sent", count=1, p50_us=61.0, p99_us=61.0, max_us=61.0),
    ),
    signals=(
        SignalRow(
            received_ns=NOW_NS,
            asset="IOTA",
            direction=Direction.BUY,
            event_type=EventType.PARTNERSHIP,
            confidence=0.85,
            headline="IOTA Foundation partners with Jaguar Land Rover",
            outlets=("Harbour Wire", "Pepper & Hash"),
            order_id="t0123",
            sent_us=61.0,
            trade=ClosedTrade(
                quantity=Amount("2700"),
                entry_price=Amount("0.17730"),
                exit_price=Amount("0.18112"),
                exit_reason="take_profit",
                result=Amount("7.91"),
            ),
        ),
        SignalRow(
            received_ns=NOW_NS,
            asset="SUI",
            direction=Direction.SELL,
            event_type=EventType.HACK,
            confidence=0.93,
            headline="Sui bridge exploited",
            outlets=("Harbour Wire",),
            order_id="t4567",
            sent_us=1234.0,
            trade=ClosedTrade(
                quantity=Amount("300"),
                entry_price=Amount("1.6180"),
                exit_price=None,
                exit_reason="",
                result=None,
            ),
        ),
        SignalRow(
            received_ns=NOW_NS,
            asset="KAS",
            direction=Direction.BUY,
            event_type=EventType.LISTING,
            confidence=0.95,
            headline="Kraken lists Kaspa (KAS)",
            outlets=("Orchard Markets",),
            refused="no_symbol",
        ),
    ),
    silent=(
        SilentReason(reason="known_story", count=62, example="Again", outlet="Ledger Post"),
        SilentReason(reason="rumour", count=1, example="Perhaps?", outlet="Pepper & Hash"),
    ),
    equity=(
        EquityPoint(0, Amount("50000")),
        EquityPoint(7, Amount("50007.91")),
        EquityPoint(345, Amount("49987.657")),
    ),
    reproduce=("make demo", "tidings demo"),
)

EMPTY = msgspec.structs.replace(
    FULL,
    figures=Figures(
        items=0,
        events=0,
        stories=0,
        signals=0,
        orders=0,
        fills=0,
        refused=0,
        fees=ZERO,
        result=ZERO,
        quote_asset="USDT",
        seconds=0.0,
    ),
    hops=(),
    signals=(),
    silent=(),
    equity=(),
    reproduce=(),
)
