"""What every stage runs on: settings, bus, journal, state, tasks, service life cycle, logs."""
