"""The report: complete, self-contained, safe to open, the same figures on page and terminal."""

import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import msgspec
import pytest
from rich.console import Console

from console.demo import wording
from console.demo.charts import decades, equity_curve, strip
from console.demo.report import render, table
from console.demo.report_data import DemoReport, EquityPoint, HopLatency
from core.contracts.money import Amount
from tests.unit.demo.reports import EMPTY, FULL

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>&amp;{{ 7 * 7 }}'
VOID = {"meta", "img", "br", "hr", "input", "link"}
COLUMNS = 100


class _Page(HTMLParser):
    """Collects tags, addresses and text, and checks that every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            assert tag in {"line", "rect", "path"}, f"</{tag}> closes <{self.open[-1:]}>"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def _shown(report: DemoReport, columns: int = COLUMNS) -> str:
    out = io.StringIO()
    Console(file=out, width=columns, color_system=None).print(table(report))
    return out.getvalue()


@pytest.mark.parametrize("report", [FULL, EMPTY])
def test_page_is_well_formed_and_asks_nobody_for_anything(report: DemoReport) -> None:
    html = render(report)
    page = _Page(html)
    assert page.open == []
    assert not page.tags & {"script", "link", "img", "iframe", "object", "form", "a"}
    assert not {name for name, _ in page.attributes} & {"src", "href", "action", "srcset"}
    assert not re.search(r"url\(|@import|//", html.replace("<!doctype", ""))


def test_page_shows_every_figure() -> None:
    text = " ".join(_Page(render(FULL)).text.split())
    for expected in (
        *("194", "191", "47", "1 refused", "\u221212.35", "fees 2.35", "17 seconds", "1.2.3"),
        *("received → parsed", "18 µs", "950 µs", "1.2 ms", "61 µs"),
        *("IOTA Foundation partners", "partnership · Harbour Wire, Pepper & Hash", "85%"),
        *("0.17730", "0.18112", "took profit", "+7.91", "still open", "not traded here"),
        *("another outlet told it first", "“Again”", "63 items were no reason to trade"),
        *("highest 50,007.91", "lowest 49,987.66", "make demo", "Everything here is invented."),
    ):
        assert expected in text, expected


def test_hostile_text_is_text() -> None:
    row = msgspec.structs.replace(
        FULL.signals[0],
        headline=HOSTILE,
        asset=HOSTILE,
        outlets=(HOSTILE,),
        order_id=HOSTILE,
        refused=HOSTILE,
    )
    silent = msgspec.structs.replace(
        FULL.silent[0], example=HOSTILE, outlet=HOSTILE, reason=HOSTILE
    )
    report = msgspec.structs.replace(
        FULL, note=HOSTILE, version=HOSTILE, signals=(row,), silent=(silent,), reproduce=(HOSTILE,)
    )
    page = _Page(render(report))
    assert not page.tags & {"script", "img"}
    assert not {name for name, _ in page.attributes} & {"onerror", "src"}
    assert page.text.count(HOSTILE) == 11
    assert ("title", HOSTILE) in page.attributes


def test_terminal_keeps_markup_in_headlines_as_text() -> None:
    row = msgspec.structs.replace(FULL.signals[0], headline="[red]not[/red] [/] red")
    silent = msgspec.structs.replace(FULL.silent[0], example="[bold]no")
    shown = _shown(msgspec.structs.replace(FULL, signals=(row,), silent=(silent,)))
    assert "[red]not[/red] [/] red" in shown
    assert "[bold]no" in shown


def test_terminal_shows_the_same_figures_in_100_columns() -> None:
    shown = _shown(FULL)
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= COLUMNS
    for expected in (
        *("194", "\u221212.35", "IOTA Foundation partners with Jag…", "+7.91", "took profit"),
        *("1.23 ms", "still open", "not traded here", "received → sent", "950 µs"),
        *("another outlet told it first", "Perhaps?", "Everything here is invented."),
    ):
        assert expected in shown, expected


def test_terminal_leaves_out_what_did_not_happen() -> None:
    shown = _shown(EMPTY)
    assert "Signals" not in shown
    assert "Silent" not in shown
    assert "0.00" in shown


def test_strip_has_one_bar_for_each_time_and_marks_inside_the_scale() -> None:
    low, high = decades(FULL.hops)
    assert (low, high) == (1, 4)
    drawn = ET.fromstring(strip(FULL.hops[0], low, high))
    bars = [float(e.attrib["x"]) for e in drawn if e.tag == "rect"]
    assert len(bars) == 3  # 18.2 and 20 µs share one
    marks = {e.attrib["class"]: float(e.attrib["x1"]) for e in drawn if e.tag == "line"}
    assert 0 < marks["p50"] < marks["p99"] < 1000


def test_strip_without_samples_is_a_line_from_median_to_longest() -> None:
    hop = HopLatency(name="a_b", count=9, p50_us=10.0, p99_us=100.0, max_us=1000.0)
    drawn = ET.fromstring(strip(hop, 0, 4))
    (line,) = (e for e in drawn if e.attrib.get("class") == "range")
    assert (line.attrib["x1"], line.attrib["x2"]) == ("250.0", "750.0")


@pytest.mark.parametrize("equity", [["100"], ["100", "100"], ["100", "90", "120"]])
def test_equity_curve_stays_inside_its_frame(equity: list[str]) -> None:
    points = [EquityPoint(n, Amount(value)) for n, value in enumerate(equity)]
    drawn = ET.fromstring(equity_curve(points))
    (line,) = (e for e in drawn if e.attrib["class"] == "line")
    heights = [float(y) for y in re.findall(r"V([\d.]+)", line.attrib["d"])]
    assert all(0 <= height <= 300 for height in heights)


@pytest.mark.parametrize(
    ("us", "written"),
    [
        (0.4, "0.4 µs"),
        (1, "1 µs"),
        (61.4, "61 µs"),
        (1234, "1.23 ms"),
        (250_000, "250 ms"),
        (2.5e6, "2.5 s"),
    ],
)
def test_durations_are_written_in_the_unit_that_suits_them(us: float, written: str) -> None:
    assert wording.duration(us) == written


@pytest.mark.parametrize(
    ("amount", "written"),
    [("1234.567", "+1,234.57"), ("-0.004", "0.00"), ("0", "0.00"), ("-3", "\u22123.00")],
)
def test_results_are_written_to_the_cent_with_their_sign(amount: str, written: str) -> None:
    assert wording.signed(Amount(amount)) == written


@pytest.mark.parametrize(
    ("amount", "written"), [("0.10", "0.10"), ("0.1234567891", "0.12345679"), ("1E-6", "0.000001")]
)
def test_prices_keep_their_digits(amount: str, written: str) -> None:
    assert wording.price(Amount(amount)) == written
