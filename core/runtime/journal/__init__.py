"""The journal: what was decided and what became of it, durable before an order leaves, then SQL."""
