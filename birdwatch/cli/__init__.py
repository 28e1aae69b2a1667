"""The command line: thin words over the same intake that pages and API use."""

from birdwatch.cli.commands import main

__all__ = ["main"]
