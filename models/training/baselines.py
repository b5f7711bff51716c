"""What a classifier has to beat: a bot of keywords, VADER, and plain TF-IDF with a regression."""

import re
from collections.abc import Sequence
from typing import Final

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from threadpoolctl import threadpool_limits
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from core.contracts.signal import Direction, EventType
from models.labels import DIRECTIONS, read_label, ways_of
from models.predictor import Prediction
from models.training.samples import Sample

VADER_LEAST: Final = 0.05
"""Compound scores nearer to nought are neutral, as its authors advise."""

_WORD: Final = re.compile(r"[^\W_]+")
_KEYWORDS: Final = {
    "list": EventType.LISTING,
    "lists": EventType.LISTING,
    "listing": EventType.LISTING,
    "listed": EventType.LISTING,
    "delist": EventType.DELISTING,
    "delists": EventType.DELISTING,
    "delisting": EventType.DELISTING,
    "delisted": EventType.DELISTING,
    "hack": EventType.HACK,
    "hacked": EventType.HACK,
    "exploit": EventType.HACK,
    "exploited": EventType.HACK,
    "stolen": EventType.HACK,
    "drained": EventType.HACK,
    "bankruptcy": EventType.INSOLVENCY,
    "bankrupt": EventType.INSOLVENCY,
    "insolvent": EventType.INSOLVENCY,
    "suspends": EventType.TRADING_SUSPENDED,
    "suspended": EventType.TRADING_SUSPENDED,
    "resumes": EventType.TRADING_RESUMED,
    "resumed": EventType.TRADING_RESUMED,
    "partnership": EventType.PARTNERSHIP,
    "partners": EventType.PARTNERSHIP,
    "integrates": EventType.PARTNERSHIP,
    "launch": EventType.LAUNCH,
    "launches": EventType.LAUNCH,
    "mainnet": EventType.LAUNCH,
    "upgrade": EventType.UPGRADE,
    "fork": EventType.UPGRADE,
    "outage": EventType.OUTAGE,
    "halted": EventType.OUTAGE,
    "approved": EventType.ETF_APPROVED,
    "approves": EventType.ETF_APPROVED,
    "etf": EventType.ETF_FILED,
    "rejects": EventType.ETF_REFUSED,
    "rejected": EventType.ETF_REFUSED,
    "ban": EventType.REGULATION_AGAINST,
    "bans": EventType.REGULATION_AGAINST,
    "fined": EventType.REGULATION_AGAINST,
    "legal": EventType.REGULATION_FOR,
    "license": EventType.REGULATION_FOR,
    "lawsuit": EventType.LAWSUIT,
    "sues": EventType.LAWSUIT,
    "sued": EventType.LAWSUIT,
    "charged": EventType.LAWSUIT,
    "settlement": EventType.SETTLEMENT,
    "settles": EventType.SETTLEMENT,
    "raises": EventType.FUNDING,
    "funding": EventType.FUNDING,
    "burn": EventType.BUYBACK,
    "burned": EventType.BUYBACK,
    "buyback": EventType.BUYBACK,
    "unlock": EventType.UNLOCK,
    "unlocks": EventType.UNLOCK,
    "whale": EventType.WHALE,
    "depeg": EventType.DEPEG,
    "depegs": EventType.DEPEG,
}
_SELL: Final = frozenset(
    (
        EventType.DELISTING,
        EventType.HACK,
        EventType.INSOLVENCY,
        EventType.TRADING_SUSPENDED,
        EventType.OUTAGE,
        EventType.ETF_REFUSED,
        EventType.REGULATION_AGAINST,
        EventType.LAWSUIT,
        EventType.UNLOCK,
        EventType.WHALE,
        EventType.DEPEG,
    )
)
_SILENT: Final = Prediction(EventType.NOT_NEWS, Direction.NEUTRAL, 1.0, ())


class Keywords:
    """The first word of a list decides, whatever stands around it; always sure."""

    def predict(self, text: str) -> Prediction:
        """Judge a text as written."""
        for word in _WORD.findall(text.lower()):
            if (kind := _KEYWORDS.get(word)) is not None:
                way = Direction.SELL if kind in _SELL else Direction.BUY
                return Prediction(kind, way, 1.0, (word,))
        return _SILENT


class Vader:
    """VADER's sentiment is the direction, its strength the confidence; it knows no kinds."""

    def __init__(self) -> None:
        self._analyzer = SentimentIntensityAnalyzer()

    def predict(self, text: str) -> Prediction:
        """Judge a text as written."""
        score: float = self._analyzer.polarity_scores(text)["compound"]
        if abs(score) < VADER_LEAST:
            return _SILENT
        way = Direction.BUY if score > 0 else Direction.SELL
        return Prediction(EventType.NOT_NEWS, way, abs(score), ())


class PlainModel:
    """TF-IDF over the words as written and a logistic regression, both as they come."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        """Fit; the same samples in the same order give the same weights."""
        self._pipeline: Pipeline = make_pipeline(
            TfidfVectorizer(), LogisticRegression(max_iter=1_000)
        )
        with threadpool_limits(1):
            self._pipeline.fit([s.words for s in samples], [s.label for s in samples])
        self._ways = ways_of([str(name) for name in self._pipeline.classes_])

    def predict_all(self, texts: Sequence[str]) -> list[Prediction]:
        """Judge texts as written: the likelier direction, and of its classes the likeliest."""
        found: list[Prediction] = []
        for chances in self._pipeline.predict_proba(texts).tolist():
            sums = [sum(chances[at] for at in columns) for columns in self._ways.columns]
            way = sums.index(max(sums))
            best = max(self._ways.columns[way], key=chances.__getitem__)
            label = read_label(str(self._pipeline.classes_[best]))
            found.append(Prediction(label.event_type, DIRECTIONS[way], sums[way], ()))
        return found
