"""Text to decision: assets, rules, model, stories and trust, beside scikit-learn's own prediction.

One event after the other goes through the same calls as in the fast lane, each with an id of its
own, so that nothing of the reading before helps. The model's scikit-learn pipeline judges the same
leads one by one in the same rounds; finding the leads is not on its account. How time grows is
measured in turns as well, with 10 and 100 times the stories kept, and the coins known.
"""

import gc
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any, Final

import msgspec

from benchmarks.assets import enlarged
from benchmarks.decide_texts import earlier, headlines, posts
from benchmarks.decide_worlds import Stage, events_of, kept_stories
from benchmarks.deployed import deployed_model, deployed_pipeline
from benchmarks.figures import quantile_us
from core.contracts.event import Event
from core.runtime.service import freeze_garbage
from models.predictor import Predictor
from signals.assets.mentions import Resolution
from signals.assets.resolve import Resolver
from signals.assets.universe import bundled_universe
from signals.reader import Reader
from signals.rules.engine import bundled_rules
from signals.rules.lead import Lead
from signals.trust.trust import bundled_trust

ROUNDS: Final = 9
TEXTS: Final = 600
TIMES: Final = (1, 10, 100)

LIMITS: Final = {"p50_us_headline": 30.0, "p50_us_post": 60.0}
LEAST_SPEEDUP: Final = 20.0
MOST_GROWTH: Final = 1.5

PARTS: Final = ("assets", "rules", "model", "trust")

Task = Callable[[], list[int]]
Samples = dict[str, list[list[int]]]


def run(rounds: int = ROUNDS, texts: int = TEXTS, times: Sequence[int] = TIMES) -> dict[str, Any]:
    """Run the benchmark and give its figures.

    Args:
        rounds: medians are taken over these.
        texts: how many headlines, and how many posts, in each round.
        times: sizes, as multiples of the usual; the first is what the others are compared to.

    Raises:
        ConfigurationError: a text, rule or the model is malformed.
    """
    short, long = headlines()[:texts], posts()[:texts]
    model = deployed_model()
    plain = Reader()
    coins = sorted({code for text in short for code in plain.read_text(None, text).subjects})
    usual = Stage(Reader(predictor=model), kept_stories(coins))
    tasks: dict[str, Task] = {
        "headline": partial(_pass, usual, short),
        "post": lambda: usual.time(events_of(long, "twitter")),
        **_parts("headline", events_of(short, "rss"), model),
        **_parts("post", events_of(long, "twitter"), model),
    }
    pipeline = deployed_pipeline()
    if pipeline is not None:
        leads = [[Lead(each).masked] for each in _resolve(short)]
        tasks["sklearn"] = partial(_time, pipeline.predict_proba, leads)
    for size in times:
        crowded = Stage(Reader(predictor=model), kept_stories(coins, size))
        tasks[f"stories_{size}x"] = partial(_pass, crowded, short)
    with tempfile.TemporaryDirectory() as folder:
        for size in times:
            wide = Reader(Resolver(enlarged(size, Path(folder))), predictor=model)
            tasks[f"assets_{size}x"] = partial(_pass, Stage(wide, kept_stories(coins)), short)
    with _collector_stopped():
        usual.time(events_of(earlier(), "rss"))  # first uses
        unseen = _pass(usual, short)
        samples = _rounds(tasks, rounds)
    figures: dict[str, Any] = {
        "name": "decide",
        "rounds": rounds,
        "headlines": len(short),
        "posts": len(long),
        "with_model": model is not None,
        "p50_us_headline_unseen": quantile_us(unseen, 0.5),
    }
    return figures | _figures(samples, times)


def _pass(stage: Stage, texts: Sequence[str]) -> list[int]:
    return stage.time(events_of(texts, "rss"))


def _resolve(texts: Sequence[str]) -> list[Resolution]:
    resolver = Resolver(bundled_universe())
    return [resolver.resolve(None, text) for text in texts]


def _parts(kind: str, events: Sequence[Event], model: Predictor | None) -> dict[str, Task]:
    """Time parts of the work one by one; each does all texts, also those it would not get."""
    texts = [event.text for event in events]
    found = _resolve(texts)
    parts: dict[str, Task] = {
        "assets": partial(_time, partial(Resolver(bundled_universe()).resolve, None), texts),
        "rules": partial(_time, bundled_rules().judge, found),
        "trust": partial(_time, bundled_trust().judge, events),
    }
    if model is not None:
        parts["model"] = partial(_time, model.predict, [Lead(each).masked for each in found])
    return {f"{part}_{kind}": task for part, task in parts.items()}


def _time(work: Callable[[Any], object], given: Sequence[object]) -> list[int]:
    took = []
    for each in given:
        begun = perf_counter_ns()
        work(each)
        took.append(perf_counter_ns() - begun)
    return took


def _rounds(tasks: dict[str, Task], rounds: int) -> Samples:
    """Run all tasks in turns, each round beginning with another one."""
    for task in tasks.values():
        task()
    found: Samples = {name: [] for name in tasks}
    names = list(tasks)
    for number in range(rounds):
        at = number % len(names)
        for name in (*names[at:], *names[:at]):
            found[name].append(tasks[name]())
            gc.collect(1)
    return found


@contextmanager
def _collector_stopped() -> Iterator[None]:
    """Have no garbage collected unasked, as in the running service."""
    freeze_garbage()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _figures(samples: Samples, times: Sequence[int]) -> dict[str, Any]:
    medians = {
        name: [quantile_us(took, 0.5) for took in rounds] for name, rounds in samples.items()
    }
    figures: dict[str, Any] = {}
    for kind in ("headline", "post"):
        figures[f"p50_us_{kind}"] = round(median(medians[kind]), 1)
        figures[f"p50_us_{kind}_fastest_round"] = min(medians[kind])
        figures[f"p99_us_{kind}"] = round(median(quantile_us(r, 0.99) for r in samples[kind]), 1)
        figures |= {
            f"p50_us_{part}_{kind}": round(median(medians[f"{part}_{kind}"]), 1)
            for part in PARTS
            if f"{part}_{kind}" in medians
        }
    figures |= {f"limit_{name}": limit for name, limit in LIMITS.items()}
    if "sklearn" in medians:
        figures["p50_us_sklearn"] = round(median(medians["sklearn"]), 1)
        figures["speedup_vs_sklearn"] = round(_ratio(medians["sklearn"], medians["headline"]), 1)
        figures["least_speedup_vs_sklearn"] = LEAST_SPEEDUP
    for what in ("stories", "assets"):
        first = medians[f"{what}_{times[0]}x"]
        for size in times:
            here = medians[f"{what}_{size}x"]
            figures[f"p50_us_{what}_{size}x"] = round(median(here), 1)
            if size != times[0]:
                figures[f"growth_{what}_{size}x"] = round(_ratio(here, first), 2)
                figures[f"limit_growth_{what}_{size}x"] = MOST_GROWTH
    return figures


def _ratio(numbers: Sequence[float], others: Sequence[float]) -> float:
    """Give the median of the rounds' ratios."""
    return median(a / b for a, b in zip(numbers, others, strict=True))


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(run()), indent=2).decode() + "\n")
