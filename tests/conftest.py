"""Fixtures that every folder of tests may ask for: the real servers and tools."""

pytest_plugins = [
    "tests.servers.kafka",
    "tests.servers.node",
    "tests.servers.postgres",
    "tests.servers.redis",
]
