"""Shows what came of a demonstration: as one HTML file, and as a table in the terminal."""

from decimal import Decimal
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from console.demo import wording
from console.demo.charts import decades, equity_curve, strip
from console.demo.report_data import DemoReport, Figures, SignalRow
from core.contracts.signal import Direction

_TEMPLATE: Final = "report.html.j2"
_HEADLINE: Final = 34
_OUTCOME: Final = 21
_WHY: Final = 50
_EXAMPLE: Final = 35
_WAYS: Final = {Direction.BUY: "green", Direction.SELL: "red"}


def render(report: DemoReport) -> str:
    """Write the report as one HTML document that needs nothing else: no script, no request.

    Everything that came from outside is escaped.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        words=wording.words,
        hop=wording.hop,
        duration=wording.duration,
        signed=wording.signed,
        money=wording.money,
        price=wording.price,
        percent=wording.percent,
        clock_time=wording.clock_time,
        day=wording.day,
        outcome=outcome,
    )
    low, high = decades(report.hops)
    return environment.get_template(_TEMPLATE).render(
        report=report,
        figures=report.figures,
        funnel=_funnel(report.figures),
        strips=[strip(hop, low, high) for hop in report.hops],
        scale=[wording.duration(10.0**power) for power in range(low, high + 1)],
        curve=equity_curve(report.equity) if report.equity else None,
        lowest=min((point.equity for point in report.equity), default=None),
        highest=max((point.equity for point in report.equity), default=None),
        most_silent=max((silent.count for silent in report.silent), default=1),
        silent_items=sum(silent.count for silent in report.silent),
    )


def table(report: DemoReport) -> RenderableType:
    """Lay the same figures out for a terminal of 100 columns or more."""
    parts: list[RenderableType] = [_figures(report.figures)]
    if report.signals:
        parts.append(_signals(report))
    if report.hops:
        parts.append(_hops(report))
    if report.silent:
        parts.append(_silent(report))
    parts.append(Padding(Text(report.note, style="dim italic"), (1, 1, 0, 1)))
    return Group(*parts)


def _funnel(figures: Figures) -> tuple[tuple[str, int], ...]:
    return (
        ("items", figures.items),
        ("events", figures.events),
        ("stories", figures.stories),
        ("signals", figures.signals),
        ("orders", figures.orders),
        ("fills", figures.fills),
    )


def _figures(figures: Figures) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, title="Tidings demonstration", title_style="bold")
    for name, _ in _funnel(figures):
        shown.add_column(name, justify="right")
    shown.add_column("refused", justify="right")
    shown.add_column("fees", justify="right")
    shown.add_column(f"result, {figures.quote_asset}", justify="right")
    shown.add_row(
        *(str(number) for _, number in _funnel(figures)),
        str(figures.refused),
        wording.money(figures.fees),
        Text(wording.signed(figures.result), style=f"bold {_tone(figures.result)}"),
    )
    return shown


def _signals(report: DemoReport) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, title="Signals", title_style="bold", pad_edge=False)
    shown.add_column("asset", min_width=5, no_wrap=True)
    shown.add_column("way", min_width=4, no_wrap=True)
    shown.add_column("headline", width=_HEADLINE, no_wrap=True, overflow="ellipsis")
    shown.add_column("by", min_width=2, justify="right", no_wrap=True)
    shown.add_column("sent in", min_width=7, justify="right", no_wrap=True)
    shown.add_column("what came of it", min_width=_OUTCOME, max_width=_OUTCOME, no_wrap=True)
    shown.add_column("result", min_width=7, justify="right", no_wrap=True)
    for row in report.signals:
        result = row.trade.result if row.trade else None
        shown.add_row(
            row.asset,
            Text(row.direction, style=_WAYS[row.direction]),
            Text(row.headline),
            str(len(row.outlets)),
            "" if row.sent_us is None else wording.duration(row.sent_us),
            outcome(row),
            "" if result is None else Text(wording.signed(result), style=_tone(result)),
        )
    return shown


def _tone(amount: Decimal) -> str:
    return "green" if amount > 0 else "red" if amount < 0 else ""


def outcome(row: SignalRow) -> str:
    """Say in words what came of a signal."""
    if row.refused is not None:
        return wording.words(row.refused)
    if row.trade is None:
        return "no fill" if row.order_id else "no order"
    return wording.words(row.trade.exit_reason) if row.trade.exit_reason else "still open"


def _hops(report: DemoReport) -> Table:
    shown = Table(
        box=box.SIMPLE_HEAD, title="Time from stage to stage", title_style="bold", pad_edge=False
    )
    shown.add_column("hop", no_wrap=True)
    for name in ("times", "p50", "p99", "max"):
        shown.add_column(name, justify="right", no_wrap=True)
    for hop in report.hops:
        shown.add_row(
            wording.hop(hop.name),
            str(hop.count),
            *(wording.duration(us) for us in (hop.p50_us, hop.p99_us, hop.max_us)),
            style="bold" if hop.name == "received_sent" else "",
        )
    return shown


def _silent(report: DemoReport) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, title="Silent, and why", title_style="bold", pad_edge=False)
    shown.add_column("items", min_width=5, justify="right", no_wrap=True)
    shown.add_column("why", min_width=_WHY, max_width=_WHY, no_wrap=True, overflow="ellipsis")
    shown.add_column("for example", width=_EXAMPLE, no_wrap=True, overflow="ellipsis")
    for silent in report.silent:
        shown.add_row(str(silent.count), wording.words(silent.reason), Text(silent.example))
    return shown
