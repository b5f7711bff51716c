"""The `[signals]` table of the configuration: when news is too old, too unsure or already told."""

from typing import Annotated

from pydantic import Field

from core.runtime.setting_types import Millis, Section
from signals.pipeline import Limits

_DEFAULTS = Limits()


class SignalSettings(Section):
    """Thresholds of the signal stage; `Limits` says what each means."""

    max_age: Millis = _DEFAULTS.max_age_ms
    max_ahead: Millis = _DEFAULTS.max_ahead_ms
    story_window: Millis = _DEFAULTS.story_window_ms
    signal_ttl: Annotated[Millis, Field(gt=0)] = _DEFAULTS.signal_ttl_ms
    min_confidence: float = Field(default=_DEFAULTS.min_confidence, ge=0.0, le=1.0)

    def limits(self) -> Limits:
        """Give the thresholds as the pipeline takes them."""
        return Limits(
            max_age_ms=self.max_age,
            max_ahead_ms=self.max_ahead,
            story_window_ms=self.story_window,
            min_confidence=self.min_confidence,
            signal_ttl_ms=self.signal_ttl,
        )
