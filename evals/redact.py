"""``python -m evals.redact --data DIR [--out FILE]``: what the redactor finds in synthetic text.

``DIR`` has a folder ``presidio-pii`` with ``sentences*.jsonl``, laid out as its README says. A gold
span is found if every character of it that is no white space is redacted. Precision is the share of
redacted characters (white space left out) that lie in any gold span. No record of the people is
given: names and addresses that no form tells are out of reach here, and reported apart.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from closeloop.redaction import find
from evals.report import Score, percent, print_scores, scores_json, write_json

STRUCTURED: Final = (
    "CREDIT_CARD",
    "IBAN_CODE",
    "US_SSN",
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "IP_ADDRESS",
)
UNSTRUCTURED: Final = ("PERSON", "STREET_ADDRESS", "ZIP_CODE")
STRUCTURED_BAR: Final = 95.0
"""Our own: no figure of others is known."""


def measure(sentences: Iterable[dict[str, Any]]) -> list[Score]:
    """Return the headline, precision, and the recall of each type, in percent."""
    spans: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    redacted = right = 0
    for sentence in sentences:
        text = sentence["text"]
        taken = _letters(text, ((found.start, found.end) for found in find(text)))
        gold: set[int] = set()
        for span in sentence["spans"]:
            letters = _letters(text, [(span["start"], span["end"])])
            spans[span["type"]] += 1
            hits[span["type"]] += letters <= taken
            gold |= letters
        redacted += len(taken)
        right += len(taken & gold)
    found, there = (sum(count[kind] for kind in STRUCTURED) for count in (hits, spans))
    return [
        Score(name="structured recall", value=percent(found, there), at_least=STRUCTURED_BAR),
        Score(name="precision", value=percent(right, redacted)),
        *(
            Score(name=f"{kind} ({spans[kind]})", value=percent(hits[kind], spans[kind]))
            for kind in (*STRUCTURED, *UNSTRUCTURED)
            if spans[kind]
        ),
    ]


def _letters(text: str, spans: Iterable[tuple[int, int]]) -> set[int]:
    return {i for start, end in spans for i in range(start, end) if not text[i].isspace()}


def _sentences(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for path in files:
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 0 only if the bar is reached."""
    parser = argparse.ArgumentParser(prog="python -m evals.redact", description="The redactor.")
    parser.add_argument("--data", type=Path, required=True, help="a folder with presidio-pii in it")
    parser.add_argument("--out", type=Path, help="where the scores are written as JSON")
    options = parser.parse_args(arguments)
    files = sorted((options.data / "presidio-pii").glob("sentences*.jsonl"))
    if not files:
        parser.error(f"{options.data}/presidio-pii has no sentences*.jsonl")
    scores = measure(_sentences(files))
    print_scores(Console(), "Redaction of personal data", scores)
    if options.out is not None:
        write_json(options.out, scores_json("redact", scores))
    return 0 if all(score.passed for score in scores) else 1


if __name__ == "__main__":
    sys.exit(main())
