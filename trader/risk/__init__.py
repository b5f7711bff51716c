"""The gate, the limits and the portfolio they are checked against."""
