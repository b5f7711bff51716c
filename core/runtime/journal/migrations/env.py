"""Runs migrations for Alembic, on the connection that `core.runtime.journal.schema` opened."""

from alembic import context

from core.runtime.journal.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
