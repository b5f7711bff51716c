"""Compares classifiers on one split: ours, spaCy's text categoriser, and the baselines."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import spacy
from spacy.training import Example
from thinc.api import fix_random_seed
from threadpoolctl import threadpool_limits

from models.flat import FlatModel
from models.labels import ways_of
from models.manifest import Figure
from models.predictor import Predictor
from models.predictors import OpenedModel
from models.training.baselines import KeywordBot, Vader, plain_tfidf
from models.training.measure import measure, read, read_words
from models.training.pipeline import Recipe
from models.training.samples import Sample
from models.training.split import Split
from models.training.train import train

EPOCHS: Final = 6
_BATCH: Final = 64

# spaCy's own set-up of its stacked categoriser: a network over words beside a linear one.
_ENSEMBLE: Final = {
    "@architectures": "spacy.TextCatEnsemble.v2",
    "tok2vec": {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": {
            "@architectures": "spacy.MultiHashEmbed.v2",
            "width": 64,
            "rows": [2000, 1000, 1000],
            "attrs": ["NORM", "PREFIX", "SUFFIX"],
            "include_static_vectors": False,
        },
        "encode": {
            "@architectures": "spacy.MaxoutWindowEncoder.v2",
            "width": 64,
            "window_size": 1,
            "maxout_pieces": 3,
            "depth": 2,
        },
    },
    "linear_model": {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": True,
        "ngram_size": 2,
        "no_output_layer": False,
        "length": 262_144,
    },
}


class Compared(NamedTuple):
    """One classifier's figures.

    Attributes:
        name: of the classifier.
        metrics: on the test set.
        training_s: seconds to train; 0 for what needs none.
        reading_us: microseconds a text, on average.
    """

    name: str
    metrics: dict[str, Figure]
    training_s: float
    reading_us: float


def compare(parted: Split, recipe: Recipe, threshold: float = 0.9) -> list[Compared]:
    """Train each on the same texts, and measure it on the same test, at one threshold."""
    makers: dict[str, Callable[[], Predictor]] = {
        "two-stage linear model": lambda: FlatModel(train(parted.train, recipe).weights),
        "spaCy text categoriser": lambda: spacy_categoriser(parted.train, recipe.seed),
        "TF-IDF, logistic regression": lambda: plain_tfidf(parted.train),
        "VADER": Vader,
        "keyword bot": KeywordBot,
    }
    masked = {"two-stage linear model", "spaCy text categoriser"}
    found: list[Compared] = []
    for name, make in makers.items():
        begun = time.perf_counter()
        model = make()
        made = time.perf_counter()
        readings = (read if name in masked else read_words)(model, parted.test)
        done = time.perf_counter()
        figures = measure(readings, threshold, recipe.seed)
        per_text = (done - made) / max(len(parted.test), 1) * 1e6
        found.append(Compared(name, figures, made - begun, per_text))
    return found


def spacy_categoriser(samples: Sequence[Sample], seed: int) -> OpenedModel:
    """Train spaCy's text categoriser on masked leads."""
    fix_random_seed(seed)
    labels = sorted({sample.label for sample in samples})
    language = spacy.blank("en")
    categoriser: Any = language.add_pipe("textcat", config={"model": _ENSEMBLE})
    for label in labels:
        categoriser.add_label(label)
    examples = [
        Example.from_dict(
            language.make_doc(sample.lead),
            {"cats": {label: float(label == sample.label) for label in labels}},
        )
        for sample in samples
    ]
    with threadpool_limits(1):
        optimiser = language.initialize(lambda: examples)
        drawn = random.Random(seed)  # noqa: S311 - an order, no secret
        for _ in range(EPOCHS):
            drawn.shuffle(examples)
            for at in range(0, len(examples), _BATCH):
                language.update(examples[at : at + _BATCH], sgd=optimiser, drop=0.3)

    def chances(lead: str) -> Sequence[float]:
        cats = language(lead).cats
        return [cats[label] for label in labels]

    return OpenedModel(chances, ways_of(labels))


def as_markdown(compared: Sequence[Compared]) -> str:
    """Write the figures as a table."""
    names = list(compared[0].metrics)
    lines = [
        f"| | {' | '.join(each.name for each in compared)} |",
        f"|---|{'---|' * len(compared)}",
    ]
    for name in names:
        cells = [
            f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
            for figure in (each.metrics[name] for each in compared)
        ]
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    lines.append(f"| training, s | {' | '.join(f'{each.training_s:.0f}' for each in compared)} |")
    lines.append(f"| a text, µs | {' | '.join(f'{each.reading_us:.0f}' for each in compared)} |")
    return "\n".join(lines) + "\n"
