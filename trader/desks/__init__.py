"""Desks: strategies that make intents."""
