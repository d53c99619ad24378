"""The command line, ``python starter.py --help``; and ``SupportDesk`` for backend services."""

from closeloop.calls import leave
from closeloop.cli.main import run
from closeloop.client import Opened, SupportDesk

__all__ = ["Opened", "SupportDesk", "leave"]

if __name__ == "__main__":
    run()
