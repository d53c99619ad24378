"""The worker: ``python worker.py --dev`` for one machine; without it, Temporal's envconfig."""

from closeloop.calls import leave
from closeloop.serve import main

if __name__ == "__main__":
    leave(main())
