"""What is learned from, and what it makes."""
