import json
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from console.demo.tape import load_tape
from tests.integration.commands import tidings
from tests.servers.requirement import require

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
DEMO_S = 180
REMOTE = re.compile(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|@import|url\(\s*["']?(?!data:|#)""")


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Run the demonstration once for all tests that look at what it leaves."""
    return run_demo(tmp_path_factory.mktemp("first"))


def run_demo(folder: Path) -> tuple[dict[str, Any], Path]:
    run = tidings("demo", "--json", "figures.json", cwd=folder, limit_s=DEMO_S)
    assert run.returncode == 0, run.stderr
    assert "Tidings demonstration" in run.stdout
    figures: dict[str, Any] = json.loads((folder / "figures.json").read_bytes())
    return figures, folder / "demo-report.html"


def traded(report: dict[str, Any]) -> list[tuple[object, ...]]:
    """Give of each signal what must not differ between two runs."""
    return [
        (
            row["asset"],
            row["direction"],
            row["event_type"],
            row["headline"],
            row["outlets"],
            row.get("order_id"),
            row.get("refused"),
            None if row.get("trade") is None else sorted(row["trade"].items()),
        )
        for row in report["signals"]
    ]


def test_tape_gives_the_signals_it_says_and_no_other(
    first_run: tuple[dict[str, Any], Path],
) -> None:
    report, _ = first_run
    items = load_tape().items
    expected = Counter(
        (signal.asset, signal.direction.value, signal.event_type.value)
        for item in items
        for signal in item.signals
    )
    found = Counter((s["asset"], s["direction"], s["event_type"]) for s in report["signals"])
    assert found == expected
    silent = Counter(item.silent for item in items if item.silent is not None)
    assert {row["reason"]: row["count"] for row in report["silent"]} == dict(silent)


def test_figures_agree_with_the_rows(first_run: tuple[dict[str, Any], Path]) -> None:
    report, _ = first_run
    figures, rows = report["figures"], report["signals"]
    entered = [row for row in rows if row.get("order_id")]
    refused = [row for row in rows if row.get("refused")]
    assert figures["items"] == len(load_tape().items)
    assert figures["signals"] == len(rows) == len(entered) + len(refused)
    assert figures["refused"] == len(refused)
    assert figures["orders"] >= 2 * len(entered)  # each entry is closed, some in several orders
    assert figures["fills"] >= figures["orders"] - len(refused)
    assert float(figures["fees"]) > 0
    for row in entered:
        trade = row["trade"]
        assert trade["exit_price"] is not None
        assert trade["exit_reason"] in {"take_profit", "stop", "time_limit", "flatten"}
        assert row["sent_us"] > 0
    results = sum(round(float(row["trade"]["result"]) * 100) for row in entered)
    assert abs(results - float(figures["result"]) * 100) <= len(entered)  # cents, each rounded
    whole = next(hop for hop in report["hops"] if hop["name"] == "received_sent")
    assert whole["count"] == len(entered)


def test_report_needs_nothing_but_itself(first_run: tuple[dict[str, Any], Path]) -> None:
    report, page = first_run
    text = page.read_text(encoding="utf-8")
    assert not REMOTE.search(text)
    assert "<script src" not in text
    for row in report["signals"]:
        assert row["asset"] in text


def test_two_runs_give_the_same_signals_and_the_same_orders(
    first_run: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    first, _ = first_run
    second, _ = run_demo(tmp_path)
    assert traded(second) == traded(first)
    for figure in ("events", "stories", "signals", "orders", "fills", "refused", "fees", "result"):
        assert second["figures"][figure] == first["figures"][figure], figure
    assert second["equity"] == first["equity"]


@pytest.mark.browser
def test_browser_shows_the_headline_figures(
    first_run: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    report, page = first_run
    dom = rendered(page, tmp_path)
    text = re.sub(r"<[^>]+>", " ", dom)
    figures = report["figures"]
    for name in ("items", "events", "stories", "signals", "orders", "fills", "refused"):
        assert re.search(rf"(?<!\d){figures[name]}(?!\d)", text), name
    assert figures["result"].lstrip("-") in text
    assert all(row["asset"] in text for row in report["signals"])
    assert "<svg" in dom


def rendered(page: Path, profile: Path) -> str:
    """Give the page as Chromium has it after running it; it and its children end with this."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        require("browser", "Chromium is not installed")
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
    browser = subprocess.Popen(
        [program, *flags, *quiet, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        dom, _ = browser.communicate(timeout=60)
    finally:
        if browser.poll() is None:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.communicate()
    return dom.decode()


@pytest.mark.slow
@pytest.mark.parametrize("capture", ["HITBTC.ws.1.0", "BINANCE.ws.1.0"])
def test_recorded_documents_are_all_accounted_for(capture: str, tmp_path: Path) -> None:
    feeds, books = SHARED / "feeds", SHARED / "books" / capture
    for path in (feeds, books):
        if not path.exists():
            pytest.skip(f"no recording at {path}")
    run = tidings(
        *("demo", "--feeds", feeds, "--books", books, "--json", "out.json"),
        cwd=tmp_path,
        limit_s=DEMO_S,
    )
    assert run.returncode == 0, run.stderr
    assert "0 documents unaccounted for" in run.stdout
    report = json.loads((tmp_path / "out.json").read_bytes())
    files = [path for path in feeds.rglob("*") if path.is_file()]
    assert report["documents"] == len(report["per_document"]) == len(files)
    assert report["unexplained"] == []
    assert report["events"] > 0
    assert sum(document["events"] for document in report["per_document"]) == report["events"]
    assert all(count > 0 for count in report["books"].values())
    assert report["books"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--feeds", "."), "--feeds and --books go together"),
        (("--books", "."), "--feeds and --books go together"),
        (("--feeds", "nowhere", "--books", "."), "nowhere does not exist"),
        (("--feeds", ".", "--books", "nowhere"), "nowhere does not exist"),
        (("--no-such-option",), "--no-such-option"),
    ],
)
def test_wrong_usage_is_said_and_gives_2(
    arguments: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    run = tidings("demo", *arguments, cwd=tmp_path)
    assert run.returncode == 2
    assert says in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("documents", "book"),
    [
        ({"one.xml": "<rss/>"}, "nothing here is a book\n"),
        ({"one.xml": "<rss/>"}, ""),
        ({"one.xml": "<rss/>"}, '{"ch":"orderbook/full"}\n[1, 2, 3]\n'),
    ],
)
def test_book_that_is_none_is_said_and_gives_2(
    documents: dict[str, str], book: str, tmp_path: Path
) -> None:
    feeds = tmp_path / "feeds"
    feeds.mkdir()
    for name, text in documents.items():
        (feeds / name).write_text(text)
    (tmp_path / "book.txt").write_text(book)
    run = tidings("demo", "--feeds", feeds, "--books", tmp_path / "book.txt", cwd=tmp_path)
    assert run.returncode == 2, run.stderr
    assert "book.txt" in run.stderr
    assert "Traceback" not in run.stderr


def test_folder_without_documents_is_said_and_gives_2(tmp_path: Path) -> None:
    (tmp_path / "feeds").mkdir()
    (tmp_path / "book.txt").write_text("x")
    run = tidings("demo", "--feeds", "feeds", "--books", "book.txt", cwd=tmp_path)
    assert run.returncode == 2, run.stderr
    assert "feeds" in run.stderr
    assert "Traceback" not in run.stderr
