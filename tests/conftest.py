"""Fixtures that every folder of tests may ask for: the real servers."""

from importlib.util import find_spec

pytest_plugins = ["tests.servers.redis", "tests.servers.postgres"]
if find_spec("tests.servers.kafka"):
    pytest_plugins.append("tests.servers.kafka")
