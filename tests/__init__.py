"""Tests, by kind: unit, contract, integration, replay, chaos."""
