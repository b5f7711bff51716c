"""An exchange's list becomes a table of one's own, which is then read."""

import json
from pathlib import Path

from click.testing import CliRunner

from console.commands.assets import assets

LISTING = {
    "symbols": [
        {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT"},
        {"symbol": "ZQXYUSDT", "baseAsset": "ZQXY", "quoteAsset": "USDT"},
    ]
}


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(assets, list(arguments))
    return result.exit_code, result.output


def test_new_coins_are_added_once(tmp_path: Path) -> None:
    listing, table = tmp_path / "symbols.json", tmp_path / "mine.tsv"
    listing.write_text(json.dumps(LISTING))
    common = ("add", str(listing), "--source", "some exchange", "--table", str(table))
    assert "ZQXY" in run(*common, "--dry-run")[1]
    assert not table.exists()
    assert "1 new, 1 added" in run(*common)[1]
    assert "some exchange" in table.read_text()
    assert "0 new, 0 added" in run(*common)[1]


def test_codes_are_shown_with_their_coins_and_names() -> None:
    code, output = run("show", "xbt", "NOSUCHCOIN")
    assert code == 0
    assert "xbt: BTC Bitcoin" in output
    assert "NOSUCHCOIN: not known" in output


def test_file_that_is_no_list_is_refused(tmp_path: Path) -> None:
    listing = tmp_path / "symbols.json"
    listing.write_text("<html>")
    code, output = run("add", str(listing), "--source", "x", "--table", str(tmp_path / "t.tsv"))
    assert code == 2
    assert "no JSON" in output
