"""What HitBTC's client may be told: where the venue is, who we are, how long to wait."""

from typing import Self

from pydantic import model_validator

from core.runtime.settings import Millis, Secret, Section


class HitBtcSettings(Section):
    """One HitBTC account; without credentials only its public data."""

    api_key: str | None = None
    secret: Secret | None = None
    trading_url: str = "wss://api.hitbtc.com/api/3/ws/trading"
    public_url: str = "wss://api.hitbtc.com/api/3/ws/public"
    rest_url: str = "https://api.hitbtc.com/api/3"
    """With the path that every request's path begins with."""
    request_timeout_ms: Millis = 2_000
    """How long an order's answer may take before its fate is unknown."""
    rest_timeout_ms: Millis = 5_000
    """How long a REST answer may take, the whole of it."""
    connect_timeout_ms: Millis = 5_000
    """How long each step of connecting may take."""
    window_ms: Millis = 10_000
    """How far the venue's clock may be from ours at the login."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.api_key is None) != (self.secret is None):
            raise ValueError("set both api_key and secret, or neither for public data only")
        return self
