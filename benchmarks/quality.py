"""How well what is deployed reads, with confidence intervals, beside three baselines.

Every system judges the same texts: our own of the latest days, of whose stories nothing was
trained on, and everyday headlines of the latest days where they are at hand. The baselines that
find no coins themselves are given the coins that our own resolver finds.

`python -m benchmarks.quality --errors FILE` writes what is read wrongly of earlier texts instead:
whoever corrects what is read wrongly of the latest ones has no test set any more.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.deployed import deployed_model
from benchmarks.quality_errors import report, sort_errors
from benchmarks.quality_figures import Answer, Figure, Right, Scores
from benchmarks.quality_texts import Asked, Texts, latest_texts
from core.contracts.signal import Direction, EventType
from models.predictor import Prediction, Predictor
from models.training.baselines import KeywordBot, Vader, plain_tfidf
from signals.assets.known import WORD, Universe
from signals.assets.universe import bundled_universe
from signals.pipeline import Limits
from signals.reader import Reader, Reading

SEED: Final = 20_260_222
THRESHOLD: Final = Limits().min_confidence
"""The confidence from which a signal is traded; of the baselines, too."""

LEAST: Final = {
    "assets_f1": 0.95,
    "event_type_macro_f1": 0.85,
    "direction_macro_f1": 0.80,
    "buy_precision": 0.92,
    "sell_precision": 0.92,
    "listing_precision": 0.98,
    "hack_precision": 0.98,
}
MOST: Final = {"false_signals": 0.005, "calibration_error": 0.05}

OURS: Final = "tidings"
Systems = dict[str, list[Answer]]


def run(texts: Texts | None = None) -> dict[str, Any]:
    """Run the benchmark, print its table, and give its figures.

    Args:
        texts: the test set; the bundled one if none is given.

    Raises:
        ConfigurationError: a text, label, rule or the model is malformed.
    """
    texts = texts or latest_texts()
    model = deployed_model()
    asked = [*texts.own, *texts.headlines]
    readings = _read(Reader(predictor=model), asked)
    systems: Systems = {OURS: [_answer(reading) for reading in readings]}
    systems |= baselines(texts, asked, readings)
    measured = {name: _measure(texts, asked, said) for name, said in systems.items()}
    _show(measured)
    return _figures(texts, measured, systems[OURS], with_model=model is not None)


def write_errors(asked: Sequence[Asked], target: Path) -> None:
    """Read texts with what is deployed, and write what was read wrongly, the costly first."""
    readings = _read(Reader(predictor=deployed_model()), asked)
    answers = [_answer(reading) for reading in readings]
    with target.open("w", encoding="utf-8") as out:
        out.writelines(report(sort_errors(asked, readings, answers)))


def baselines(texts: Texts, asked: Sequence[Asked], readings: Sequence[Reading]) -> Systems:
    """Have the baselines judge the texts."""
    universe = bundled_universe()
    judges: dict[str, Predictor] = {
        "keyword": KeywordBot(),
        "vader": Vader(),
        "tfidf": plain_tfidf(texts.train),
    }
    systems: Systems = {}
    for name, judge in judges.items():
        systems[name] = []
        for one, reading in zip(asked, readings, strict=True):
            found = tickers(universe, one.words) if name == "keyword" else reading.subjects
            systems[name].append(_answer_of(judge.predict(one.words), frozenset(found)))
    return systems


def _answer_of(said: Prediction | None, coins: frozenset[str]) -> Answer:
    if said is None or said.direction is Direction.NEUTRAL:
        return Answer(EventType.NOT_NEWS, Direction.NEUTRAL, 0.0, coins)
    traded = coins if said.confidence >= THRESHOLD else frozenset[str]()
    return Answer(said.event_type, said.direction, said.confidence, coins, traded)


def tickers(universe: Universe, text: str) -> frozenset[str]:
    """Find coins as a bot of keywords does: whatever in capitals is some coin's code."""
    return frozenset(
        universe.codes[word][0]
        for word in WORD.findall(text)
        if word.isupper() and word in universe.codes
    )


def _read(reader: Reader, asked: Sequence[Asked]) -> list[Reading]:
    return [reader.read_text(one.title, one.text) for one in asked]


def _answer(reading: Reading) -> Answer:
    subjects = frozenset(reading.subjects)
    trades = (
        reading.refusal is None
        and reading.direction is not Direction.NEUTRAL
        and reading.confidence >= THRESHOLD
    )
    return Answer(
        reading.event_type,
        reading.direction,
        reading.confidence,
        subjects,
        subjects - reading.doubtful if trades else frozenset(),
    )


def _measure(texts: Texts, asked: Sequence[Asked], said: Sequence[Answer]) -> dict[str, Figure]:
    """Give a system's figures: on our own texts, and of what is no news on all of them."""
    right = [one.right for one in asked]
    count = len(texts.own)
    own = Scores(right[:count], said[:count], SEED)
    figures: dict[str, Callable[[], Figure]] = {
        "assets_f1": own.assets_f1,
        "event_type_macro_f1": own.type_macro_f1,
        "direction_macro_f1": own.direction_macro_f1,
        "buy_precision": lambda: own.precision(Direction.BUY),
        "buy_coverage": lambda: own.coverage(Direction.BUY),
        "sell_precision": lambda: own.precision(Direction.SELL),
        "sell_coverage": lambda: own.coverage(Direction.SELL),
        "listing_precision": lambda: own.type_precision(EventType.LISTING),
        "hack_precision": lambda: own.type_precision(EventType.HACK),
        "calibration_error": own.calibration_error,
        "false_signals": Scores(right, said, SEED).false_signals,
        "false_signals_own": own.false_signals,
    }
    if texts.headlines:
        everyday = Scores(right[count:], said[count:], SEED)
        figures["false_signals_headlines"] = everyday.false_signals
    return {name: figure() for name, figure in figures.items()}


def _figures(
    texts: Texts,
    measured: Mapping[str, Mapping[str, Figure]],
    ours: Sequence[Answer],
    *,
    with_model: bool,
) -> dict[str, Any]:
    right: list[Right] = [one.right for one in texts.own]
    own = Scores(right, ours[: len(right)], SEED)
    figures: dict[str, Any] = {
        "name": "quality",
        "texts": len(texts.own),
        "headlines": len(texts.headlines),
        "stories": len({one.story for one in right}),
        "threshold": THRESHOLD,
        "with_model": with_model,
        "listing_signals": own.type_signals(EventType.LISTING),
        "hack_signals": own.type_signals(EventType.HACK),
    }
    for name, figure in measured[OURS].items():
        figures[name] = round(figure.value, 4)
        figures[f"{name}_interval"] = [round(figure.low, 4), round(figure.high, 4)]
    figures |= {f"least_{name}": least for name, least in LEAST.items()}
    figures |= {f"limit_{name}": most for name, most in MOST.items()}
    figures["baselines"] = {
        system: {name: round(figure.value, 4) for name, figure in found.items()}
        for system, found in measured.items()
        if system != OURS
    }
    return figures


def _show(measured: Mapping[str, Mapping[str, Figure]]) -> None:
    table = Table(title="quality: 95% intervals over stories")
    table.add_column("figure")
    table.add_column("asked", justify="right")
    for system in measured:
        table.add_column(system, justify="right")
    for name in measured[OURS]:
        asked = ""
        if name in LEAST:
            asked = f">= {LEAST[name]:.1%}"
        elif name in MOST:
            asked = f"<= {MOST[name]:.1%}"
        ours = measured[OURS][name]
        table.add_row(
            name,
            asked,
            f"{ours.value:.1%} ({ours.low:.1%} to {ours.high:.1%})",
            *(f"{found[name].value:.1%}" for system, found in measured.items() if system != OURS),
        )
    Console(stderr=True, width=110).print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", type=Path, help="write the mistakes in earlier texts here")
    parser.add_argument("--latest", action="store_true", help="the mistakes in the test set")
    arguments = parser.parse_args()
    if arguments.errors is None:
        made = msgspec.json.encode(run())
        sys.stdout.write(msgspec.json.format(made, indent=2).decode() + "\n")
    else:
        found = latest_texts()
        chosen = [*found.own, *found.headlines] if arguments.latest else found.earlier
        write_errors(chosen, arguments.errors)
