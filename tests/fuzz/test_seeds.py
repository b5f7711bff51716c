"""Every input that once found something, and those the fuzzer starts from, still pass."""

import time
from pathlib import Path

import pytest

from tests.fuzz.targets import SLOWEST_S, TARGETS

SEEDS = sorted(path for path in Path(__file__).with_name("seeds").rglob("*") if path.is_file())


def test_every_target_has_seeds_and_every_seed_a_target() -> None:
    assert {path.parent.name for path in SEEDS} == set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_seed_passes_on_every_target(seed: Path, target: str) -> None:
    started = time.process_time()
    TARGETS[target](seed.read_bytes())
    assert time.process_time() - started < SLOWEST_S
