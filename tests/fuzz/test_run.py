"""The harness says what it lacks."""

import sys

import pytest

from tests.fuzz.run import main


def test_fuzzing_without_atheris_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    monkeypatch.setattr(sys, "argv", ["run", "normalise"])
    assert main() == 2
    assert "pip install atheris" in capsys.readouterr().err
