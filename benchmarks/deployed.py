"""What is deployed, for benchmarks: the bundled rules and tables, and the bundled model."""

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from models.features import grams
from models.manifest import MANIFEST, read_file, read_manifest
from models.predictor import Predictor
from models.predictors import open_model
from models.registry import BUNDLED_FOLDER
from models.training.pipeline import Weighting
from models.weights import WEIGHTS, unpack


def deployed_model() -> Predictor | None:
    """Open the bundled model; None where none is bundled.

    Raises:
        ConfigurationError: it is malformed or was tampered with.
    """
    if not (BUNDLED_FOLDER / MANIFEST).exists():
        return None
    return open_model(BUNDLED_FOLDER, read_manifest(BUNDLED_FOLDER)[0])


def deployed_pipeline() -> Pipeline | None:
    """Build scikit-learn's pipeline of the bundled model's weights; None where none is bundled.

    Raises:
        ConfigurationError: it is malformed or was tampered with.
    """
    if not (BUNDLED_FOLDER / MANIFEST).exists():
        return None
    manifest, _ = read_manifest(BUNDLED_FOLDER)
    weights = unpack(read_file(BUNDLED_FOLDER, manifest, WEIGHTS), manifest.labels)
    last = LogisticRegression()
    last.classes_ = np.array(weights.labels)
    last.coef_, last.intercept_ = weights.classes, weights.bias
    counts = CountVectorizer(analyzer=grams, vocabulary=weights.features)
    return Pipeline([("counts", counts), ("weights", Weighting(weights.scale)), ("last", last)])
