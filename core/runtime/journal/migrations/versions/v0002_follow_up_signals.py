"""Signals may raise or close what an earlier one opened."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "signals", sa.Column("action", sa.String(32), nullable=False, server_default="open")
    )
    op.add_column("signals", sa.Column("share", sa.Double(), nullable=False, server_default="1"))
    op.add_column("signals", sa.Column("follows", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("signals", "follows")
    op.drop_column("signals", "share")
    op.drop_column("signals", "action")
