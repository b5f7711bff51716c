"""How the stages are joined into processes: all in one, or one each over Kafka."""
