"""Golden cases: texts that must be read the right way."""
