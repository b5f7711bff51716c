"""Several parts together, or with a real server or tool."""
