"""The port through which signals ask a trained model what a text means."""

from typing import NamedTuple, Protocol

from core.contracts.signal import Direction, EventType


class Prediction(NamedTuple):
    """What a model takes a text for.

    Attributes:
        event_type: `NOT_NEWS` where it is none of the kinds we trade.
        direction: neutral where it points nowhere.
        confidence: calibrated probability in [0, 1] that type and direction are right.
        reasons: the words that weighed most, heaviest first.
    """

    event_type: EventType
    direction: Direction
    confidence: float
    reasons: tuple[str, ...]


class Predictor(Protocol):
    """Reads one text. Pure: no clock, no I/O, the same text always gives the same prediction.

    It is called between a news socket and an order socket: microseconds, not milliseconds.
    """

    def predict(self, title: str | None, text: str) -> Prediction | None:
        """Judge a text; None where the model has nothing to say."""
        ...
