"""Fuzzes one target with Atheris: `python -m tests.fuzz.run TARGET --seconds 600`.

`parse` as the target shares the time among all sources' parses. Atheris has wheels for some
Pythons only, so it is no dependency: `pip install atheris` before. What it finds is written to
`tests/fuzz/seeds/TARGET/`, where `test_seeds.py` replays it from then on; what it learns about
the way through the code stays in `.cache/fuzz/TARGET/`.
"""

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

SEEDS = Path(__file__).with_name("seeds")
LEARNT = Path(__file__).resolve().parents[2] / ".cache" / "fuzz"
LONGEST_INPUT = 8_192
MISSING = (
    "Atheris is not installed: `pip install atheris` into this environment, where its wheels fit"
)


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz a target until something is found.")
    parser.add_argument("target", help="parse, normalise, or the name of a source")
    parser.add_argument("--seconds", type=int, default=600, help="how long (default: 600)")
    arguments = parser.parse_args()
    try:
        atheris = importlib.import_module("atheris")
    except ModuleNotFoundError:
        sys.stderr.write(f"{MISSING}\n")
        return 2
    # What is fuzzed must be imported here, so that the fuzzer sees which way an input takes.
    with atheris.instrument_imports(include=["crawlers", "core.contracts", "feedparser", "idna"]):
        targets = importlib.import_module("tests.fuzz.targets")
        for tables in ("crawlers.languages", "crawlers.lookalikes"):
            importlib.import_module(tables).prepare()  # not to be counted as the first input's time
    if arguments.target == "parse":
        return _run_all(tuple(targets.PARSES), arguments.seconds)
    if arguments.target not in targets.TARGETS:
        parser.error(f"no target {arguments.target!r}: use parse, {', '.join(targets.TARGETS)}")
    seeds, learnt = SEEDS / arguments.target, LEARNT / arguments.target
    seeds.mkdir(parents=True, exist_ok=True)
    learnt.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={arguments.seconds}",
        f"-max_len={LONGEST_INPUT}",
        f"-timeout={targets.SLOWEST_S}",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={seeds}/",
    ]
    atheris.Setup(
        [sys.argv[0], *options, str(learnt), str(seeds)], targets.TARGETS[arguments.target]
    )
    atheris.Fuzz()  # ends the process
    return 0


def _run_all(sources: tuple[str, ...], seconds: int) -> int:
    """Fuzz one source after the other, each in a process of its own."""
    worst = 0
    for source in sources:
        command = [sys.executable, "-m", "tests.fuzz.run", source]
        share = ["--seconds", str(max(1, seconds // len(sources)))]
        worst = max(worst, abs(subprocess.run([*command, *share], check=False).returncode))
    return worst


if __name__ == "__main__":
    sys.exit(main())
