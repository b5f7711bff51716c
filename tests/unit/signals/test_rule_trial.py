from pathlib import Path

import pytest
from click.testing import CliRunner

from console.commands.rules import rules
from signals.assets.resolve import Resolver
from signals.assets.universe import bundled_universe
from signals.reader import Reader
from signals.rules.engine import load_rules
from signals.rules.trial import Trial, try_rules

RESOLVER = Resolver(bundled_universe())
HISTORY = """\
{"id":"1","source":"rss","text":"Kraken lists Kaspa (KAS)","published":"2026-01-01T10:00:00Z"}
{"id":"2","source":"rss","title":"Solana gets a mascot","text":"","published":1767261601}

{"id":"3","source":"rss","text":"SEC sues Ripple","published":"2026-01-01T10:00:02Z"}
"""
OWN = """
[[rule]]
name = "listing"
disabled = true

[[rule]]
name = "lawsuit"
type = "regulation_against"
direction = "sell"
confidence = 0.8
triggers = ["sues"]
patterns = ['<r> sues {A}']
example = "SEC sues Cardano"
counter_example = "Cardano sues the SEC"

[[rule]]
name = "mascot"
type = "partnership"
direction = "buy"
confidence = 0.8
triggers = ["mascot"]
patterns = ['{A}{N} {AUX}(?:gets?|has) a mascot']
example = "Cardano gets a mascot"
counter_example = "Mascot seen with Cardano"
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    own, history = tmp_path / "own.toml", tmp_path / "history.jsonl"
    own.write_text(OWN, encoding="utf-8")
    history.write_text(HISTORY, encoding="utf-8")
    return own, history


def tried(own: Path, history: Path) -> Trial:
    before, after = Reader(RESOLVER), Reader(RESOLVER, load_rules([own], RESOLVER))
    return try_rules(history, before, after)


def test_gained_lost_and_changed_signals_are_told_apart(files: tuple[Path, Path]) -> None:
    trial = tried(*files)
    assert trial.events == 3
    assert [(c.text, c.after) for c in trial.gained] == [
        ("Solana gets a mascot", ("SOL buy partnership (mascot)",))
    ]
    assert [(c.text, c.before, c.why) for c in trial.lost] == [
        ("Kraken lists Kaspa (KAS)", ("KAS buy listing (listing)",), "not_news")
    ]
    assert [(c.before, c.after) for c in trial.changed] == [
        (("XRP sell lawsuit (lawsuit)",), ("XRP sell regulation_against (lawsuit)",))
    ]
    assert trial.hits_before == {"listing": 1, "lawsuit": 1}
    assert trial.hits_after == {"mascot": 1, "lawsuit": 1}


def test_malformed_line_is_named_and_the_rest_compared(files: tuple[Path, Path]) -> None:
    own, history = files
    history.write_text("nonsense\n[]\n" + HISTORY, encoding="utf-8")
    trial = tried(own, history)
    assert trial.events == 5
    assert len(trial.gained) == 1
    assert [problem[:7] for problem in trial.problems] == ["line 1:", "line 2:"]


def test_command_shows_texts_counts_and_hits(files: tuple[Path, Path]) -> None:
    own, history = files
    result = CliRunner().invoke(rules, ["try", str(own), "--input", str(history)])
    assert result.exit_code == 0, result.output
    assert "new      Solana gets a mascot" in result.output
    assert "- KAS buy listing (listing)" in result.output
    assert "1 speak that were silent, 1 fall silent, 1 say something else" in result.output


def test_command_checks_and_lists_own_rules_over_the_bundled(files: tuple[Path, Path]) -> None:
    own = str(files[0])
    listed = CliRunner().invoke(rules, ["list", own]).output
    assert listed.startswith("mascot")
    assert "\nlisting " not in listed
    assert "hold" in CliRunner().invoke(rules, ["check", own]).output
