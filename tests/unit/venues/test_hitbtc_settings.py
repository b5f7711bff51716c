"""HitBTC's settings are whole, or refused with the fix."""

import pytest
from pydantic import ValidationError

from trader.venues.hitbtc.settings import HitBtcSettings


def test_default_is_public_data_of_the_real_venue() -> None:
    settings = HitBtcSettings()
    assert settings.secret is None
    assert settings.trading_url.startswith("wss://")
    assert settings.rest_url.startswith("https://")


@pytest.mark.parametrize("given", [{"api_key": "key-1"}, {"secret": "secret-1"}])
def test_half_of_the_credentials_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="both api_key and secret"):
        HitBtcSettings.model_validate(given)


def test_secret_is_in_no_print() -> None:
    settings = HitBtcSettings.model_validate({"api_key": "key-1", "secret": "never-shown"})
    assert "never-shown" not in f"{settings!r} {settings}"
