"""Trains a classifier: fits, calibrates, measures it, and writes one model's folder."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Final, NamedTuple
from zipfile import ZIP_DEFLATED

import numpy as np
import skops.io
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from core.contracts.errors import ConfigurationError
from core.contracts.signal import Direction, EventType
from models.drift import spread_of
from models.flat import FlatModel, Weights
from models.labels import DIRECTIONS, read_label, ways_of
from models.manifest import Kind, Manifest, sha256, write_manifest
from models.predictors import PIPELINE
from models.training.measure import Readings, measure, read, traded_precision
from models.training.pipeline import (
    Fitted,
    Held,
    Recipe,
    chances_of,
    cool,
    fit,
    hold_out,
    temperature,
)
from models.training.samples import Origin, Sample, data_hash
from models.training.split import Split
from models.weights import WEIGHTS, pack, unpack

SCREEN_PIPELINE: Final = "screen.skops"

PRECISION: Final = 0.98
"""The threshold is the lowest confidence from which, held out, buying and selling are so right."""

_THRESHOLDS: Final = tuple(at / 100 for at in range(50, 100))
_SCREEN_AT: Final = (0.001, 0.5)
_CODE: Final = (
    "concepts.py",
    "features.py",
    "training/pipeline.py",
    "training/split.py",
    "training/train.py",
)


class Trained(NamedTuple):
    """A trained, calibrated classifier.

    Attributes:
        fitted: as scikit-learn has it.
        weights: the same, flat.
        threshold: see `PRECISION`.
    """

    fitted: Fitted
    weights: Weights
    threshold: float


def train(samples: Sequence[Sample], recipe: Recipe) -> Trained:
    """Fit and calibrate; the same samples in the same order give the same weights, bit by bit.

    Raises:
        ConfigurationError: there is too little to learn from.
    """
    counted = Counter(sample.label for sample in samples)
    learnt = [sample for sample in samples if counted[sample.label] >= recipe.least_class]
    ways = {read_label(sample.label).direction for sample in learnt}
    if len(ways) < len(DIRECTIONS) or len({s.story for s in learnt}) < recipe.folds:
        raise ConfigurationError(
            f"{len(learnt)} texts are too few to learn from: some of each direction are needed,"
            f" of at least {recipe.folds} stories"
        )
    with threadpool_limits(1):  # sums in another order would give other weights
        held = hold_out(learnt, recipe)
        fitted = fit(learnt, recipe)
    importance = np.array([sample.weight for sample in learnt])
    # What is traded is the direction: that is what the confidence is to be right about.
    told = np.array([sample.direction.value for sample in learnt])
    columns = np.array([read_label(name).direction.value for name in held.labels])
    degrees = temperature(held.classes, told[:, None] == columns, importance)
    news = np.array([sample.event_type is not EventType.NOT_NEWS for sample in learnt])
    both = np.stack([np.zeros(len(learnt)), held.screen], axis=1)
    screen_degrees = temperature(both, np.stack([~news, news], axis=1), importance)
    cool(fitted.classes, degrees)
    cool(fitted.screen, screen_degrees)
    passing = 1 / (1 + np.exp(-held.screen / screen_degrees))
    screen_at = float(np.clip(np.quantile(passing[news], 1 - recipe.screen_recall), *_SCREEN_AT))
    weights = fitted.weights(screen_at)
    return Trained(fitted, weights, _threshold(_held_readings(learnt, held, degrees)))


def write(
    trained: Trained,
    parted: Split,
    folder: Path,
    created: datetime,
    recipe: Recipe,
    *,
    pipelines: bool = True,
) -> Manifest:
    """Measure a trained classifier on the test set, and write its folder.

    Args:
        trained: the classifier.
        parted: what it was trained on and is to be measured on.
        folder: made if it is not there; files in it are replaced.
        created: for the manifest.
        recipe: how it was trained.
        pipelines: write both stages' pipelines by skops, too, for whoever wants them.
    """
    labels = tuple(trained.weights.labels)
    packed = pack(trained.weights)
    fitted = trained.fitted
    files = {WEIGHTS: packed}
    if pipelines:
        files[PIPELINE] = _stored(fitted.pipeline(fitted.classes))
        files[SCREEN_PIPELINE] = _stored(fitted.pipeline(fitted.screen))
    model = FlatModel(unpack(packed, labels))
    readings = read(model, parted.test)
    everyday = [each for each in parted.test if each.origin is Origin.HEADLINE] or parted.test
    manifest = Manifest(
        kind=Kind.FLAT,
        labels=labels,
        files={name: sha256(raw) for name, raw in files.items()},
        created=created,
        data_hash=data_hash(parted.train),
        test_hash=data_hash(parted.test),
        code_version=code_version(),
        texts={origin.value: n for origin, n in _count(parted.train).items()},
        threshold=trained.threshold,
        reference=spread_of(model.predict(each.lead) for each in everyday),
        metrics=measure(readings, trained.threshold, recipe.seed) if parted.test else {},
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    write_manifest(folder, manifest)
    return manifest


def code_version() -> str:
    """Name the code that decides about weights: the release, and a hash of those modules."""
    here = Path(__file__).parents[1]
    digest = hashlib.sha256(b"".join((here / name).read_bytes() for name in _CODE))
    return f"{installed('tidings')}+{digest.hexdigest()[:12]}"


def _stored(pipeline: Pipeline) -> bytes:
    raw: bytes = skops.io.dumps(pipeline, compression=ZIP_DEFLATED)
    return raw


def _count(samples: Sequence[Sample]) -> Counter[Origin]:
    return Counter(sample.origin for sample in samples)


def _held_readings(samples: Sequence[Sample], held: Held, degrees: float) -> Readings:
    """Read the held-out logits as the model would, once calibrated."""
    ways = ways_of(held.labels)
    chances = chances_of(held.classes / degrees)
    by_way = np.stack([chances[:, list(columns)].sum(axis=1) for columns in ways.columns], axis=1)
    said = [DIRECTIONS[at] for at in by_way.argmax(axis=1)]
    types = [ways.labels[at].event_type.value for at in chances.argmax(axis=1)]
    return Readings(
        types=np.array([sample.event_type.value for sample in samples]),
        directions=np.array([sample.direction.value for sample in samples]),
        said_types=np.array(types),
        said_directions=np.array([direction.value for direction in said]),
        confidences=by_way.max(axis=1),
        stories=np.array([sample.story for sample in samples]),
    )


def _threshold(readings: Readings) -> float:
    """Find the lowest confidence from which both directions are as right as `PRECISION` asks."""
    for at in _THRESHOLDS:
        if all(
            traded_precision(readings, direction, at) >= PRECISION
            for direction in (Direction.BUY, Direction.SELL)
        ):
            return at
    return _THRESHOLDS[-1]
