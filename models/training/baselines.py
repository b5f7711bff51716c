"""What a classifier has to beat: a bot of tickers and keywords, VADER, and plain TF-IDF."""

import re
from collections.abc import Sequence
from typing import Final

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from core.contracts.signal import Direction, EventType
from models.labels import ways_of
from models.predictor import Prediction
from models.predictors import OpenedModel
from models.training.samples import Sample

_TICKER: Final = re.compile(r"\$?\b[A-Z]{2,6}\b|\b(?:Bitcoin|Ethereum|Solana|Cardano|Ripple)\b")
_WORD: Final = re.compile(r"[a-z]+")
_KEYWORDS: Final = {
    "delist": EventType.DELISTING,
    "delisting": EventType.DELISTING,
    "delists": EventType.DELISTING,
    "list": EventType.LISTING,
    "lists": EventType.LISTING,
    "listing": EventType.LISTING,
    "listed": EventType.LISTING,
    "hack": EventType.HACK,
    "hacked": EventType.HACK,
    "exploit": EventType.HACK,
    "exploited": EventType.HACK,
    "stolen": EventType.HACK,
    "bankruptcy": EventType.INSOLVENCY,
    "insolvent": EventType.INSOLVENCY,
    "partnership": EventType.PARTNERSHIP,
    "partners": EventType.PARTNERSHIP,
    "adopts": EventType.PARTNERSHIP,
    "mainnet": EventType.LAUNCH,
    "launch": EventType.LAUNCH,
    "launches": EventType.LAUNCH,
    "upgrade": EventType.UPGRADE,
    "fork": EventType.UPGRADE,
    "outage": EventType.OUTAGE,
    "halted": EventType.TRADING_SUSPENDED,
    "suspends": EventType.TRADING_SUSPENDED,
    "suspended": EventType.TRADING_SUSPENDED,
    "resumes": EventType.TRADING_RESUMED,
    "approves": EventType.ETF_APPROVED,
    "approved": EventType.ETF_APPROVED,
    "ban": EventType.REGULATION_AGAINST,
    "bans": EventType.REGULATION_AGAINST,
    "sues": EventType.LAWSUIT,
    "lawsuit": EventType.LAWSUIT,
    "settles": EventType.SETTLEMENT,
    "raises": EventType.FUNDING,
    "burn": EventType.BUYBACK,
    "burns": EventType.BUYBACK,
    "buyback": EventType.BUYBACK,
    "unlock": EventType.UNLOCK,
    "depeg": EventType.DEPEG,
}
_BAD: Final = frozenset(
    (
        EventType.DELISTING,
        EventType.HACK,
        EventType.INSOLVENCY,
        EventType.OUTAGE,
        EventType.TRADING_SUSPENDED,
        EventType.REGULATION_AGAINST,
        EventType.LAWSUIT,
        EventType.UNLOCK,
        EventType.DEPEG,
    )
)
_POINTS: Final = 0.05  # VADER's authors' own limit between neutral and not


class KeywordBot:
    """Trades on the first keyword of any text with a ticker in it, as simple bots do."""

    def predict(self, text: str) -> Prediction | None:
        """Judge a text as written."""
        if _TICKER.search(text):
            for word in _WORD.findall(text.lower()):
                if (kind := _KEYWORDS.get(word)) is not None:
                    way = Direction.SELL if kind in _BAD else Direction.BUY
                    return Prediction(kind, way, 1.0, (word,))
        return None


class Vader:
    """Trades on the text's tone; of the kinds of news it says the commonest of that direction."""

    def __init__(self) -> None:
        self._analyser = SentimentIntensityAnalyzer()

    def predict(self, text: str) -> Prediction | None:
        """Judge a text as written."""
        tone = float(self._analyser.polarity_scores(text)["compound"])
        if abs(tone) < _POINTS:
            return None
        kind, way = (
            (EventType.LISTING, Direction.BUY) if tone > 0 else (EventType.HACK, Direction.SELL)
        )
        return Prediction(kind, way, abs(tone), ())


def plain_tfidf(samples: Sequence[Sample]) -> OpenedModel:
    """Train TF-IDF over words and logistic regression, both as they come, on texts as written."""
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1_000))
    pipeline.fit([sample.words for sample in samples], [sample.label for sample in samples])

    def chances(lead: str) -> Sequence[float]:
        found: list[float] = pipeline.predict_proba([lead])[0].tolist()
        return found

    return OpenedModel(chances, ways_of([str(name) for name in pipeline.classes_]))
