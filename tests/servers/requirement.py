"""Decides whether a test whose server is missing is skipped or an error."""

import os
from typing import NoReturn

import pytest

REQUIRED = "TIDINGS_TEST_REQUIRE"


def require(name: str, missing_reason: str) -> NoReturn:
    """Give up on a test because `name` (kafka, redis, postgres, browser, node) is missing.

    It is skipped with the reason, unless the environment's TIDINGS_TEST_REQUIRE (names with
    commas between) has the name: then it is an error, so that CI can't pass by skipping.
    """
    if name in {part.strip() for part in os.environ.get(REQUIRED, "").split(",")}:
        pytest.fail(f"{missing_reason} ({REQUIRED} has {name})", pytrace=False)
    pytest.skip(missing_reason)
