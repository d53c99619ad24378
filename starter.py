"""The command line, ``python starter.py --help``; and ``SupportDesk`` for backend services."""

from closeloop.cli.main import run
from closeloop.client import Opened, SupportDesk

__all__ = ["Opened", "SupportDesk"]

if __name__ == "__main__":
    run()
