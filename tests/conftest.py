"""Fixtures that every folder of tests may ask for: the real servers and tools."""

from collections.abc import Iterator

import pytest

from core.runtime import redaction

pytest_plugins = [
    "tests.servers.kafka",
    "tests.servers.node",
    "tests.servers.postgres",
    "tests.servers.redis",
]


@pytest.fixture(autouse=True)
def _secrets_of_this_test_only() -> Iterator[None]:
    """Forget the secrets a test registers: later ones may use the same words in plain text."""
    known, pattern = set(redaction._known), redaction._known_pattern
    yield
    redaction._known.clear()
    redaction._known.update(known)
    redaction._known_pattern = pattern
