"""Real servers for the tests that need them, as fixtures: Kafka, Redis, PostgreSQL."""
