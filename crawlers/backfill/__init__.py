"""A range of the past, gathered page by page, then put in order: survives `kill -9`."""
