"""How stages are joined: one contract, in process and over Kafka."""
