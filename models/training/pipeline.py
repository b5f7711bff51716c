"""The classifier as scikit-learn pipelines: how it is fitted, calibrated and laid out flat."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import chi2
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from core.contracts.signal import EventType
from models.features import grams
from models.flat import Floats, Weights
from models.labels import read_label
from models.training.samples import Sample

Counts = Any  # a sparse matrix: scipy has no types
NEWS: Final = "news"
NOT_NEWS: Final = "not_news"

_LEAST: Final = 1e-12
_FURTHEST: Final = 60.0  # a class that no text of a fold had: as improbable as logits go


class Recipe(NamedTuple):
    """How a model is made; all that decides about its weights besides the samples.

    Attributes:
        least_texts: a feature of fewer texts is left out.
        features: how many are kept, those that tell most about the classes first.
        pieces: the scale of pieces of words beside that of words and pairs.
        looseness: inverse strength of the regularisation of the classes' margins.
        balance: a class of n texts counts n to the power of 1 - balance for the margins: 0 as they
            come, 1 all classes alike.
        screen_looseness: the same for the first stage.
        screen_recall: part of the news that the first stage lets pass.
        least_class: a class of fewer texts is not learnt.
        folds: for calibration, each story wholly in one.
        seed: for whatever is drawn.
    """

    least_texts: int = 2
    features: int = 30_000
    pieces: float = 0.5
    looseness: float = 1.0
    balance: float = 0.5
    screen_looseness: float = 30.0
    screen_recall: float = 0.995
    least_class: int = 5
    folds: int = 5
    seed: int = 20_260_222


class Weighting(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Scales counts and divides by their length: the root of the sum of count times scale squared.

    As TF-IDF with L2 norm where nothing repeats; unlike that, the length is a sum over tokens.
    """

    def __init__(self, scale: Floats) -> None:
        self.scale = scale

    def fit(self, counts: Counts, classes: object = None) -> Self:  # noqa: ARG002 - sklearn's way
        """Learn nothing: the scale is given."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Say that it can be used."""
        return True

    def transform(self, counts: Counts) -> Counts:
        """Weigh counts."""
        lengths = np.sqrt(counts @ self.scale**2)
        lengths[lengths == 0] = 1.0
        return sparse.diags_array(1 / lengths) @ counts @ sparse.diags_array(self.scale)


class Fitted(NamedTuple):
    """A fitted classifier.

    Attributes:
        features: their names, in the order of the columns.
        scale: what counts are multiplied by.
        screen: tells news from none.
        classes: tells the classes.
    """

    features: list[str]
    scale: Floats
    screen: LogisticRegression
    classes: LogisticRegression

    def pipeline(self, last: LogisticRegression) -> Pipeline:
        """Give the whole way from masked leads to probabilities."""
        counts = CountVectorizer(analyzer=grams, vocabulary=self.features)
        return Pipeline([("counts", counts), ("weights", Weighting(self.scale)), ("last", last)])

    def weights(self, screen_at: float) -> Weights:
        """Lay it out flat."""
        return Weights(
            features=self.features,
            scale=self.scale,
            screen=self.screen.coef_[0],
            screen_bias=float(self.screen.intercept_[0]),
            screen_at=screen_at,
            classes=self.classes.coef_,
            bias=self.classes.intercept_,
            labels=[str(name) for name in self.classes.classes_],
        )


def fit(samples: Sequence[Sample], recipe: Recipe) -> Fitted:
    """Fit both stages, uncalibrated; the same samples in the same order give the same weights."""
    labels = np.array([sample.label for sample in samples])
    importance = np.array([sample.weight for sample in samples])
    vectorizer = CountVectorizer(analyzer=grams, min_df=recipe.least_texts)
    counts = vectorizer.fit_transform([sample.lead for sample in samples])
    names = vectorizer.get_feature_names_out()
    telling = np.nan_to_num(chi2(counts, labels)[0])
    kept = np.sort(np.argsort(-telling, kind="stable")[: recipe.features])
    counts, features = counts[:, kept], [str(name) for name in names[kept]]
    scale = _scale(counts, features, recipe.pieces)
    weighed = Weighting(scale).transform(counts)
    news = np.array([_is_news(str(label)) for label in labels])
    screen = LogisticRegression(C=recipe.screen_looseness, max_iter=1_000, tol=1e-3)
    screen.fit(weighed, np.where(news, NEWS, NOT_NEWS), importance)
    if screen.classes_[0] == NEWS:  # the second class is the one whose weights these are
        screen.classes_ = screen.classes_[::-1].copy()
        screen.coef_, screen.intercept_ = -screen.coef_, -screen.intercept_
    margins = LinearSVC(C=recipe.looseness, random_state=recipe.seed)
    margins.fit(weighed, labels, importance * _balance(labels, recipe.balance))
    return Fitted(features, scale, screen, _softmax_of(margins))


class Held(NamedTuple):
    """What folds said about samples that they had not learnt from.

    Attributes:
        screen: logits of being news.
        classes: logits, one row a sample.
        labels: names of the classes.
    """

    screen: Floats
    classes: Floats
    labels: list[str]


def hold_out(samples: Sequence[Sample], recipe: Recipe) -> Held:
    """Judge each sample by a model that learnt from other stories only."""
    labels = sorted({sample.label for sample in samples})
    screen = np.zeros(len(samples))
    classes = np.full((len(samples), len(labels)), -_FURTHEST)
    stories = [sample.story for sample in samples]
    folds = GroupKFold(recipe.folds, shuffle=True, random_state=recipe.seed)
    for learnt, held in folds.split(samples, groups=stories):
        fitted = fit([samples[at] for at in learnt], recipe)
        leads = [samples[at].lead for at in held]
        weighed = fitted.pipeline(fitted.screen)[:-1].transform(leads)
        screen[held] = fitted.screen.decision_function(weighed)
        columns = [labels.index(str(name)) for name in fitted.classes.classes_]
        classes[np.ix_(held, columns)] = (
            weighed @ fitted.classes.coef_.T + fitted.classes.intercept_
        )
    return Held(screen, classes, labels)


def temperature(logits: Floats, right: NDArray[np.bool_], importance: Floats) -> float:
    """Find what to divide logits by so that what is right is least surprising.

    Args:
        logits: one row a sample, one column a class.
        right: in the same shape, which classes count as right: their probabilities are added up.
        importance: of each sample.
    """

    def surprise(log_temperature: float) -> float:
        chances = (chances_of(logits / np.exp(log_temperature)) * right).sum(axis=1)
        return float((importance * -np.log(np.maximum(chances, _LEAST))).sum())

    return float(np.exp(minimize_scalar(surprise, bounds=(-3.0, 3.0), method="bounded").x))


def cool(model: LogisticRegression, degrees: float) -> None:
    """Divide a model's logits, and keep its weights in few bits: as they will be stored."""
    model.coef_ = (model.coef_ / degrees).astype(np.float16).astype(np.float64)
    model.intercept_ = (model.intercept_ / degrees).astype(np.float32).astype(np.float64)


def chances_of(logits: Floats) -> Floats:
    """Turn logits into probabilities, row by row."""
    chances: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    return chances


def _balance(labels: NDArray[np.str_], strength: float) -> Floats:
    """Give for each text how much more or less it counts so that rare classes are heard."""
    _, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    factors: Floats = np.asarray(counts, float)[places] ** -strength
    factors *= len(labels) / factors.sum()
    return factors


def _softmax_of(margins: LinearSVC) -> LogisticRegression:
    """Give the model whose logits are these margins, for `cool` to calibrate.

    Margins of one class against all others tell short texts apart better than a multinomial
    regression's logits do: docs/models/comparison.md has the figures.
    """
    model = LogisticRegression()
    model.classes_ = margins.classes_
    model.n_features_in_ = margins.n_features_in_
    model.coef_, model.intercept_ = margins.coef_, margins.intercept_
    return model


def _scale(counts: Counts, features: Sequence[str], pieces: float) -> Floats:
    texts = counts.shape[0]
    having = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity: Floats = np.log((1 + texts) / (1 + having)) + 1
    blocks: Floats = np.where([name.startswith("#") for name in features], pieces, 1.0)
    # As it will be stored.
    scale: Floats = (rarity * blocks).astype(np.float32).astype(np.float64)
    return scale


def _is_news(label: str) -> bool:
    return read_label(label).event_type is not EventType.NOT_NEWS
