"""The command line: ``python starter.py --help``; and the door for backend services, ``SupportDesk``."""

import sys

from closeloop.cli.main import main
from closeloop.client import Opened, SupportDesk

__all__ = ["Opened", "SupportDesk"]

if __name__ == "__main__":
    sys.exit(main())
