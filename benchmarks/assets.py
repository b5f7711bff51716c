"""What finding coins in a headline costs, at 1, 10 and 100 times the coins that are known.

The texts are those of the golden cases. A universe of 10 times the size is ours with made-up
coins beside it: their names are looked for in every text and are in none.
"""

import gc
import random
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec

from signals.assets.known import Universe
from signals.assets.resolve import Resolver
from signals.assets.universe import load_universe

ROUNDS: Final = 15
TIMES: Final = (1, 10, 100)
GOLDEN: Final = Path(__file__).resolve().parents[1] / "tests/replay/golden.jsonl"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def headlines() -> list[str]:
    """Give the texts to read."""
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    return [msgspec.json.decode(line)["text"] for line in lines if line]


def enlarged(times: int, folder: Path) -> Universe:
    """Give our universe with as many made-up coins that it holds `times` as many."""
    ours = load_universe()
    if times == 1:
        return ours
    table = folder / f"made_{times}.tsv"
    with table.open("w", encoding="utf-8") as out:
        out.write("code\tname\tsources\tflags\n")
        for code, name in _made(len(ours.assets) * (times - 1)):
            out.write(f"{code}\t{name}\tmade\tn\n")
    return load_universe([table])


def _made(count: int) -> Iterator[tuple[str, str]]:
    rng = random.Random(7)  # noqa: S311 - the same table each time
    seen: set[str] = set()
    while len(seen) < count:
        word = "".join(rng.choices(_LETTERS, k=9))
        if word not in seen:
            seen.add(word)
            second = f" {word[::-1].capitalize()}" if len(seen) % 3 == 0 else ""
            yield word.upper() + "X", word.capitalize() + second


def measure(resolvers: Sequence[Resolver], texts: Sequence[str], rounds: int) -> list[list[float]]:
    """Read all texts with each resolver in turns; give µs of processor time a text and round."""
    took: list[list[float]] = [[] for _ in resolvers]
    for _ in range(rounds):
        for samples, resolver in zip(took, resolvers, strict=True):
            begun = time.thread_time_ns()
            for text in texts:
                resolver.resolve(None, text)
            samples.append((time.thread_time_ns() - begun) / len(texts) / 1_000)
    return took


def run(rounds: int = ROUNDS) -> dict[str, Any]:
    """Run the benchmark."""
    with tempfile.TemporaryDirectory() as made:
        return _run(Path(made), rounds)


def _run(folder: Path, rounds: int) -> dict[str, Any]:
    """Measure, with tables of made-up coins in `folder`."""
    texts = headlines()
    begun = time.perf_counter_ns()
    load_universe()
    load_ms = (time.perf_counter_ns() - begun) / 1e6
    tracemalloc.start()
    kept = load_universe()
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    universes = [enlarged(times, folder) for times in TIMES]
    resolvers = [Resolver(universe) for universe in universes]
    gc.collect()
    gc.freeze()
    measure(resolvers, texts, 1)  # first uses
    took = measure(resolvers, texts, rounds)
    gc.unfreeze()
    figures: dict[str, Any] = {
        "name": "assets",
        "texts": len(texts),
        "coins": len(kept.assets),
        "load_ms": round(load_ms, 1),
        "memory_mb": round(memory / 1e6, 1),
    }
    for times, universe, samples in zip(TIMES, universes, took, strict=True):
        figures[f"coins_{times}x"] = len(universe.assets)
        figures[f"us_{times}x"] = round(median(samples), 2)
        ratios = [now / first for now, first in zip(samples, took[0], strict=True)]
        figures[f"ratio_{times}x"] = round(median(ratios), 3)
    figures["limit_ratio_100x"] = 1.5
    return figures
