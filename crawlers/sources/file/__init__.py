"""Past posts from files, for backfills."""
