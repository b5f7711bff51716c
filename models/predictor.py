"""The port through which signals ask a trained model what a text means."""

from typing import NamedTuple, Protocol

from core.contracts.signal import Direction, EventType


class Prediction(NamedTuple):
    """What a model takes a text for.

    Attributes:
        event_type: `NOT_NEWS` where it is none of the kinds we trade.
        direction: neutral where it points nowhere.
        confidence: calibrated probability in [0, 1] that the direction, which is what would be
            traded, is right.
        reasons: the words that weighed most, heaviest first.
        detail: the finer kind of no news, a `NotNews`; empty for news.
    """

    event_type: EventType
    direction: Direction
    confidence: float
    reasons: tuple[str, ...]
    detail: str = ""


class Predictor(Protocol):
    """Reads one text. Pure: no clock, no I/O, the same text always gives the same prediction.

    It is called between a news socket and an order socket: microseconds, not milliseconds.
    """

    def predict(self, lead: str) -> Prediction | None:
        """Judge a text.

        Args:
            lead: its first sentences in lower case, joined by line feeds, with marks in the place
                of the parties; `models.features` lists the marks.

        Returns:
            None where the model has nothing to say: it is surely no news.
        """
        ...
