"""Order truth: the life cycle as one table, the orders in flight, reconciliation."""
