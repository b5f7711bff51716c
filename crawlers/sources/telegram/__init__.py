"""Channels and groups of Telegram, live and back in time."""
