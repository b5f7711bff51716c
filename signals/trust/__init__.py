"""Whom to believe, and how much: tiers of sources, and the marks of impostors."""
