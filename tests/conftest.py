"""Fixtures that every folder of tests may ask for: the real servers and tools."""

from importlib.util import find_spec

pytest_plugins = ["tests.servers.node", "tests.servers.postgres", "tests.servers.redis"]
if find_spec("tests.servers.kafka"):
    pytest_plugins.append("tests.servers.kafka")
