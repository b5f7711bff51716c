import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from console.commands.model import model
from core.contracts.errors import ConfigurationError, Rejected
from models.registry import BUNDLED_FOLDER


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIDINGS_RUNTIME__DATA_DIR", str(tmp_path))
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(model, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_without_a_version_the_bundled_model_is_listed_and_shown() -> None:
    assert run("list").startswith("* bundled  flat")
    shown = json.loads(run("show"))
    assert shown["kind"] == "flat"
    assert set(shown["files"]) == {"weights.npz"}


def test_the_bundled_model_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in BUNDLED_FOLDER.iterdir()) < 2_000_000


def test_a_version_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="no model 'none'"):
        run("promote", "none")


def test_nothing_to_roll_back_to_is_said() -> None:
    with pytest.raises(Rejected, match="nothing to roll back"):
        run("rollback")


def test_shadow_wants_a_version_or_off() -> None:
    assert CliRunner().invoke(model, ["shadow"]).exit_code == 2
    assert run("shadow", "--off") == "no shadow\n"


@pytest.mark.slow
def test_a_model_is_trained_judged_promoted_and_rolled_back(tmp_path: Path) -> None:
    said = run("train", "--shared", str(tmp_path / "nothing"))
    version = said.split("registered ")[1].split(";")[0]
    assert version in run("list")
    drawn = tmp_path / "drawn"
    said = run("evaluate", version, "--shared", str(tmp_path), "--output", str(drawn))
    assert "direction_macro_f1" in said
    assert {path.name for path in drawn.iterdir()} == {"confusion.png", "calibration.png"}
    run("shadow", version)
    assert f"+ {version}" in run("list")
