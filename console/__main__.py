"""Lets `python -m console` do what `tidings` does."""

from console.cli import main

main()
