import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.contracts.topics import TOPICS
from tests.integration.commands import ROOT, environment, tidings

SENTINEL = "hunter2-do-not-show"
HEAVY = ("aiohttp", "aiokafka", "faust", "numpy", "pydantic", "redis", "sqlalchemy", "rich")
MAX_RSS_KB = 400_000
MEASURED = """
import resource, subprocess, sys
run = subprocess.run([sys.executable, "-m", "console", *sys.argv[1:]])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(run.returncode)
"""


def refused(run: subprocess.CompletedProcess[str], *says: str) -> None:
    """Check that a command ended as one does that was given something wrong."""
    assert run.returncode == 2, run.stderr
    assert "Traceback" not in run.stderr
    for part in says:
        assert part in run.stderr, run.stderr


# ---------------------------------------------------------------------- configuration


def test_unknown_key_in_the_file_names_it_and_the_nearest_right_one(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text('[trader.sizing]\nmax_notionl = "5"\n')
    run = tidings("config", "check", "--config", "t.toml", cwd=tmp_path)
    refused(run, "trader.sizing.max_notionl", "t.toml", "did you mean trader.sizing.max_notional?")


def test_unknown_variable_names_it_and_the_nearest_right_one(tmp_path: Path) -> None:
    run = tidings(
        "config", "check", cwd=tmp_path, variables={"TIDINGS_KAFKA__BOOTSRAP": "127.0.0.1:9092"}
    )
    refused(run, "TIDINGS_KAFKA__BOOTSRAP", "did you mean TIDINGS_KAFKA__BOOTSTRAP?")


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(
        '[trader.limits]\nmax_book_age_ms = "5 parsecs"\n[kafak]\nbootstrap = "x"\n'
    )
    run = tidings("config", "check", "--config", "t.toml", cwd=tmp_path)
    refused(run, "trader.limits.max_book_age_ms", "parsecs", "ms, s, m, h, d", "kafak", "kafka?")


@pytest.mark.parametrize("content", ["[trader\n", "\x00\x01", "a = \xff".encode("latin-1")])
def test_file_that_is_no_toml_is_named(content: str | bytes, tmp_path: Path) -> None:
    raw = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "t.toml").write_bytes(raw)
    refused(tidings("config", "check", "--config", "t.toml", cwd=tmp_path), "t.toml")


def test_missing_file_is_named(tmp_path: Path) -> None:
    refused(tidings("run", "--config", "nowhere.toml", cwd=tmp_path), "nowhere.toml")


@pytest.mark.parametrize("stage", ["crawl", "classify", "trade"])
def test_stage_without_a_broker_says_which_variable_to_set(stage: str, tmp_path: Path) -> None:
    refused(tidings(stage, cwd=tmp_path), "TIDINGS_KAFKA__BOOTSTRAP")


@pytest.mark.parametrize("command", ["run", "trade"])
def test_live_that_is_not_armed_is_refused(command: str, tmp_path: Path) -> None:
    refused(tidings(command, "--mode", "live", cwd=tmp_path), "not armed", "TIDINGS_LIVE__ARMED")
    assert not (tmp_path / "data").exists()


def test_live_without_keys_is_refused(tmp_path: Path) -> None:
    run = tidings("run", "--mode", "live", cwd=tmp_path, variables={"TIDINGS_LIVE__ARMED": "true"})
    refused(run, "TIDINGS_HITBTC__API_KEY", "TIDINGS_HITBTC__SECRET")


@pytest.mark.parametrize(
    "url", [None, "wss://api.hitbtc.com/api/3/ws/trading", "ws://127.0.0.1.example.com/trading"]
)
def test_paper_trading_never_points_at_another_machine(url: str | None, tmp_path: Path) -> None:
    variables = {"TIDINGS_PAPER__START_EXCHANGE": "false"}
    if url is not None:
        variables["TIDINGS_HITBTC__TRADING_URL"] = url
    run = tidings("run", "--mode", "paper", cwd=tmp_path, variables=variables)
    refused(run, "paper.start_exchange", "hitbtc.trading_url", url or "wss://api.hitbtc.com")


def test_health_that_others_can_reach_needs_a_token(tmp_path: Path) -> None:
    run = tidings("config", "check", cwd=tmp_path, variables={"TIDINGS_HEALTH__HOST": "0.0.0.0"})
    refused(run, "health.token")


def test_show_hides_secrets_and_can_be_read_again(tmp_path: Path) -> None:
    secrets = {
        "TIDINGS_HITBTC__API_KEY": "k",
        "TIDINGS_HITBTC__SECRET": SENTINEL,
        "TIDINGS_HEALTH__TOKEN": SENTINEL,
        "TIDINGS_STATE__URL": f"redis://:{SENTINEL}@127.0.0.1:6379/0",
        "TIDINGS_JOURNAL__URL": f"postgresql+psycopg://u:{SENTINEL}@127.0.0.1/t",
    }
    run = tidings("config", "show", cwd=tmp_path, variables=secrets)
    assert run.returncode == 0, run.stderr
    assert SENTINEL not in run.stdout + run.stderr
    assert "[hitbtc]" in run.stdout
    plain = tidings("config", "show", cwd=tmp_path)
    (tmp_path / "again.toml").write_text(plain.stdout)
    again = tidings("config", "show", "--config", "again.toml", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (0, plain.stdout)


def test_secret_is_not_told_by_an_error_either(tmp_path: Path) -> None:
    run = tidings("config", "check", cwd=tmp_path, variables={"TIDINGS_HITBTC__SECRET": SENTINEL})
    refused(run, "api_key")
    assert SENTINEL not in run.stderr


# ---------------------------------------------------------------------- topics, doctor, help


def test_topics_are_listed_whole_however_narrow_the_terminal(tmp_path: Path) -> None:
    run = tidings("topics", cwd=tmp_path, variables={"COLUMNS": "40"})
    assert run.returncode == 0, run.stderr
    assert "…" not in run.stdout
    for topic in TOPICS:
        assert topic.name in run.stdout
        assert topic.schema in run.stdout
        assert topic.meaning in run.stdout


def test_schemas_and_asyncapi_are_json(tmp_path: Path) -> None:
    schemas = json.loads(tidings("topics", "--schemas", cwd=tmp_path).stdout)
    assert set(schemas) == {topic.name for topic in TOPICS}
    assert all(
        schema["$schema"].startswith("https://json-schema.org/") for schema in schemas.values()
    )
    document = json.loads(tidings("topics", "--asyncapi", cwd=tmp_path).stdout)
    assert document["asyncapi"].startswith("3.")
    assert {channel["address"] for channel in document["channels"].values()} == set(schemas)


def test_creating_topics_without_a_broker_says_which_variable_to_set(tmp_path: Path) -> None:
    refused(tidings("topics", "--create", cwd=tmp_path), "TIDINGS_KAFKA__BOOTSTRAP")


def test_doctor_is_content_with_this_machine(tmp_path: Path) -> None:
    run = tidings("doctor", cwd=tmp_path)
    assert run.returncode == 0, run.stdout
    assert "Python 3.11 or later" in run.stdout


def test_wrong_command_is_bad_usage(tmp_path: Path) -> None:
    refused(tidings("hlat", cwd=tmp_path), "hlat")


def test_help_imports_nothing_heavy_and_names_every_command(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from console.cli import main\n"
        "sys.argv = ['tidings', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        f"print('heavy:', *(name for name in {HEAVY!r} if name in sys.modules))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        check=True,
        text=True,
    )
    assert run.stdout.splitlines()[-1] == "heavy:"
    for command in ("run", "demo", "crawl", "classify", "trade", "decide", "status", "doctor"):
        assert f"  {command} " in run.stdout


# ---------------------------------------------------------------------- decide


def event(number: int, text: str, **more: object) -> str:
    return json.dumps(
        {
            "id": str(number),
            "source": "test",
            "text": text,
            "published": "2026-01-05T12:00:00Z",
            **more,
        }
    )


def decided(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


def test_malformed_lines_are_answered_and_make_the_exit_code_1(tmp_path: Path) -> None:
    lines = [
        event(1, "Binance will list Pyth Network (PYTH)"),
        "{not json",
        event(2, "Kraken will list Celestia (TIA)"),
        '{"id": "3", "source": "test"}',
        "[" * 5_000,
        event(4, "Rain in the north", published="yesterday"),
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    run = tidings("decide", "--input", "in.jsonl", "--output", "out.jsonl", cwd=tmp_path)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    for number in (2, 4, 5, 6):
        assert f"line {number}:" in run.stderr
    answers = decided(tmp_path)
    assert [answer["id"] for answer in answers] == ["1", None, "2", "3", None, "4"]
    assert [bool(answer["signals"]) for answer in answers] == [True, False, True, *[False] * 3]
    assert [a["skipped"].startswith("malformed:") for a in answers if a["skipped"]] == [True] * 4


@pytest.mark.parametrize("content", [b"", b"\n\n  \n"])
def test_empty_file_gives_an_empty_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(content)
    run = tidings("decide", "--input", "in.jsonl", "--output", "out.jsonl", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert decided(tmp_path) == []


def test_standard_input_and_output_do_as_well(tmp_path: Path) -> None:
    line = event(1, "Binance will list Pyth Network (PYTH)").encode()
    run = tidings("decide", "--input", "-", "--output", "-", cwd=tmp_path, stdin=line)
    assert run.returncode == 0, run.stderr
    (signal,) = json.loads(run.stdout)["signals"]
    assert (signal["symbol"], signal["direction"]) == ("PYTH", "buy")


def test_missing_input_is_bad_usage_and_leaves_no_output(tmp_path: Path) -> None:
    run = tidings("decide", "--input", "nowhere.jsonl", "--output", "out.jsonl", cwd=tmp_path)
    refused(run, "nowhere.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_output_that_cannot_be_written_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(event(1, "x"))
    run = tidings("decide", "--input", "in.jsonl", "--output", "no/out.jsonl", cwd=tmp_path)
    refused(run, "no/out.jsonl")


@pytest.mark.slow
def test_hostile_texts_are_judged_within_bounded_memory(tmp_path: Path) -> None:
    news = "Binance will list Pyth Network (PYTH). "
    texts = [
        news * (10 * 1024 * 1024 // len(news)),  # 10 MB in one event
        "<div>" * 5_000 + news + "</div>" * 5_000,
        "".join(map(chr, range(32))) + "\u202e\u200b\u2066" + news,
        "Bin\u200bance will l\u0456st \u0420yth",
        "&amp;" * 100_000,
        "A" * 1_000_000,
        "$" * 200_000,
    ]
    lines = [event(number, text) for number, text in enumerate(texts)]
    lines.append(event(len(texts), "B" * 17 * 1024 * 1024))  # longer than a line may be
    lines.append(event(len(texts) + 1, news))
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    arguments = ("decide", "--stateless", "--input", "in.jsonl", "--output", "out.jsonl")
    run = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 1, run.stderr  # for the line that is too long
    assert "Traceback" not in run.stderr
    assert int(run.stdout.splitlines()[-1]) < MAX_RSS_KB
    answers = decided(tmp_path)
    assert len(answers) == len(lines)
    assert answers[len(texts)]["skipped"].startswith("malformed:")
    assert [signal["symbol"] for signal in answers[-1]["signals"]] == ["PYTH"]
