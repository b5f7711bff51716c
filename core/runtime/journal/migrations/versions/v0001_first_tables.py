"""The first tables: what the journal copies, and the crawlers' cursors."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "asset_stories",
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("stories", sa.Text(), nullable=False),
        sa.Column("changed_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", name="pk_asset_stories"),
    )
    op.create_index("ix_asset_stories_at_ns", "asset_stories", ["at_ns"])
    op.create_table(
        "crawl_cursors",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "channel", name="pk_crawl_cursors"),
    )
    op.create_table(
        "exit_plans",
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("signal_id", sa.Text(), nullable=False),
        sa.Column("entry_client_order_id", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("quote_asset", sa.Text(), nullable=False),
        sa.Column("side", sa.String(32), nullable=False),
        sa.Column("entry_price", sa.String(), nullable=False),
        sa.Column("take_profit", sa.String(), nullable=False),
        sa.Column("stop", sa.String(), nullable=False),
        sa.Column("close_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_exit_plans"),
    )
    op.create_index("ix_exit_plans_at_ns", "exit_plans", ["at_ns"])
    op.create_index("ix_exit_plans_entry_client_order_id", "exit_plans", ["entry_client_order_id"])
    op.create_table(
        "exits_closed",
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("entry_client_order_id", sa.Text(), nullable=False),
        sa.Column("closed_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_exits_closed"),
    )
    op.create_index("ix_exits_closed_at_ns", "exits_closed", ["at_ns"])
    op.create_index(
        "ix_exits_closed_entry_client_order_id", "exits_closed", ["entry_client_order_id"]
    )
    op.create_table(
        "fills",
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("trade_id", sa.Text(), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.String(32), nullable=False),
        sa.Column("price", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("fee", sa.String(), nullable=False),
        sa.Column("fee_asset", sa.Text(), nullable=False),
        sa.Column("taker", sa.Boolean(), nullable=False),
        sa.Column("venue_ns", sa.BigInteger(), nullable=False),
        sa.Column("received_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_fills"),
        sa.UniqueConstraint(
            "venue", "trade_id", "client_order_id", name="uq_fills_venue_trade_id_client_order_id"
        ),
    )
    op.create_index("ix_fills_at_ns", "fills", ["at_ns"])
    op.create_index("ix_fills_client_order_id", "fills", ["client_order_id"])
    op.create_table(
        "gate_changes",
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("changed_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_gate_changes"),
    )
    op.create_index("ix_gate_changes_at_ns", "gate_changes", ["at_ns"])
    op.create_table(
        "intents",
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=False),
        sa.Column("signal_id", sa.Text(), nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("quote_asset", sa.Text(), nullable=False),
        sa.Column("side", sa.String(32), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("limit_price", sa.String(), nullable=False),
        sa.Column("time_in_force", sa.String(32), nullable=False),
        sa.Column("reduces", sa.Boolean(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), nullable=False),
        sa.Column("approved_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_intents"),
    )
    op.create_index("ix_intents_at_ns", "intents", ["at_ns"])
    op.create_index("ix_intents_client_order_id", "intents", ["client_order_id"])
    op.create_table(
        "journal_position",
        sa.Column("log_id", sa.Text(), nullable=False),
        sa.Column("segment", sa.BigInteger(), nullable=False),
        sa.Column("byte_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", name="pk_journal_position"),
    )
    op.create_table(
        "order_reports",
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("report", sa.String(32), nullable=False),
        sa.Column("venue_order_id", sa.Text(), nullable=True),
        sa.Column("filled_quantity", sa.String(), nullable=False),
        sa.Column("fill", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("venue_ns", sa.BigInteger(), nullable=True),
        sa.Column("received_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_order_reports"),
    )
    op.create_index("ix_order_reports_at_ns", "order_reports", ["at_ns"])
    op.create_index("ix_order_reports_client_order_id", "order_reports", ["client_order_id"])
    op.create_table(
        "other_records",
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_other_records"),
    )
    op.create_index("ix_other_records_at_ns", "other_records", ["at_ns"])
    op.create_index("ix_other_records_kind_at_ns", "other_records", ["kind", "at_ns"])
    op.create_table(
        "refusals",
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("signal_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=True),
        sa.Column("asset", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("refused_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_refusals"),
    )
    op.create_index("ix_refusals_at_ns", "refusals", ["at_ns"])
    op.create_index("ix_refusals_signal_id", "refusals", ["signal_id"])
    op.create_table(
        "seen_events",
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_seen_events"),
        sa.UniqueConstraint("source", "event_id", name="uq_seen_events_source_event_id"),
    )
    op.create_index("ix_seen_events_source_at_ns", "seen_events", ["source", "at_ns"])
    op.create_table(
        "signals",
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("story_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("direction", sa.String(32), nullable=False),
        sa.Column("event_type", sa.String(32), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("published_ns", sa.BigInteger(), nullable=False),
        sa.Column("received_ns", sa.BigInteger(), nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_signals"),
    )
    op.create_index("ix_signals_at_ns", "signals", ["at_ns"])
    op.create_index("ix_signals_id", "signals", ["id"])


def downgrade() -> None:
    op.drop_table("signals")
    op.drop_table("seen_events")
    op.drop_table("refusals")
    op.drop_table("other_records")
    op.drop_table("order_reports")
    op.drop_table("journal_position")
    op.drop_table("intents")
    op.drop_table("gate_changes")
    op.drop_table("fills")
    op.drop_table("exits_closed")
    op.drop_table("exit_plans")
    op.drop_table("crawl_cursors")
    op.drop_table("asset_stories")
