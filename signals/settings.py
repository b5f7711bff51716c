"""The `[signals]` table of the configuration: when news is too old, too unsure or already told."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from core.runtime.setting_types import Millis, Section
from signals.pipeline import Limits
from signals.trust.trust import Trust, build_trust, tiers_table

_DEFAULTS = Limits()


class TrustSettings(Section):
    """Whom to believe, beyond the bundled tiers.

    Names are `source`, `source:channel` or `source:@author`.

    Attributes:
        official: the party itself.
        trusted: checks before it writes; may deny a story.
        normal: traded in full.
        low: only a token is staked on it until an independent source says the same.
        blocked: never traded on.
        token_share: what may be staked on a low tier alone, of the full size.
        confirmed_share: and when a second, independent low tier says the same.
    """

    official: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    normal: tuple[str, ...] = ()
    low: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    token_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    confirmed_share: Annotated[float, Field(gt=0, le=1)] = 0.5

    @model_validator(mode="after")
    def _each_name_once(self) -> "TrustSettings":
        named = [name.lower() for tier in self.by_tier().values() for name in tier]
        if twice := {name for name in named if named.count(name) > 1}:
            raise ValueError(f"{min(twice)} stands in two tiers: leave it in one")
        return self

    def by_tier(self) -> dict[str, tuple[str, ...]]:
        """Give the names of each tier."""
        return {
            "official": self.official,
            "trusted": self.trusted,
            "normal": self.normal,
            "low": self.low,
            "blocked": self.blocked,
        }

    def judge(self) -> Trust:
        """Make the judge."""
        return build_trust(
            tiers_table(),
            self.by_tier(),
            token_share=self.token_share,
            confirmed_share=self.confirmed_share,
        )


class SignalSettings(Section):
    """Thresholds of the signal stage; `Limits` says what each means.

    Attributes:
        assets: files of more coins, as `universe.tsv` has them; taken anew when they change.
        rules: files of rules that go over the bundled ones; taken anew when they change.
        max_age_by_source: by kind of source, in place of `max_age`.
        trust: whom to believe.
    """

    assets: tuple[Path, ...] = ()
    rules: tuple[Path, ...] = ()
    max_age: Millis = _DEFAULTS.max_age_ms
    max_age_by_source: dict[str, Millis] = Field(default_factory=dict)
    max_ahead: Millis = _DEFAULTS.max_ahead_ms
    story_window: Millis = _DEFAULTS.story_window_ms
    signal_ttl: Annotated[Millis, Field(gt=0)] = _DEFAULTS.signal_ttl_ms
    denial_window: Millis = _DEFAULTS.denial_window_ms
    min_confidence: float = Field(default=_DEFAULTS.min_confidence, ge=0.0, le=1.0)
    trust: TrustSettings = TrustSettings()

    def limits(self) -> Limits:
        """Give the thresholds as the pipeline takes them."""
        return Limits(
            max_age_ms=self.max_age,
            max_ahead_ms=self.max_ahead,
            story_window_ms=self.story_window,
            min_confidence=self.min_confidence,
            signal_ttl_ms=self.signal_ttl,
            max_age_by_source_ms=dict(self.max_age_by_source),
            denial_window_ms=self.denial_window,
        )
