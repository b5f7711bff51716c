"""HitBTC, API 3: see docs/venues/hitbtc.md for the protocol."""
