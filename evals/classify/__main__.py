"""``python -m evals.classify``: how well the offline model reads what others wrote, at what cost.

``--data`` is a folder with ``banking77``, ``clinc150`` and ``bitext`` in it. Exit code 0 only if
every bar is reached.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from closeloop.errors import CloseloopError
from evals.classify import sets
from evals.classify.cost import cost
from evals.report import print_scores, progress, scores_json, write_json

STEPS = {"banking": 1 + len(sets.SEEDS), "clinc": 2, "bitext": 1, "cost": 1}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the evals that were asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.classify", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with the sets in it")
    parser.add_argument("--out", type=Path, help="where the JSON is written")
    parser.add_argument("--only", choices=STEPS, nargs="+", default=[*STEPS], help="a part of it")
    options = parser.parse_args(arguments)
    console = Console(stderr=True)
    began = time.monotonic()
    scores: list[sets.Score] = []
    try:
        with progress(console, sum(STEPS[name] for name in options.only)) as step:
            if "cost" in options.only:
                scores += cost()
                step()
            for name, run in _SETS.items():
                if name in options.only:
                    scores += run(options.data, step)
    except CloseloopError as error:
        sys.stderr.write(f"evals.classify: {error}\n")
        return 2
    summary = scores_json("classify", scores, seconds=round(time.monotonic() - began, 1))
    print_scores(Console(), "Offline classifier", scores)
    if options.out is not None:
        write_json(options.out, summary)
    return 0 if summary["passed"] else 1


_SETS = {"banking": sets.banking, "clinc": sets.clinc, "bitext": sets.bitext}


if __name__ == "__main__":
    sys.exit(main())
