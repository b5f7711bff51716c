"""Alembic's folder: each module in `versions` takes a database from one version to the next."""
