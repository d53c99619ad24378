"""What the offline classifier costs, measured in a process of its own.

``python -m evals.classify.cost`` prints one JSON document: seconds until the first answer, texts
per CPU-second, megabytes. The texts are the held-out utterances of this repository.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from evals.report import Score

ROOT: Final = Path(__file__).resolve().parents[2]
HELD_OUT: Final = ROOT / "evals" / "heldout_utterances.json"
TIMES: Final = 3
PER_SECOND_BAR: Final = 400.0
READY_BAR: Final = 5.0
MEGABYTES_BAR: Final = 500.0


def cost() -> list[Score]:
    """Return the costs, measured in a fresh process."""
    command = [sys.executable, "-m", "evals.classify.cost"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    found = json.loads(done.stdout)
    return [
        Score(
            name="cost: texts per CPU-second, in batches",
            value=found["batched"],
            at_least=PER_SECOND_BAR,
        ),
        Score(name="cost: whole classifications per CPU-second", value=found["single"]),
        Score(name="cost: seconds until ready", value=found["ready"], at_most=READY_BAR),
        Score(name="cost: CPU-seconds until ready", value=found["ready_cpu"]),
        Score(name="cost: megabytes at most", value=found["megabytes"], at_most=MEGABYTES_BAR),
    ]


def main() -> None:
    """Measure in this process; what is imported here counts."""
    began, cpu = time.monotonic(), time.process_time()
    from closeloop.models.triage import ClassifyRequest
    from closeloop.offline.classifier import OfflineClassifier
    from closeloop.offline.taxonomy import load_taxonomy

    classifier = OfflineClassifier(load_taxonomy(ROOT / "policies"))
    ready, ready_cpu = time.monotonic() - began, time.process_time() - cpu
    by_intent = json.loads(HELD_OUT.read_text(encoding="utf-8"))
    texts = [text for own in by_intent.values() for text in own]

    def rate() -> float:
        return round(TIMES * len(texts) / (time.process_time() - start), 1)

    start = time.process_time()
    for _ in range(TIMES):
        classifier.model.read(texts)
    batched = rate()
    start = time.process_time()
    for _ in range(TIMES):
        for text in texts:
            classifier.classify("default", ClassifyRequest(subject="", messages=(text,)))
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    document = {
        "batched": batched,
        "single": rate(),
        "ready": round(ready, 2),
        "ready_cpu": round(ready_cpu, 2),
        "megabytes": round(megabytes, 1),
    }
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
