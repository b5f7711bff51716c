"""Posts of X (Twitter): filtered stream, recent search and timelines, with a pool of keys."""
