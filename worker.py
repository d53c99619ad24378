"""The worker: ``python worker.py --dev`` for one machine; without it, Temporal's envconfig."""

import sys

from closeloop.serve import main

if __name__ == "__main__":
    sys.exit(main())
