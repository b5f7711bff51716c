"""The script that runs a local Kafka says clearly what is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "kafka" / "kafka.py"


def run(command: str, directory: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), command, "--directory", str(directory)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": path},
    )


def test_start_without_java_and_maven_says_what_to_install(tmp_path: Path) -> None:
    outcome = run("start", tmp_path)
    assert outcome.returncode == 2
    assert "is not on the path: install it" in outcome.stderr


def test_status_of_a_node_never_started_is_stopped(tmp_path: Path) -> None:
    outcome = run("status", tmp_path)
    assert (outcome.returncode, outcome.stdout) == (1, "stopped\n")


@pytest.mark.parametrize("content", ["1", "not a number", "999999999"])
def test_stop_ends_no_process_that_is_not_the_node(tmp_path: Path, content: str) -> None:
    (tmp_path / "kafka.pid").write_text(content)
    assert run("stop", tmp_path).returncode == 0
    assert not (tmp_path / "kafka.pid").exists()
