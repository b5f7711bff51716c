"""A missing server skips a test, unless the environment requires it."""

import pytest

from tests.servers.requirement import REQUIRED, require


@pytest.mark.parametrize("required", ["", "redis", "kafka2,redis"])
def test_missing_server_that_nobody_requires_skips_with_the_reason(
    required: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REQUIRED, required)
    with pytest.raises(pytest.skip.Exception, match="no Java here"):
        require("kafka", "no Java here")


@pytest.mark.parametrize("required", ["kafka", "redis, kafka"])
def test_missing_server_that_is_required_fails_with_the_reason(
    required: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REQUIRED, required)
    with pytest.raises(pytest.fail.Exception, match="no Java here"):
        require("kafka", "no Java here")
